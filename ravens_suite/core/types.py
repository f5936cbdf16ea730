"""What passes between an environment and an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose

DEPTH_UNIT = 1e-4
"""Metres. Depth images hold whole multiples of it, as a depth camera's do, so they are stored without loss."""


class Observation(TypedDict):
    """Images of N cameras, each with H rows and W columns.

    Keys:
        color: (N, H, W, 3) uint8, RGB.
        depth: (N, H, W) float32, metres along the optical axis, whole multiples of ``DEPTH_UNIT``.
        segmentation: (N, H, W) int32 body labels, on request.
        goal_color, goal_depth: the same for a finished episode of the same scene, on request.
    """

    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    segmentation: NotRequired[NDArray[np.int32]]
    goal_color: NotRequired[NDArray[np.uint8]]
    goal_depth: NotRequired[NDArray[np.float32]]


@dataclass(frozen=True)
class Action:
    """Two end-effector poses in the world frame.

    Attributes:
        pick: where to pick, or where a push starts.
        place: where to place, or where a push ends.
    """

    pick: Pose
    place: Pose

    def to_dict(self) -> dict[str, Array]:
        """The environment's form: ``{"pick": (7,), "place": (7,)}`` float64."""
        return {"pick": self.pick.vector(), "place": self.place.vector()}

    @staticmethod
    def from_dict(value: dict[str, Any]) -> Action:
        """The inverse of ``to_dict``; expects values that were checked before."""
        return Action(Pose.from_vector(value["pick"]), Pose.from_vector(value["place"]))


def quantize_depth(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Depth in metres rounded to whole multiples of ``DEPTH_UNIT``, float32."""
    steps = np.rint(np.asarray(depth, dtype=np.float32) * np.float32(1 / DEPTH_UNIT))
    result: NDArray[np.float32] = steps.astype(np.float32) * np.float32(DEPTH_UNIT)
    return result
