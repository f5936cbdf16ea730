"""Actions as one vector and observations as plain images and vectors, for learners that take nothing else.

Stable-Baselines3 is one: its algorithms refuse a ``Dict`` of actions, and its ``MultiInputPolicy`` takes an array for
an image only if it is (rows, columns, channels) uint8 (2.7.0, ``common/preprocessing.py``)::

    environment = gymnasium.make("ravens_suite/BlockInsertion-v0", image_size=(60, 80))
    environment = PlainObservation(FlatAction(environment))
    PPO("MultiInputPolicy", environment)

Actions stay in metres. Many learners explore in units of 1: put ``gymnasium.wrappers.RescaleAction(environment, -1.0,
1.0)`` around them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ravens_suite.core.geometry import Pose, canonical, yaw_quaternion
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.errors import ConfigError, InvalidActionError

Rotation = Literal["yaw", "quaternion"]
"""``yaw``: the tool points straight down, (sin, cos) of its turn; ``quaternion``: (x, y, z, w), which may tilt it.

Of the two quaternions of a rotation ``flatten`` gives the one with w >= 0: no learner could tell which to give."""

_PARTS: Mapping[Rotation, tuple[str, ...]] = {
    "yaw": ("x", "y", "z", "sin_yaw", "cos_yaw"),
    "quaternion": ("x", "y", "z", "qx", "qy", "qz", "qw"),
}
_LEAST_LENGTH = 1e-6
_LEAST_UPRIGHT = 1 - 1e-6
"""Cosine of the tilt of a tool that counts as straight down."""


@dataclass(frozen=True)
class ActionLayout:
    """What each number of a flat action means.

    A pose takes 5 numbers with ``yaw`` and 7 with ``quaternion``, positions in metres, world frame; a gripper takes
    one, closed from 0.5 on. So an action of pick and place has 10 or 14, a way-point 6 or 8.

    Attributes:
        space: of the environment's own actions: boxes of shape (7,) and ``Discrete(2)``, by name.
        rotation: how a pose's orientation is told.
    """

    space: gymnasium.spaces.Dict
    rotation: Rotation = "yaw"

    def __post_init__(self) -> None:
        if self.rotation not in get_args(Rotation):
            raise ConfigError(f"rotation must be {' or '.join(get_args(Rotation))}; got {self.rotation!r}.")
        if not isinstance(self.space, gymnasium.spaces.Dict):
            raise ConfigError(f"Actions must be a Dict space of poses by name; got {type(self.space).__name__}.")

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each number, such as ``pick_x`` or ``gripper``, in order."""
        return tuple(name for key, space in self.space.items() for name in self._names(key, space))

    def box(self) -> gymnasium.spaces.Box:
        """(numbers,) float32, within the limits of the environment's own space."""
        low, high = [], []
        for space in self.space.values():
            if isinstance(space, gymnasium.spaces.Box):
                low += [*space.low[:3], *[-1.0] * (len(_PARTS[self.rotation]) - 3)]
                high += [*space.high[:3], *[1.0] * (len(_PARTS[self.rotation]) - 3)]
            else:
                low, high = [*low, 0.0], [*high, 1.0]
        return gymnasium.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)

    def flatten(self, action: Mapping[str, Any]) -> NDArray[np.float32]:
        """(numbers,) float32 in the order of ``names`` for an action by name; positions in metres, world frame.

        Raises:
            InvalidActionError: with ``yaw``, a pose tilts the tool.
        """
        parts: list[float] = []
        for key, space in self.space.items():
            if not isinstance(space, gymnasium.spaces.Box):
                parts.append(float(action[key]))
                continue
            vector = np.asarray(action[key], dtype=np.float64)
            parts += [*vector[:3], *self._turn(key, vector)]
        return np.array(parts, dtype=np.float32)

    def unflatten(self, numbers: ArrayLike) -> dict[str, Any]:
        """The inverse of ``flatten``, float64; zeros for an orientation are a tool that points straight down, yaw 0.

        Raises:
            InvalidActionError: these are not as many numbers as the layout has.
        """
        count = len(self.names)
        try:
            vector = np.asarray(numbers, dtype=np.float64)
        except UNREADABLE as error:
            why = f" ({error})" if isinstance(error, RuntimeError) else ""
            raise InvalidActionError(f"A flat action is {count} numbers; got {type(numbers).__name__}{why}.") from None
        if vector.shape != (count,):
            raise InvalidActionError(
                f"A flat action has shape ({count},): {', '.join(self.names)}; got {vector.shape}."
            )
        action: dict[str, Any] = {}
        start = 0
        for key, space in self.space.items():
            if isinstance(space, gymnasium.spaces.Box):
                end = start + len(_PARTS[self.rotation])
                action[key] = np.concatenate([vector[start : start + 3], _quaternion(vector[start + 3 : end])])
            else:
                end = start + 1
                # What is not finite is passed on, to be refused by name.
                action[key] = int(vector[start] >= 0.5) if np.isfinite(vector[start]) else float(vector[start])
            start = end
        return action

    def _names(self, key: str, space: gymnasium.Space[Any]) -> list[str]:
        if isinstance(space, gymnasium.spaces.Box) and space.shape == (7,):
            return [f"{key}_{part}" for part in _PARTS[self.rotation]]
        if isinstance(space, gymnasium.spaces.Discrete) and space.n == 2:
            return [key]
        raise ConfigError(
            f"The space of {key!r} is {space}: a flat action has poses of shape (7,) and Discrete(2) only."
        )

    def _turn(self, key: str, vector: NDArray[np.float64]) -> list[float]:
        pose = Pose.from_vector(vector)
        if self.rotation == "quaternion":
            return list(canonical(pose.quaternion))
        qx, qy, *_ = pose.quaternion
        if 1 - 2 * (qx * qx + qy * qy) < _LEAST_UPRIGHT:
            raise InvalidActionError(f"action[{key!r}] tilts the tool: use FlatAction(..., rotation='quaternion').")
        return [math.sin(pose.yaw), math.cos(pose.yaw)]


