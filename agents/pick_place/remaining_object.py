"""Remaining-object augmentation: the last scene of a demonstration with one more object to push.

Demonstrations seldom show a nearly finished scene. If one more object lay beside the goal of the last scene, it would
have to go where the others went. So the last image, which no action follows, becomes a training example, too.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ravens_suite.core.geometry import Array

from .free_objects import outline, paste
from .plane import rigid, transform, warp
from .steps import Step
from .table import standing

_FREE = 0.5
"""Least share of the object's pixels on free ground: less, and it would count as already placed."""
_GAP = 9
"""Pixels, 28 mm: narrower gaps between standing objects count as occupied."""
_ATTEMPTS = 100
"""Random positions tried before the step is left as it is."""


def with_remaining_object(step: Step, rng: np.random.Generator) -> Step:
    """The last scene of the demonstration, with one more copy of the pushed object beside the goal.

    The copy may lie on flat markings and may overlap standing objects by up to half.

    Args:
        step: of a push.
        rng: chooses the position.

    Returns:
        The push of that copy to the same place, from at most the demonstrated distance, without free objects and end.
        The unchanged step if it has no end, or no position is found.
    """
    if step.end is None:
        return step
    color, height = step.end[0].copy(), step.end[1].copy()
    taken = cv2.morphologyEx(standing(height).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    pushed, size = step.free_objects[0], np.array([height.shape[1], height.shape[0]])
    # The pick itself may be a little beside the object, and has to be on the map as well.
    at = np.vstack([step.pick, outline(pushed)])
    farthest = float(np.linalg.norm(step.place - step.pick))
    for _ in range(_ATTEMPTS):
        motion = rigid(0.0, step.pick, _about(step.place, farthest, rng))
        spots = transform(motion, at)
        if np.all(spots >= 0) and np.all(spots < size):
            columns, rows = spots[1:].astype(int).T
            if (taken[rows, columns] == 0).mean() >= _FREE:
                paste(color, height, [pushed], [motion])
                pick_affinity = warp(step.pick_affinity, motion)
                return replace(
                    step,
                    color=color,
                    height=height,
                    pick=transform(motion, step.pick),
                    pick_affinity=pick_affinity / pick_affinity.sum(),
                    free_objects=(),
                    centre=transform(motion, step.centre),
                    end=None,
                )
    return step


def _about(place: Array, farthest: float, rng: np.random.Generator) -> Array:
    """(2,) random position at most ``farthest`` pixels from a place, (2,), half of all within a quarter of that."""
    angle, distance = rng.uniform(-np.pi, np.pi), farthest * rng.random() ** 2
    return place + distance * np.array([np.cos(angle), np.sin(angle)])
