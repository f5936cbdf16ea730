"""Actions as poses, and the unit of depth images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose

DEPTH_UNIT = 1e-4
"""Metres. Depth images hold whole multiples of it, as a depth camera's do, so they are stored without loss."""


class Action(Mapping[str, Pose]):
    """Named end-effector poses in the world frame; which names there are, a task's motion primitive says.

    Args:
        pick: where to pick, or where a push starts.
        place: where to place, or where a push ends.
        others: poses of other primitives, by name.
    """

    def __init__(self, pick: Pose | None = None, place: Pose | None = None, **others: Pose) -> None:
        named = {"pick": pick, "place": place, **others}
        self._poses = {name: pose for name, pose in named.items() if pose is not None}

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
        """Where to pick, or where a push starts."""
        return self["pick"]

    @property
    def place(self) -> Pose:
        """Where to place, or where a push ends."""
        return self["place"]

    def to_dict(self) -> dict[str, Array]:
        """The environment's form: by name (7,) float64, position in metres and quaternion (x, y, z, w)."""
        return {name: pose.vector() for name, pose in self._poses.items()}

    @staticmethod
    def from_dict(value: Mapping[str, Any]) -> Action:
        """The inverse of ``to_dict``; what is no pose, such as a gripper's state, is left out."""
        return Action(**{name: Pose.from_vector(item) for name, item in value.items() if np.shape(item) == (7,)})


def quantize_depth(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Depth in metres rounded to whole multiples of ``DEPTH_UNIT``, float32."""
    steps = np.rint(np.asarray(depth, dtype=np.float32) * np.float32(1 / DEPTH_UNIT))
    result: NDArray[np.float32] = steps.astype(np.float32) * np.float32(DEPTH_UNIT)
    return result
