"""Loose things: what several steps move to where a sentence wants it, such as a rope that is laid bead by bead.

No single step moves all of it, so that none shows it as a free object. But where most of it lay at first there is bare
table in the end, and where it is meant to lie does not depend on where it lies now. A demonstration never shows it
across a place that is not meant, as it lies after a move that went wrong; shown elsewhere, it does.

Positions are those of ``plane.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import SHADOW, FreeObject, grown, on_free_pixels, sampled_pixels, touches_border
from .moved_object import standing_object
from .plane import rigid, transform
from .steps import Step
from .table import above_table, bare_table, holes, table_appearance

_LEFT = 0.75
"""Least share of what it covered at first that nothing covers in the end. A rope may lie across its place at first."""
_WHOLE = 0.9
"""Least share of all that moves that is the thing, and of the thing that moves."""
_NEAR = 40.0
"""Pixels, 125 mm: standard deviation along each axis of the position about its place of what is shown near it."""
_TURN = np.pi / 2
"""Largest rotation. Turned further, a rope would rather be laid the other way round, with each bead elsewhere."""
_ATTEMPTS = 100
"""Random positions tried before it is left where it is."""


def loose_things(steps: Sequence[Step], maps: Sequence[Heightmap]) -> Iterator[FreeObject | None]:
    """What each of the steps of one sentence picks, with all that hangs together with it.

    Args:
        steps: those of the sentence, or of the whole episode where nothing is said.
        maps: the scenes before each of them, then the one after the last.

    Yields:
        For each step the thing; ``None`` where one step carries the sentence out, where something is turned or moved as
        a free object, and where much of what lies at the first pick stays there. At a step also where nothing stands at
        the pick, where it reaches the border, and where it is a part of what moves, or has with it what never moves.
    """
    things: list[FreeObject | None] = [None] * len(steps)
    turned = any(step.rotates or step.tilt is not None or step.free_objects for step in steps)
    whole = None if len(steps) < 2 or turned else standing_object(maps[0], steps[0].pick)
    if whole is not None and (~above_table(maps[-1].height))[whole].mean() >= _LEFT:
        above = np.stack([above_table(scene.height) for scene in maps])
        table, known = _table(maps, above)
        moving = above & ~_still(above, whole)
        things = [_thing(step, at, table, known) for step, at in zip(steps, moving, strict=False)]
    yield from things


def settled_thing(steps: Sequence[Step], maps: Sequence[Heightmap]) -> FreeObject | None:
    """The loose thing of steps as it lies in the last of their scenes.

    Args:
        steps: with the things of ``loose_things``.
        maps: the scenes before each of them, then the one after the last.

    Returns:
        ``None`` if no step has one, or if it is in parts there, or reaches the border.
    """
    whole = standing_object(maps[0], steps[0].pick)
    if whole is None or all(step.loose is None for step in steps):
        return None
    above = np.stack([above_table(scene.height) for scene in maps])
    last = replace(steps[-1], color=maps[-1].color, height=maps[-1].height, pick=steps[-1].place)
    return _thing(last, above[-1] & ~_still(above, whole), *_table(maps, above))


def drift(thing: FreeObject, table: Heightmap, place: Array, rng: np.random.Generator) -> Array | None:
    """A random motion of a loose thing to where nothing stands: half of the time anywhere, else near its place.

    Args:
        thing: what is moved.
        table: the scene without it.
        place: (2,) float64 pixel position.
        rng: draws it.

    Returns:
        (2, 3) float64 matrix; ``None`` if there is no room.
    """
    size = np.array([table.height.shape[1], table.height.shape[0]])
    free = ~above_table(table.height)
    points = sampled_pixels(thing)
    centre = points.mean(axis=0)
    for _ in range(_ATTEMPTS):
        target = rng.uniform(0, 1, 2) * size if rng.random() < 0.5 else place + rng.normal(0, _NEAR, 2)
        motion = rigid(rng.uniform(-_TURN, _TURN), centre, target)
        if on_free_pixels(transform(motion, points), free):
            return motion
    return None


def _still(above: NDArray[np.bool_], whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(rows, columns) bool: what stood there all along and was no part of the thing at first.

    A part of a rope that lies across its place stands there all along, too.

    Args:
        above: (maps, rows, columns) bool, where something stands.
        whole: (rows, columns) bool, the thing at first.
    """
    still: NDArray[np.bool_] = above.all(axis=0) & ~whole
    return still


def _table(maps: Sequence[Heightmap], above: NDArray[np.bool_]) -> tuple[Heightmap, NDArray[np.bool_]]:
    """What lies beneath all that stands, and where any of the maps shows it, (rows, columns) bool.

    Args:
        maps: all of a sentence.
        above: (maps, rows, columns) bool, where something stands.
    """
    flat = ~above & ~np.stack([holes(scene) for scene in maps])
    # Beside what stands lie its shadow and its lower edge.
    best = flat.astype(np.uint8) + (flat & ~np.stack([grown(at, SHADOW) for at in above]))
    shown = best.argmax(axis=0)[None]
    color = np.take_along_axis(np.stack([scene.color for scene in maps]), shown[..., None], axis=0)[0]
    height = np.take_along_axis(np.stack([scene.height for scene in maps]), shown, axis=0)[0]
    known = np.logical_or.reduce(flat, axis=0)
    color[~known], height[~known] = table_appearance(maps[0])
    return Heightmap(color, height), known


def _thing(step: Step, moving: NDArray[np.bool_], table: Heightmap, known: NDArray[np.bool_]) -> FreeObject | None:
    """What stands at the pick, if it is what moves, all of it and nothing else.

    Args:
        step: of the sentence.
        moving: (rows, columns) bool, what stands but for ``_still``.
        table: what lies beneath.
        known: (rows, columns) bool, where that has been seen.
    """
    mask = standing_object(step.scene, step.pick)
    if mask is None or touches_border(mask):
        return None
    own = (mask & moving).sum()
    if own < _WHOLE * moving.sum() or own < _WHOLE * mask.sum():
        return None
    wide = grown(mask, SHADOW)
    rows, columns = np.nonzero(wide)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    return FreeObject(
        window,
        mask=mask[window].copy(),
        shadow=(wide & ~mask & bare_table(step.scene))[window],
        color=step.color[window].copy(),
        height=step.height[window].copy(),
        # Beneath what no scene uncovers, the table is as elsewhere.
        table_known=(wide & (known | mask))[window],
        table_color=table.color[window].copy(),
        table_height=table.height[window].copy(),
    )
