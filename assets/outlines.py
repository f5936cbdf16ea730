"""Outlines of the twenty kit shapes, in millimetres, and of nothing else.

Extents, areas and symmetries follow the published kits; the glyphs are drawn here. Every outline is counter-clockwise,
every hole clockwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .solids import Point, arc

CIRCLE_CORNERS = 48


@dataclass(frozen=True)
class Outline:
    """A planar shape.

    Attributes:
        name: what it looks like.
        points: its border.
        hole: the border of its hole; may be empty.
    """

    name: str
    points: tuple[Point, ...]
    hole: tuple[Point, ...] = ()

    def centred(self) -> Outline:
        """Moved so that the centre of the bounding box is the origin."""
        xs, ys = zip(*self.points, strict=True)
        x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        return Outline(self.name, _shifted(self.points, -x, -y), _shifted(self.hole, -x, -y))


def _shifted(points: Sequence[Point], x: float, y: float) -> tuple[Point, ...]:
    return tuple((px + x, py + y) for px, py in points)


def _rectangle(width: float, depth: float) -> tuple[Point, ...]:
    x, y = width / 2, depth / 2
    return ((-x, -y), (x, -y), (x, y), (-x, y))


def _regular(corners: int, *radii: float, start: float = 90.0) -> tuple[Point, ...]:
    """A regular polygon about the origin, or a star when two radii alternate; the first corner at ``start`` degrees."""
    count = corners * len(radii)
    angles = [math.radians(start + 360 * i / count) for i in range(count)]
    return tuple(
        (radii[i % len(radii)] * math.cos(angle), radii[i % len(radii)] * math.sin(angle))
        for i, angle in enumerate(angles)
    )


def _mirrored(half: Sequence[Point], middle: float) -> tuple[Point, ...]:
    """A border that is its own mirror image in x = ``middle``, from its counter-clockwise right half."""
    left = [(2 * middle - x, y) for x, y in reversed(half) if x != middle]
    return (*half, *left)


def _flower() -> tuple[Point, ...]:
    lobes = (((15.0, 0.0), -90.0), ((0.0, 15.0), 0.0), ((-15.0, 0.0), 90.0), ((0.0, -15.0), 180.0))
    return tuple(point for center, start in lobes for point in arc(center, 15.0, start, start + 180, 13)[:-1])


def _heart() -> tuple[Point, ...]:
    radius, x, tip, fullness = 15.35, 13.4, -37.45, 18.0
    # A quadratic curve from the tip that ends upright at the side of the lobe.
    side = [
        ((x + radius) * (2 * t - t * t), tip * (1 - t) ** 2 - fullness * 2 * t * (1 - t))
        for t in (i / 10 for i in range(10))
    ]
    notch = math.degrees(math.acos(-x / radius))
    lobe = arc((x, 0.0), radius, 0, notch, 14)
    return _mirrored([*side, *lobe[:-1], (0.0, math.sqrt(radius**2 - x**2))], 0.0)


def _letter_r() -> Outline:
    bowl = arc((21.0, 40.4), 14.5, -60, 90, 10, stretch=16.3 / 14.5)
    border = ((0.0, 0.0), (11.0, 0.0), (11.0, 21.5), (16.0, 21.5), (27.5, 0.0), (40.5, 0.0), (27.0, 23.5), *bowl[1:])
    inner = arc((20.0, 40.0), 5.5, 90, -90, 8, stretch=7.0 / 5.5)
    return Outline("letter R", (*border, (0.0, 56.7)), ((11.0, 33.0), (11.0, 47.0), *inner))


def _letter_g() -> tuple[Point, ...]:
    middle = (23.0, 29.1)
    outer = _squircle(middle, 23.0, 29.1, 42, 304, 24)
    inner = _squircle(middle, 11.5, 18.1, 300, 50, 18)
    return (*outer, (45.4, 4.0), (45.4, 32.0), (25.0, 32.0), (25.0, 22.0), (34.4, 22.0), (34.4, 13.5), *inner)


def _squircle(center: Point, a: float, b: float, start: float, end: float, count: int) -> list[Point]:
    """Points of a superellipse of power 2.5; half axes ``a`` and ``b``, angles in degrees."""
    unit = arc((0.0, 0.0), 1.0, start, end, count)
    return [
        (center[0] + a * math.copysign(abs(x) ** 0.8, x), center[1] + b * math.copysign(abs(y) ** 0.8, y))
        for x, y in unit
    ]


_LETTER_A = Outline(
    "letter A",
    _mirrored([(24.95, 12.0), (34.7, 12.0), (38.9, 0.0), (49.9, 0.0), (29.8, 57.0)], 24.95),
    ((18.4, 21.0), (24.95, 39.56), (31.5, 21.0)),
)
_LETTER_V = _mirrored([(28.75, 0.0), (47.0, 56.7), (35.3, 56.7), (23.5, 20.04)], 23.5)
_LETTER_M = _mirrored(
    [(27.0, 6.5), (41.0, 32.0), (41.0, 0.0), (54.0, 0.0), (54.0, 56.7), (40.5, 56.7), (27.0, 33.5)], 27.0
)
_LETTER_E = (
    *((0.0, 0.0), (32.0, 0.0), (32.0, 11.4), (10.0, 11.4), (10.0, 22.65), (32.0, 22.65)),
    *((32.0, 34.05), (10.0, 34.05), (10.0, 45.3), (32.0, 45.3), (32.0, 56.7), (0.0, 56.7)),
)
_LETTER_T = _mirrored([(9.0, 0.0), (9.0, 42.0), (30.0, 42.0), (30.0, 60.0)], 0.0)
_LETTER_L = ((0.0, 0.0), (60.0, 0.0), (60.0, 18.0), (18.0, 18.0), (18.0, 60.0), (0.0, 60.0))
_PLUS = (
    *((30.0, -15.0), (30.0, 15.0), (15.0, 15.0), (15.0, 30.0), (-15.0, 30.0), (-15.0, 15.0)),
    *((-30.0, 15.0), (-30.0, -15.0), (-15.0, -15.0), (-15.0, -30.0), (15.0, -30.0), (15.0, -15.0)),
)

# An equilateral triangle of the published triangle's area, and the radius of its corners.
_TRIANGLE_RADIUS = 64.5 / math.sqrt(3)

KIT_OUTLINES: tuple[Outline, ...] = (
    _letter_r().centred(),
    _LETTER_A.centred(),
    Outline("triangle", _regular(3, _TRIANGLE_RADIUS)),
    Outline("square", _rectangle(60, 60)),
    Outline("plus", _PLUS),
    Outline("letter T", _LETTER_T).centred(),
    Outline("rhombus", ((37.5, 0.0), (0.0, 30.0), (-37.5, 0.0), (0.0, -30.0))),
    Outline("pentagon", _regular(5, 30.07)),
    Outline("rectangle", _rectangle(75, 45)),
    Outline("flower", _flower()),
    Outline("star", _regular(5, 31.8, 15.9, start=0.0)),
    Outline("disc", _regular(CIRCLE_CORNERS, 30.0)),
    Outline("letter G", _letter_g()).centred(),
    Outline("letter V", _LETTER_V).centred(),
    Outline("letter E", _LETTER_E).centred(),
    Outline("letter L", _LETTER_L).centred(),
    Outline("ring", _regular(CIRCLE_CORNERS, 30.0), _regular(CIRCLE_CORNERS, 12.7)[::-1]),
    Outline("hexagon", _regular(6, 30.0)),
    Outline("heart", _heart()).centred(),
    Outline("letter M", _LETTER_M).centred(),
)
"""Indexed by shape id. Shapes with a rotational symmetry have its centre at the origin, which for the triangle, the
pentagon and the star is not the centre of the bounding box; all others have the latter there."""
