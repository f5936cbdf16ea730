"""Goal scenes of training examples: they change as the scene does where both show the same, and else stay as they are.

A demonstration has one goal, its finished scene. But each of its scenes is also what its first actions were to reach,
had no others followed (hindsight, arXiv 1707.01495). So few demonstrations show many goals, also ones that no task has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject, inpaint, lies_as_before
from .steps import Step
from .table import changed_pixels


def with_earlier_goal(steps: Sequence[Step], index: int, rng: np.random.Generator) -> Step:
    """A step of a demonstration as if that ended with this step or with a later one, drawn uniformly.

    What is only moved after that end is removed from the scene and from its goal: nothing is to be done with it.

    Args:
        steps: of one demonstration, in their order.
        index: of the step among them.
        rng: chooses the end.

    Returns:
        The unchanged step if it has no goal, if the drawn end is the demonstrated one, or if what is moved later does
        not lie free on the table.
    """
    step, end = steps[index], int(rng.integers(index + 1, len(steps) + 1))
    if step.goal is None or end == len(steps):
        return step
    later = steps[end].free_objects
    own = [each for each in step.free_objects if not any(_same(each, other) for other in later)]
    if len(later) != len(steps) - end or len(own) + len(later) != len(step.free_objects):
        return step
    scene = inpaint(step.scene, later)
    goal = inpaint(steps[end].scene, later)
    first = step.first and without_unmoved(step.first, later)
    return replace(step, color=scene.color, height=scene.height, free_objects=tuple(own), goal=goal, first=first)


def without_unmoved(first: Heightmap, objects: Sequence[FreeObject]) -> Heightmap:
    """A copy of the first scene of a demonstration without those free objects of a later one that lay there, too."""
    return inpaint(first, [each for each in objects if lies_as_before(each, first)])


def _same(first: FreeObject, second: FreeObject) -> bool:
    return first.window == second.window and bool(np.array_equal(first.mask, second.mask))


def recolored_goal(goal: Heightmap, scene: Heightmap, color: NDArray[np.uint8]) -> Heightmap:
    """A goal in which what it has in common with a scene has the scene's new colours.

    Args:
        goal: the finished scene.
        scene: before it was recoloured.
        color: (rows, columns, 3) uint8, its new colours.

    Returns:
        A new map with the goal's heights.
    """
    at = ~changed_pixels(goal, scene) & (color != scene.color).any(axis=-1)
    return Heightmap(np.where(at[..., None], color, goal.color), goal.height)