class FlatAction(gymnasium.ActionWrapper[Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Actions are one vector.

    Args:
        env: whose actions are poses by name, and a gripper's 0 or 1.
        rotation: ``yaw`` or ``quaternion``; see ``Rotation``.

    Attributes:
        layout: what each number means: ``layout.names``; ``layout.flatten`` makes a vector of an action of the oracle.

    Raises:
        ConfigError: the actions of the environment have another form.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], rotation: Rotation = "yaw") -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, rotation=rotation)
        gymnasium.ActionWrapper.__init__(self, env)
        space: Any = env.action_space
        self.layout = ActionLayout(space, rotation)
        self.action_space = self.layout.box()

    def action(self, action: ArrayLike) -> dict[str, Any]:
        """The environment's own action for a vector."""
        return self.layout.unflatten(action)


class PlainObservation(gymnasium.ObservationWrapper[Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Every key is an image (rows, columns, channels) uint8 or a vector float32.

    ``color`` becomes ``color_0``, ``color_1``, ..., one (rows, columns, 3) a camera; ``depth`` becomes ``depth_0`` and
    so on, (rows, columns, 1), 0 for ``depth_range[0]`` and less, 255 for ``depth_range[1]`` and more: 5 mm a level.
    All other arrays become vectors. Texts are left out; their bytes stay, as images do, uint8.

    Args:
        env: with a ``Dict`` of observations.
        depth_range: metres.

    Raises:
        ConfigError: the observations have another form, or hold a segmentation, which is neither image nor vector.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], depth_range: tuple[float, float] = (0.3, 1.6)) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, depth_range=depth_range)
        gymnasium.ObservationWrapper.__init__(self, env)
        if not 0 <= depth_range[0] < depth_range[1] < math.inf:
            raise ConfigError(f"depth_range must be two distances in metres, the nearer first; got {depth_range!r}.")
        self._near, self._far = depth_range
        space = env.observation_space
        if not isinstance(space, gymnasium.spaces.Dict):
            raise ConfigError(f"Observations must be a Dict space of arrays by name; got {type(space).__name__}.")
        spaces: dict[str, gymnasium.Space[Any]] = {}
        for key, part in space.items():
            if key.endswith("segmentation"):
                raise ConfigError(f"{key!r} is neither an image nor a vector: do not observe it.")
            if isinstance(part, gymnasium.spaces.Box):
                spaces |= _plain_spaces(key, part)
        self.observation_space = gymnasium.spaces.Dict(spaces)

    def observation(self, observation: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """Images (rows, columns, channels) uint8 and vectors (numbers,), float32 or uint8; fresh arrays."""
        plain: dict[str, NDArray[Any]] = {}
        for key, value in observation.items():
            if isinstance(value, str):
                continue
            match _kind(key):
                case "color":
                    plain |= {f"{key}_{i}": view.copy() for i, view in enumerate(value)}
                case "depth":
                    levels = np.clip((value - self._near) / (self._far - self._near), 0, 1) * 255
                    plain |= {f"{key}_{i}": view[..., None] for i, view in enumerate(np.rint(levels).astype(np.uint8))}
                case _:
                    kept = np.uint8 if value.dtype == np.uint8 else np.float32
                    plain[key] = value.astype(kept).reshape(-1)
        return plain


def _kind(key: str) -> str:
    """``color`` and ``depth``, of the scene or of its goal, are images."""
    return key.removeprefix("goal_")


def _plain_spaces(key: str, space: gymnasium.spaces.Box) -> dict[str, gymnasium.Space[Any]]:
    if _kind(key) in ("color", "depth"):
        count, rows, columns = space.shape[:3]
        channels = 3 if _kind(key) == "color" else 1
        image = (rows, columns, channels)
        return {f"{key}_{i}": gymnasium.spaces.Box(0, 255, image, np.uint8) for i in range(count)}
    kept: Any = np.uint8 if space.dtype == np.uint8 else np.float32
    low, high = (limit.reshape(-1).astype(kept) for limit in (space.low, space.high))
    return {key: gymnasium.spaces.Box(low, high, dtype=kept)}


def _quaternion(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) for (sin, cos) of a yaw or for a quaternion; what is zero points straight down."""
    if np.isfinite(numbers).all() and np.linalg.norm(numbers) < _LEAST_LENGTH:
        return np.array([0.0, 0.0, 0.0, 1.0])
    if len(numbers) == 4:
        return numbers
    if not np.isfinite(numbers).all():
        return np.full(4, np.nan)  # To be refused by name.
    return np.array(yaw_quaternion(math.atan2(numbers[0], numbers[1])))
