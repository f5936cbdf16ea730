"""Bystanders: things on bare table that a step neither moves nor goes to. They are shown elsewhere.

From one demonstration nothing says that a goal is the one of a colour, and not the one to the left of another. With its
bystanders elsewhere, the goal can only be known by what it looks like, and by what is said of it.

Positions and motions are those of ``plane.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import SHADOW, FreeObject, grown, inpaint, lies_as_before, paste, scatter, touches_border
from .plane import IDENTITY, warp
from .steps import Step
from .table import bare_table, table_appearance

_SMALLEST = 9
"""Pixels of the smallest thing that is moved."""
_GAP = 4
"""Pixels of bare table between one thing and the next."""


def with_bystanders_elsewhere(step: Step, rng: np.random.Generator) -> Step:
    """A step whose bystanders lie at random positions, in all of its pictures.

    Args:
        step: as demonstrated.
        rng: chooses the positions.

    Returns:
        The step in another scene; unchanged if there are no bystanders, or no room for them.
    """
    found = bystanders(step)
    if not found:
        return step
    table = inpaint(step.scene, found)
    motions = scatter(found, [IDENTITY] * len(found), ~grown(~bare_table(table), _GAP) & ~_goal(step), rng)
    if not motions:
        return step
    scene = _moved(step.scene, found, motions)
    goal, first = (other and _moved(other, found, motions) for other in (step.goal, step.first))
    return replace(step, color=scene.color, height=scene.height, goal=goal, first=first)


def bystanders(step: Step) -> list[FreeObject]:
    """The things that lie alone on bare table and alike in all pictures of a step, and are no part of what it does."""
    scene = step.scene
    bare = bare_table(scene)
    own = grown((step.pick_affinity > 0) | _goal(step), 1)
    for each in step.free_objects:
        own[each.window] |= each.mask
    if step.loose is not None:
        own[step.loose.window] |= step.loose.mask
    # With less than the gap between them, two may be one thing, or lean against each other.
    _, labels = cv2.connectedComponents(grown(~bare, _GAP // 2).astype(np.uint8), connectivity=8)
    labels[bare] = 0
    others = [other for other in (step.goal, step.first) if other is not None]
    found = []
    for label in np.setdiff1d(labels, np.append(labels[own], 0)):
        mask = labels == label
        if mask.sum() >= _SMALLEST and not touches_border(grown(mask, 1)):
            thing = _thing(scene, mask, bare)
            if all(lies_as_before(thing, other) for other in others):
                found.append(thing)
    return found


def _goal(step: Step) -> NDArray[np.bool_]:
    """(rows, columns) bool: where the object of a step goes."""
    return warp((step.pick_affinity > 0).astype(np.uint8), step.motion).astype(bool)


def _thing(scene: Heightmap, mask: NDArray[np.bool_], bare: NDArray[np.bool_]) -> FreeObject:
    """What lies on bare table, with table as it is elsewhere beneath it."""
    wide = grown(mask, SHADOW)
    shadow = wide & ~mask & bare
    rows, columns = np.nonzero(wide)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    color, height = table_appearance(scene)
    part = mask[window]
    return FreeObject(
        window,
        mask=part.copy(),
        shadow=shadow[window].copy(),
        color=scene.color[window].copy(),
        height=scene.height[window].copy(),
        table_known=part | shadow[window],
        table_color=np.broadcast_to(color.astype(np.uint8), (*part.shape, 3)).copy(),
        table_height=np.full(part.shape, height, dtype=np.float32),
    )


def _moved(scene: Heightmap, things: Sequence[FreeObject], motions: Sequence[Array]) -> Heightmap:
    """A scene whose bystanders lie elsewhere."""
    moved = inpaint(scene, things)
    paste(moved, things, motions)
    return moved
