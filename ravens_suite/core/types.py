"""Actions as poses, and the unit of depth images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose

DEPTH_UNIT = 1e-4
"""Metres. Depth images hold whole multiples of it, as a depth camera's do, so they are stored without loss."""


_USUAL = ("pick", "place")


class Action(Mapping[str, Pose]):
    """Named end-effector poses in the world frame, in the order in which the tool visits them.

    A task's motion primitive says which names there are; most have ``pick`` and ``place``.

    Args:
        pick_and_place: these two, where they are given without names.
        poses: poses by name.

    Raises:
        TypeError: more than two poses without a name, or one name twice.
    """

    def __init__(self, *pick_and_place: Pose, **poses: Pose) -> None:
        unnamed = dict(zip(_USUAL, pick_and_place, strict=False))
        if len(unnamed) < len(pick_and_place) or unnamed.keys() & poses.keys():
            raise TypeError("Name the poses of an action, each once; only pick and place may go without names.")
        self._poses = {**unnamed, **poses}

    def __getitem__(self, name: str) -> Pose:
        return self._poses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._poses)

    def __len__(self) -> int:
        return len(self._poses)

    def __repr__(self) -> str:
        return f"Action({', '.join(f'{name}={pose}' for name, pose in self._poses.items())})"

    @property
    def pick(self) -> Pose:
        """Where to pick, or where a push starts; KeyError for primitives without it."""
        return self["pick"]

    @property
    def place(self) -> Pose:
        """Where to place, or where a push ends; KeyError for primitives without it."""
        return self["place"]

    def to_dict(self) -> dict[str, Array]:
        """The environment's form: by name (7,) float64, position in metres and quaternion (x, y, z, w), world frame."""
        return {name: pose.vector() for name, pose in self._poses.items()}

    @staticmethod
    def from_dict(value: Mapping[str, Any], order: Sequence[str] = _USUAL) -> Action:
        """The inverse of ``to_dict``; what is no pose, such as a gripper's state, is left out.

        Args:
            value: arrays by name. Of an action that was recorded they are sorted by name.
            order: names that come first, in this order: the ``poses`` of a primitive.
        """
        names = dict.fromkeys([*(name for name in order if name in value), *value])
        return Action(**{name: Pose.from_vector(value[name]) for name in names if np.shape(value[name]) == (7,)})


def quantize_depth(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Depth in metres, of any shape and dtype, as float32 metres rounded to whole multiples of ``DEPTH_UNIT``."""
    steps = np.rint(np.asarray(depth, dtype=np.float32) * np.float32(1 / DEPTH_UNIT))
    result: NDArray[np.float32] = steps.astype(np.float32) * np.float32(DEPTH_UNIT)
    return result
