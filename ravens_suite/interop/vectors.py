"""Actions and states as the vectors that vision-language-action models and LeRobot's policies learn.

| layout | pick and place | way-point |
|---|---|---|
| ``yaw`` | 10: position, sine and cosine of the yaw, twice | 6: gripper, position, sine and cosine |
| ``quaternion`` | 14: position, quaternion (x, y, z, w), twice | 8: gripper, position, quaternion |
| ``delta`` | none | 7: position less that of the tool, rotation vector from its orientation, gripper |

Positions are in metres, world frame. Of the two quaternions of a rotation the one with w >= 0 is told, in actions and
states, for data and environments would else differ: what moves the tool by a yaw or a step does not choose between
them as the oracle did. A gripper is closed from 0.5 on; with ``delta``, where -1 is open and 1 is closed,
from 0 on. A rotation vector (radians, world frame) turns the tool's orientation into the one that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from ravens_suite.core.geometry import canonical
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.errors import ConfigError, InvalidActionError
from ravens_suite.interop.flat import ActionLayout

LayoutName = Literal["yaw", "quaternion", "delta"]

_DELTA = ("dx", "dy", "dz", "rotation_x", "rotation_y", "rotation_z", "gripper")
_FARTHEST = 1.0
_TIP = ("tip_x", "tip_y", "tip_z", "tip_qx", "tip_qy", "tip_qz", "tip_qw", "touches", "holds")


class VectorActions:
    """Actions of one kind of control as vectors, and back.

    Args:
        space: of the environment's own actions, or of recorded ones (``space_of_actions``).
        layout: see the module.

    Attributes:
        names: what each number means, in order.

    Raises:
        ConfigError: there is no such layout, or not of these actions.
    """

    def __init__(self, space: gymnasium.spaces.Dict, layout: LayoutName) -> None:
        if layout not in get_args(LayoutName):
            raise ConfigError(f"actions must be {', '.join(get_args(LayoutName))}; got {layout!r}.")
        self.is_delta = layout == "delta"
        if self.is_delta and set(space.spaces) != {"pose", "gripper"}:
            raise ConfigError(
                "The layout delta is of way-points, relative to the tool: choose yaw or quaternion for actions of pick "
                "and place, or the task's continuous form (TASK-continuous)."
            )
        self._flat = None if layout == "delta" else ActionLayout(space, layout)
        self.names = _DELTA if self._flat is None else self._flat.names

    def box(self) -> gymnasium.spaces.Box:
        """(numbers,) float32."""
        if self._flat is not None:
            return self._flat.box()
        high = np.array([*[_FARTHEST] * 3, *[math.pi] * 3, 1.0], np.float32)
        return gymnasium.spaces.Box(-high, high, dtype=np.float32)

    def encode(self, action: Mapping[str, Any], tip: NDArray[np.float64] | None) -> NDArray[np.float32]:
        """(numbers,) float32.

        Args:
            action: by name.
            tip: (7,) pose of the tool before it, world frame; read by ``delta`` only.

        Raises:
            InvalidActionError: with ``yaw``, the action tilts the tool.
            ConfigError: with ``delta``, the pose of the tool was not observed.
        """
        if self._flat is not None:
            try:
                return self._flat.flatten(action)
            except InvalidActionError as error:
                raise InvalidActionError(
                    "An action tilts the tool, for which the layout yaw has no numbers: choose actions='quaternion' "
                    "(--env.actions=quaternion), and export the data set so, too (--actions quaternion)."
                ) from error
        tip = _observed(tip)
        pose = np.asarray(action["pose"], dtype=np.float64)
        turn = (Rotation.from_quat(pose[3:]) * Rotation.from_quat(tip[3:]).inv()).as_rotvec()
        return np.array([*(pose[:3] - tip[:3]), *turn, 2.0 * int(action["gripper"]) - 1.0], np.float32)

    def decode(self, numbers: ArrayLike, tip: NDArray[np.float64] | None) -> dict[str, Any]:
        """The inverse of ``encode``: an action by name, poses (7,) float64, world frame.

        Args:
            numbers: (numbers,) of the layout.
            tip: (7,) pose of the tool before the action, metres and quaternion, world frame; read by ``delta`` only.

        Raises:
            InvalidActionError: these are not as many numbers as the layout has, or not finite.
            ConfigError: with ``delta``, the pose of the tool was not observed.
        """
        if self._flat is not None:
            return self._flat.unflatten(numbers)
        tip, vector = _observed(tip), numbers_of(numbers, np.float64)
        if vector.shape != (len(_DELTA),) or not np.isfinite(vector).all():
            raise InvalidActionError(f"An action has {len(_DELTA)} finite numbers, {', '.join(_DELTA)}; got {vector}.")
        turned = Rotation.from_rotvec(vector[3:6]) * Rotation.from_quat(tip[3:])
        return {"pose": np.array([*(tip[:3] + vector[:3]), *turned.as_quat()]), "gripper": int(vector[6] >= 0)}


class VectorState:
    """What a policy knows of the robot: one vector for each observation.

    Where proprioception is observed: pose of the tool's tip (7,), metres and quaternion (x, y, z, w >= 0), world frame,
    and whether the tool touches something and holds something. Else the last action, zeros before the first: with whole
    motions the tool is out of sight between two of them, and there is nothing else to know.

    Args:
        observed: keys of an observation.
        actions: how the last one is told.
    """

    def __init__(self, observed: Mapping[str, Any] | tuple[str, ...], actions: VectorActions) -> None:
        self.is_tip = {"tip_pose", "gripper_state"} <= set(observed)
        self.names = _TIP if self.is_tip else tuple(f"last_{name}" for name in actions.names)

    def of(self, observation: Mapping[str, Any], last: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """(numbers,) float32, as ``names`` says: metres and quaternion in the world frame; or numbers of an action.

        Args:
            observation: the present one.
            last: (numbers,) vector of the last action; ``None`` before the first.
        """
        if self.is_tip:
            x, y, z, *turn = observation["tip_pose"].tolist()
            qx, qy, qz, qw = turn
            return np.array([x, y, z, *canonical((qx, qy, qz, qw)), *observation["gripper_state"]], np.float32)
        return np.zeros(len(self.names), np.float32) if last is None else last.astype(np.float32)


def numbers_of(action: Any, dtype: type[Any]) -> NDArray[Any]:
    """A vector of numbers as an array of a floating point type.

    Args:
        action: whatever holds it.
        dtype: of the array.

    Returns:
        In the same shape, of this dtype.

    Raises:
        InvalidActionError: it holds no numbers.
    """
    try:
        return np.asarray(action, dtype=dtype)
    except UNREADABLE as error:
        raise InvalidActionError(f"An action is a vector of numbers; got {type(action).__name__} ({error}).") from None


def space_of_actions(actions: Mapping[str, NDArray[Any]]) -> gymnasium.spaces.Dict:
    """A space of recorded actions without their limits: by key, (T, 7) float64 and (T,) int64 of grippers."""
    spaces: dict[str, gymnasium.Space[Any]] = {}
    for key, values in actions.items():
        if values.dtype.kind in "iub":
            spaces[key] = gymnasium.spaces.Discrete(2)
        else:
            spaces[key] = gymnasium.spaces.Box(-np.inf, np.inf, values.shape[1:], np.float64)
    return gymnasium.spaces.Dict(spaces)


def _observed(tip: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if tip is None:
        raise ConfigError(
            "The layout delta needs the pose of the tool: observe it (--observe images proprioception instruction)."
        )
    return np.asarray(tip, dtype=np.float64)
