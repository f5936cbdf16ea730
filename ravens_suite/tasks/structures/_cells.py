"""Structures as lists of cells, each the place of one cube: those of the suite, and the checks of a user's own.

A cell is (x, y, layer): x and y in pitches of 5 cm, layer 0 on the stand and 4 cm high like every other one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ravens_suite.errors import ConfigError
from ravens_suite.sim.objects import BLOCK_SIDE
from ravens_suite.tasks.structures._balance import stands

PITCH = 0.05
"""Metres between neighbouring cubes of a layer: a gap of 1 cm."""

MOST_CUBES, MOST_LAYERS, WIDEST = 20, 5, 6
"""Of a structure: more loose cubes find no room, the arm reaches no higher, and no wider stand (pitches) is placed."""

_WIDTH = BLOCK_SIDE / PITCH
"""Side of a cube in pitches."""

_SLACK = 0.002 / PITCH
"""Pitches by which cubes may be misplaced without that the structure falls."""

_FARTHEST = 1000
"""Greatest x and y of a cell as it is given, in pitches."""

_EPSILON = 1e-9


class Cell(NamedTuple):
    """The place of one cube.

    Attributes:
        x: pitches in the stand's frame.
        y: the same along its y axis.
        layer: 0 on the stand.
    """

    x: float
    y: float
    layer: int


def _layers(*layers: Sequence[tuple[float, float]]) -> tuple[Cell, ...]:
    return tuple(Cell(x, y, layer) for layer, places in enumerate(layers) for x, y in places)


_ONE = ((0, 0),)
_TWO = ((0, -0.5), (0, 0.5))
_THREE = ((0, -1), (0, 0), (0, 1))
_FOUR = ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))

LEARNT: Mapping[str, tuple[Cell, ...]] = {
    "tower": _layers(_ONE, _ONE, _ONE),
    "row": _layers(_THREE),
    "square": _layers(_TWO, _TWO),
    "t-shape": _layers(_TWO, _ONE, _ONE),
    "pyramid": _layers(_THREE, _TWO, _ONE),
    "palace": _layers(_THREE, _TWO, _TWO),
}
"""The structures that agents are shown (Transporters with Visual Foresight, arXiv 2202.10765)."""

HELD_OUT: Mapping[str, tuple[Cell, ...]] = {
    "flat-t": _layers((*_TWO, (1, 0))),
    "flat-square": _layers(_FOUR),
    "rectangle": _layers(_THREE, _THREE),
    "stair": _layers(_TWO, _TWO[:1]),
    "big-stair": _layers(_THREE, _THREE[:2], _THREE[:1]),
    "building": _layers(_TWO, _TWO, _ONE),
    "pallet": _layers(_FOUR, _FOUR),
    "twin-towers": _layers(_TWO, _TWO, _TWO),
}
"""The structures that the same publication keeps for testing: agents are not to be shown them."""

STRUCTURES = {**LEARNT, **HELD_OUT}


def checked_cells(structure: Any) -> tuple[Cell, ...]:
    """The cells of a structure, lowest layer first, the middle of its foot at the origin.

    Args:
        structure: a name out of ``STRUCTURES``, or a list of cells ``[x, y, layer]``, JSON values.

    Raises:
        ConfigError: there is no such structure, or it cannot be built; the message names the cell.
    """
    if isinstance(structure, str):
        if structure not in STRUCTURES:
            near = difflib.get_close_matches(structure, STRUCTURES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"There is no structure {structure!r}.{hint} There are {', '.join(STRUCTURES)}; or give a list of "
                "cells [x, y, layer]."
            )
        return STRUCTURES[structure]
    if not isinstance(structure, Sequence) or isinstance(structure, bytes) or not structure:
        raise ConfigError(f"structure must be a name or a list of cells [x, y, layer]; got {structure!r:.80}.")
    cells = sorted((_cell(value) for value in structure), key=lambda cell: cell.layer)
    if len(cells) > MOST_CUBES:
        raise ConfigError(f"structure has {len(cells)} cells: the table has room for {MOST_CUBES} cubes at most.")
    for index, cell in enumerate(cells):
        _check_free(cell, cells[:index])
        _check_supported(cell, [other for other in cells if other.layer == cell.layer - 1])
    _check_balance(cells)
    return _centred(cells)


def footprint(cells: Sequence[Cell]) -> tuple[float, float]:
    """(x, y) metres: the smallest rectangle that holds the lowest layer, with a plate of one pitch for each cube.

    It is wider by what higher layers reach out beyond the lowest one.
    """
    x, y = (high - low + 1 + 2 * over for (low, high), over in zip(_extents(cells), overhang(cells), strict=True))
    return x * PITCH, y * PITCH


def overhang(cells: Sequence[Cell]) -> tuple[float, float]:
    """How far higher layers reach out beyond the lowest one along x and along y, in pitches; 0 where they do not."""
    x, y = (
        max(max(low - cell[axis], cell[axis] - high, 0.0) for cell in cells)
        for axis, (low, high) in enumerate(_extents(cells))
    )
    return x, y


def _cell(value: Any) -> Cell:
    try:
        x, y, layer = value
        cell = Cell(float(x), float(y), int(layer))
        whole = cell.layer == layer and not any(isinstance(number, bool | str) for number in (x, y, layer))
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or not (all(abs(part) <= _FARTHEST for part in cell[:2]) and 0 <= cell.layer < MOST_LAYERS):
        raise ConfigError(
            f"{value!r:.80} is no cell of a structure: give [x, y, layer], x and y in pitches of {PITCH * 100:g} cm, "
            f"layer a whole number from 0 (on the stand) to {MOST_LAYERS - 1}, above which the arm cannot build."
        )
    return cell


def _shown(cell: Cell) -> str:
    """As a user writes it."""
    return f"[{cell.x:g}, {cell.y:g}, {cell.layer}]"


def _check_free(cell: Cell, others: Sequence[Cell]) -> None:
    """Cubes of a layer keep a pitch between their middles along x or along y: the stand has a plate for each."""
    for other in others:
        near = max(abs(cell.x - other.x), abs(cell.y - other.y)) < 1 - _EPSILON
        if other.layer == cell.layer and near:
            raise ConfigError(
                f"The cells {_shown(other)} and {_shown(cell)} of structure are too close: let x or y differ by 1, a "
                f"pitch of {PITCH * 100:g} cm, at least."
            )


def _check_supported(cell: Cell, below: Sequence[Cell]) -> None:
    """The middle of a cube must lie between the parts of its foot that rest on cubes."""
    if cell.layer == 0:
        return
    spans = []
    for other in below:
        x, y = (_overlap(own, of) for own, of in zip(cell[:2], other[:2], strict=True))
        if x and y:
            spans.append((x, y))
    for axis in (0, 1):
        low = min((span[axis][0] for span in spans), default=0.0)
        high = max((span[axis][1] for span in spans), default=0.0)
        if not low < -_EPSILON < _EPSILON < high:
            raise ConfigError(
                f"The cell {_shown(cell)} of structure would fall: put cubes under its middle, in layer "
                f"{cell.layer - 1}."
            )


def _check_balance(cells: Sequence[Cell]) -> None:
    """No layer may make those below tip over: neither its first cube, whichever that is, nor all of it."""
    for layer in range(1, cells[-1].layer + 1):
        under = [cell for cell in cells if cell.layer < layer]
        whole = [cell for cell in cells if cell.layer == layer]
        for added in (*([cell] for cell in whole), whole):
            if not stands((*under, *added), _WIDTH, _SLACK):
                raise ConfigError(
                    f"The cell {_shown(added[0])} of structure would fall, or tip over what is below: cubes on each "
                    "other lean too far to one side. Put their common middle 2 mm at least inside what holds them."
                )


def _overlap(own: float, other: float) -> tuple[float, float] | None:
    """What two cubes share along an axis, seen from the middle of the first; ``None`` if nothing."""
    low, high = max(-_WIDTH / 2, other - own - _WIDTH / 2), min(_WIDTH / 2, other - own + _WIDTH / 2)
    return (low, high) if high - low > _EPSILON else None


def _centred(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    x, y = _extents(cells)
    if max(x[1] - x[0], y[1] - y[0]) > WIDEST - 1:
        raise ConfigError(
            f"The lowest layer of structure is wider than {WIDEST} cubes: there is no room for its stand."
        )
    middle = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
    return tuple(Cell(cell.x - middle[0], cell.y - middle[1], cell.layer) for cell in cells)


def _extents(cells: Sequence[Cell]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Least and greatest x, and least and greatest y, of the lowest layer."""
    x, y = ([cell[axis] for cell in cells if cell.layer == 0] for axis in (0, 1))
    return (min(x), max(x)), (min(y), max(y))
