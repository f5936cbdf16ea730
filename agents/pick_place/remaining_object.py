"""Remaining-object augmentation: the last scene of a demonstration with one more object.

Demonstrations seldom show a nearly finished scene, and never that a finished one stays as it is. If one more object lay
on the table in the last scene, it would be moved next, and what has arrived would not. So the last image, which no
action follows, becomes a training example, too. Pushes that all go to one place say where it goes; picks do not.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import paste, sampled_pixels, scatter
from .plane import IDENTITY, rigid, transform, warp
from .steps import Step
from .table import above_table, bare_table

_LEAST_FREE = 0.5
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
        The push of that copy to the same place, from at most the demonstrated distance, without free objects and final
        scene. The unchanged step if it has no final scene, or no position is found.
    """
    if step.final_scene is None:
        return step
    scene = Heightmap(step.final_scene.color.copy(), step.final_scene.height.copy())
    motion = _draw_motion(step, scene, rng)
    if motion is None:
        return step
    paste(scene, step.free_objects[:1], [motion])
    pick_affinity = warp(step.pick_affinity, motion)
    return replace(
        step,
        color=scene.color,
        height=scene.height,
        pick=transform(motion, step.pick),
        pick_affinity=pick_affinity / pick_affinity.sum(),
        free_objects=(),
        centre=transform(motion, step.centre),
        final_scene=None,
    )


def with_object_left(step: Step, rng: np.random.Generator) -> Step | None:
    """The last scene of the demonstration, with one more copy of the picked object on bare table.

    That one is picked, and not those that have arrived. Where it goes is not known.

    Args:
        step: with a free object and the last scene.
        rng: chooses the position.

    Returns:
        The step, without free objects; its place means nothing. ``None`` if there is no room.
    """
    assert step.end is not None
    scene = Heightmap(step.end.color.copy(), step.end.height.copy())
    motions = scatter(step.free_objects[:1], [IDENTITY], bare_table(scene), rng)
    if not motions:
        return None
    paste(scene, step.free_objects[:1], motions)
    pick_affinity = warp(step.pick_affinity, motions[0])
    return replace(
        step,
        color=scene.color,
        height=scene.height,
        pick=transform(motions[0], step.pick),
        pick_affinity=pick_affinity / pick_affinity.sum(),
        free_objects=(),
        centre=transform(motions[0], step.centre),
        symmetry_order=1,
        end=None,
    )


def _draw_motion(step: Step, scene: Heightmap, rng: np.random.Generator) -> Array | None:
    """(2, 3) matrix that takes the pushed object to a random free position; ``None`` if none is found."""
    standing = above_table(scene.height).astype(np.uint8)
    occupied = cv2.morphologyEx(standing, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    size = np.array([standing.shape[1], standing.shape[0]])
    # The pick may be a little beside the object, and has to be on the map, too.
    points = np.vstack([step.pick, sampled_pixels(step.free_objects[0])])
    farthest = float(np.linalg.norm(step.place - step.pick))
    for _ in range(_ATTEMPTS):
        motion = rigid(0.0, step.pick, _draw_position(step.place, farthest, rng))
        moved = transform(motion, points)
        if np.all(moved >= 0) and np.all(moved < size):
            columns, rows = moved[1:].astype(int).T
            if (occupied[rows, columns] == 0).mean() >= _LEAST_FREE:
                return motion
    return None


def _draw_position(place: Array, farthest: float, rng: np.random.Generator) -> Array:
    """(2,) random position at most ``farthest`` pixels from a place (2,), half of all within a quarter of that."""
    angle, distance = rng.uniform(-np.pi, np.pi), farthest * rng.random() ** 2
    return place + distance * np.array([np.cos(angle), np.sin(angle)])
