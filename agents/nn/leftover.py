"""The end of a demonstration, but for one thing that was left over: what a demonstration seldom shows.

When all is done, nothing would be picked; were one object of those that were moved still beside the goal, it would be
that one, and it would go where it went. So the last image of a demonstration, which no action follows, teaches too.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ravens_suite.values.geometry import Array

from .loose import lay, outline
from .plane import rigid, transform, warp
from .steps import Step
from .table import standing

_FREE = 0.5
"""Least share of an object's pixels that must lie where nothing stands at the end, for it not to be done."""
_GAP = 9
"""Pixels, 28 mm, between two things that have arrived, where one more would have arrived too."""
_ATTEMPTS = 100
"""Draws of a spot before the step is left as it is."""


def left_over(step: Step, rng: np.random.Generator) -> Step:
    """The step, but all else is done, and its object lies elsewhere, no farther from its goal than it did.

    It may lie on what is flat, such as the goal's edge, and partly on what has arrived, but not where that is complete.

    Args:
        step: of what was pushed, with an end.
        rng: decides where the object lies.

    Returns:
        A step without loose objects; the same one if it has no end, or no spot is found.
    """
    if step.end is None:
        return step
    color, height = step.end[0].copy(), step.end[1].copy()
    # Gaps between things that have arrived are where they should be, too.
    taken = cv2.morphologyEx(standing(height).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    free = taken == 0
    object_, size = step.loose[0], np.array([free.shape[1], free.shape[0]])
    at = outline(object_)
    farthest = float(np.linalg.norm(step.place - step.pick))
    for _ in range(_ATTEMPTS):
        motion = rigid(0.0, step.pick, _about(step.place, farthest, rng))
        spots = transform(motion, at)
        if np.all(spots >= 0) and np.all(spots < size):
            columns, rows = spots.astype(int).T
            if free[rows, columns].mean() >= _FREE:
                lay(color, height, [object_], [motion])
                pick, grip = transform(motion, step.pick), warp(step.grip, motion)
                return replace(step, color=color, height=height, pick=pick, grip=grip, loose=(), end=None)
    return step


def _about(place: Array, farthest: float, rng: np.random.Generator) -> Array:
    """(2,) position about another, (2,), mostly much nearer than the farthest one, which is seen anyway."""
    angle, distance = rng.uniform(-np.pi, np.pi), farthest * rng.random() ** 2
    return place + distance * np.array([np.cos(angle), np.sin(angle)])
