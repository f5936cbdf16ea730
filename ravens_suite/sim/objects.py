"""The bodies of the suite, each made by a function. Dimensions follow the published benchmark.

Unless its function says otherwise a body's frame is level, at the middle of its height. Metres, kilograms;
sizes of three numbers are full side lengths (x, y, z).
"""

from __future__ import annotations

import math
from functools import cache

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.sim.bodies import Body, Box, Cylinder, Hull, Mesh, Shape, Sphere, Visual, marker, solid

BLOCK_SIDE, BLOCK_MASS = 0.04, 0.01
SMALL_BLOCK_SIDE, SMALL_BLOCK_MASS, SMALL_BLOCK_FRICTION = 0.01, 0.001, 0.5

BOX_MASS = 0.1
"""Of generic boxes, kit objects, discs, the L-shaped block, rope beads and tools."""

L_ARM, L_WIDTH, L_HEIGHT, L_FRICTION = 0.08, 0.03, 0.04, 0.3
"""The L-shaped block: length and width of an arm, height. The arms start half a width behind the frame's origin."""

L_SECOND_ARM_HEIGHT = 0.0399
"""A hair less than the first arm's, so that their tops do not flicker where they overlap."""

FIXTURE_CLEARANCE = 0.01
"""Free space between the block and the walls of its fixture."""

FIXTURE_PLATE: Vector = (0.02, 0.02, 0.001)
WALL = 0.002
"""Thickness of the walls of the fixture and of the container, and of the container's floor."""

CONTAINER_FRICTION = 0.3

BOWL_PIECES = 14
BOWL_RIM_OUTER, BOWL_RIM_INNER, BOWL_FOOT_OUTER, BOWL_FOOT_INNER = 0.059, 0.0565, 0.033, 0.0322
BOWL_HEIGHT, BOWL_FLOOR, BOWL_MASS = 0.035, 0.0025, 0.1
"""Radii and heights as in ``assets/generate.py``."""

PALLET_SIZE: Vector = (0.30, 0.25, 0.0375)

BOARD_SIZE: Vector = (0.28, 0.20, 0.005)

DISC_RADII = (0.030, 0.035, 0.040)
DISC_COLORS = ("red", "yellow", "green")
"""From the smallest disc to the largest."""

DISC_HOLE_RADIUS, DISC_HEIGHT, DISC_SEGMENTS, DISC_PAD = 0.015, 0.01, 12, 0.001
"""``DISC_PAD``: how far every third segment stands out, above and below."""

HANOI_PLATE: Vector = (0.12, 0.12, 0.01)
ROD_RADIUS, ROD_LENGTH, ROD_HEIGHT = 0.005, 0.05, 0.03
"""``ROD_HEIGHT``: of a rod's middle above the middle of its plate."""

HANOI_STAND_FRICTION = 0.5

PYRAMID_PLATE: Vector = (0.05, 0.05, 0.005)

MARKER_THICKNESS = 0.001
CORNER_LENGTH, CORNER_WIDTH = 0.055, 0.005
OUTLINE_WIDTH, ZONE_WIDTH = 0.01, 0.006

BEAD_SIDE, BEAD_RADIUS = 0.01, 0.0075
"""A bead collides as a cube and is seen as a ball."""

BEAD_FRICTION = 0.5
"""Bullet's default: the published rope sets none."""

SUCTION_TIP_RADIUS, SUCTION_TIP_LENGTH = 0.001, 0.028
SUCTION_HEAD_RADIUS, SUCTION_HEAD_LENGTH, SUCTION_HEAD_MIDDLE = 0.005, 0.03, 0.043
"""``SUCTION_HEAD_MIDDLE``: height above the tip."""

BLADE: Vector = (0.005, 0.05, 0.11)

BROWN = PALETTE["brown"]
GREEN = PALETTE["green"]
SILHOUETTE: Color = (0.2, 0.2, 0.2)
LIGHT_WOOD: Color = (0.82, 0.68, 0.50)
_PLATES: tuple[Color, ...] = ((0.76, 0.61, 0.46), BROWN, (0.40, 0.29, 0.22))
_SHELL: Color = (0.84, 0.84, 0.85)
_CAP: Color = (0.45, 0.63, 0.76)
_DARK: Color = (0.22, 0.22, 0.24)


# ------------------------------------------------------------------ blocks and boxes


def block(color: Color) -> Body:
    """A cube of 40 mm."""
    return solid(Box((BLOCK_SIDE,) * 3), color, BLOCK_MASS)


def small_block(color: Color) -> Body:
    """A cube of 10 mm."""
    return solid(Box((SMALL_BLOCK_SIDE,) * 3), color, SMALL_BLOCK_MASS, SMALL_BLOCK_FRICTION)


def box(size: Vector, color: Color, mass: float = BOX_MASS) -> Body:
    """A cuboid of full side lengths ``size`` (x, y, z), metres."""
    return solid(Box(size), color, mass)


@cache
def l_block() -> Body:
    """The red L-shaped block. Its origin is the middle of the square where its arms, along +x and +y, meet."""
    middle = (L_ARM - L_WIDTH) / 2
    arms = (
        Box((L_ARM, L_WIDTH, L_HEIGHT), Pose((middle, 0.0, 0.0))),
        Box((L_WIDTH, L_ARM, L_SECOND_ARM_HEIGHT), Pose((0.0, middle, 0.0))),
    )
    return Body(tuple(Visual(arm, PALETTE["red"]) for arm in arms), arms, BOX_MASS, L_FRICTION)


@cache
def l_fixture() -> Body:
    """Grey walls around the place of the L-shaped block, in the same frame; the plate at its floor is not seen."""
    low, side = -L_WIDTH / 2 - FIXTURE_CLEARANCE, L_WIDTH / 2 + FIXTURE_CLEARANCE
    end = L_ARM - L_WIDTH / 2 + FIXTURE_CLEARANCE
    walls = (
        *_wall_pair((low - WALL, end + WALL), (low - WALL, low)),  # behind both arms
        *_wall_pair((end, end + WALL), (low, side + WALL)),  # at their ends
        *_wall_pair((side + WALL, end), (side, side + WALL)),  # at their inner sides
    )
    plate = Box(FIXTURE_PLATE, Pose((0.0, 0.0, (FIXTURE_PLATE[2] - L_HEIGHT) / 2)))
    return Body(tuple(Visual(wall, PALETTE["gray"]) for wall in walls), (*walls, plate), friction=L_FRICTION)


def _wall_pair(x: tuple[float, float], y: tuple[float, float]) -> tuple[Box, Box]:
    """A wall of the fixture over the ranges ``x`` and ``y``, and its mirror image in the diagonal of the L."""
    size, middle = (x[1] - x[0], y[1] - y[0]), ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2)
    return (
        Box((size[0], size[1], L_HEIGHT), Pose((middle[0], middle[1], 0.0))),
        Box((size[1], size[0], L_HEIGHT), Pose((middle[1], middle[0], 0.0))),
    )


# --------------------------------------------------------------- bowls and containers


def bowl(color: Color, mass: float = 0.0) -> Body:
    """A bowl, hollow for what falls into it; without mass it never moves."""
    shapes: tuple[Shape, ...] = tuple(_bowl_piece(i) for i in range(BOWL_PIECES))
    floor = Cylinder(BOWL_FOOT_OUTER, BOWL_FLOOR, Pose((0.0, 0.0, (BOWL_FLOOR - BOWL_HEIGHT) / 2)))
    return Body((Visual(Mesh("bowl"), color),), (*shapes, floor), mass)


@cache
def _bowl_piece(index: int) -> Hull:
    """One of the convex pieces of the wall; the inside, which is curved, is a cone in them."""
    half = BOWL_HEIGHT / 2
    profile = (
        (BOWL_RIM_OUTER, half),
        (BOWL_RIM_INNER, half),
        (0.0535, 0.002),
        (0.045, -0.0105),
        (BOWL_FOOT_OUTER, -half),
        (BOWL_FOOT_INNER, BOWL_FLOOR - half),
    )
    angles = (2 * math.pi * (index + side) / BOWL_PIECES for side in (0, 1))
    return Hull(tuple((r * math.cos(angle), r * math.sin(angle), z) for angle in angles for r, z in profile))


def container(inner: Vector) -> Body:
    """An open brown box of four walls and a floor.

    Args:
        inner: (x, y, z) metres: width and depth between the walls, and their height, which the floor is part of.
    """
    width, depth, height = inner
    x, y = (width + WALL) / 2, (depth + WALL) / 2
    shapes = (
        Box((width, depth, WALL), Pose((0.0, 0.0, (WALL - height) / 2))),
        *(Box((WALL, depth, height), Pose((sign * x, 0.0, 0.0))) for sign in (-1, 1)),
        *(Box((width + 2 * WALL, WALL, height), Pose((0.0, sign * y, 0.0))) for sign in (-1, 1)),
    )
    return Body(tuple(Visual(shape, BROWN) for shape in shapes), shapes, friction=CONTAINER_FRICTION)


@cache
def pallet() -> Body:
    """A slatted wooden pallet; it collides as a full cuboid."""
    return Body((Visual(Mesh("pallet"), LIGHT_WOOD),), (Box(PALLET_SIZE),))


# ------------------------------------------------------------------------------ kits


@cache
def kit_board() -> Body:
    """The brown board that holds five silhouettes."""
    return solid(Box(BOARD_SIZE), BROWN)


def kit_silhouette(shape: int) -> Body:
    """The dark outline of a kit object, to be put at the board's upper face, from which it stands out by 1 mm.

    Args:
        shape: 0 to 19.
    """
    return marker((Mesh(f"kit_{shape:02d}_silhouette"),), SILHOUETTE)


def kit_object(shape: int, color: Color) -> Body:
    """A kit object 20 mm thick; it collides as its convex hull.

    Args:
        shape: 0 to 19. Shapes with a rotational symmetry have its centre at the origin, all others the middle of their
            extents.
        color: of the whole object.
    """
    return solid(Mesh(f"kit_{shape:02d}"), color, BOX_MASS)


# ---------------------------------------------------------------------------- stands


@cache
def hanoi_stand() -> Body:
    """Three plates along y, each with a rod. Its origin is the middle of the middle plate."""
    visuals: list[Visual] = []
    for i, color in enumerate(_PLATES):
        y = (i - 1) * HANOI_PLATE[1]
        visuals.append(Visual(Box(HANOI_PLATE, Pose((0.0, y, 0.0))), color))
        visuals.append(Visual(Cylinder(ROD_RADIUS, ROD_LENGTH, Pose((0.0, y, ROD_HEIGHT))), color))
    return Body(tuple(visuals), tuple(visual.shape for visual in visuals), friction=HANOI_STAND_FRICTION)


@cache
def hanoi_disc(size: int) -> Body:
    """A ring that fits a rod of the stand; convex segments keep its hole open.

    Args:
        size: 0 (small, red), 1 (medium, yellow) or 2 (large, green).
    """
    radius = DISC_RADII[size]
    mesh = Mesh(f"hanoi_disc_{round(radius * 1000)}")
    segments = tuple(_segment(radius, i) for i in range(DISC_SEGMENTS))
    return Body((Visual(mesh, PALETTE[DISC_COLORS[size]]),), segments, BOX_MASS)


def _segment(radius: float, index: int) -> Box:
    """One of the cuboids around the hole; together they reach the rim everywhere, and at most 4 % beyond it.

    Were they inside the rim, a gripper that comes down on the visible edge would slip off and push the disc away.

    Convex wedges would meet along lines, and where those of two discs coincide Bullet pushes the discs apart sideways:
    towers burst. Cuboids overlap their neighbours, and Bullet's box collisions are exact. But where edges of two
    overlap by less than a disc is pressed down, Bullet pushes them sideways too: a disc put down a millimetre beside
    the middle of another jams, and takes it along when it is lifted. So discs meet at four pads only, at right angles.
    """
    angle, half = 2 * math.pi * index / DISC_SEGMENTS, math.pi / DISC_SEGMENTS
    depth = radius - DISC_HOLE_RADIUS
    middle = DISC_HOLE_RADIUS + depth / 2
    pose = Pose.planar(middle * math.cos(angle), middle * math.sin(angle), 0.0, angle)
    height = DISC_HEIGHT if index % (DISC_SEGMENTS // 4) == 0 else DISC_HEIGHT - 2 * DISC_PAD
    return Box((depth, 2 * radius * math.tan(half), height), pose)


@cache
def pyramid_stand() -> Body:
    """Three plates along y. Its origin is the middle of the middle plate."""
    plates = tuple(Box(PYRAMID_PLATE, Pose((0.0, sign * PYRAMID_PLATE[1], 0.0))) for sign in (-1, 0, 1))
    return Body(tuple(Visual(plate, color) for plate, color in zip(plates, _PLATES, strict=True)), plates)


# --------------------------------------------------------------------------- markers


def corner_marker(width: float, depth: float) -> Body:
    """Two green strips around the +x, +y corner of a box outline. The origin is the outline's middle, on the table.

    Args:
        width: of the outline along x, metres.
        depth: of the outline along y, metres.
    """
    x, y = width / 2 + CORNER_WIDTH, depth / 2 + CORNER_WIDTH
    return marker(
        (
            _strip((x - CORNER_LENGTH, x), (y - CORNER_WIDTH, y)),
            _strip((x - CORNER_WIDTH, x), (y - CORNER_LENGTH, y)),
        ),
        GREEN,
    )


def square_outline(side: float) -> Body:
    """Three green sides of a square, without the one at +y. The origin is the square's middle, on the table."""
    half, edge = side / 2, OUTLINE_WIDTH / 2
    return marker(
        (
            _strip((-half, half), (-half - edge, -half + edge)),
            _strip((-half - edge, -half + edge), (-half, half)),
            _strip((half - edge, half + edge), (-half, half)),
        ),
        GREEN,
    )


def line_marker(length: float) -> Body:
    """A green strip along x. The origin is its middle, on the table."""
    return marker((_strip((-length / 2, length / 2), (-OUTLINE_WIDTH / 2, OUTLINE_WIDTH / 2)),), GREEN)


def zone_frame(size: tuple[float, float]) -> Body:
    """The green border of a rectangle of outer size (x, y). The origin is its middle, on the table."""
    x, y = size[0] / 2, size[1] / 2
    return marker(
        (
            *(_strip((-x, x), span) for span in ((-y, ZONE_WIDTH - y), (y - ZONE_WIDTH, y))),
            *(_strip(span, (ZONE_WIDTH - y, y - ZONE_WIDTH)) for span in ((-x, ZONE_WIDTH - x), (x - ZONE_WIDTH, x))),
        ),
        GREEN,
    )


def _strip(x: tuple[float, float], y: tuple[float, float]) -> Box:
    """A thin plate on the table over the ranges ``x`` and ``y``."""
    middle = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, MARKER_THICKNESS / 2)
    return Box((x[1] - x[0], y[1] - y[0], MARKER_THICKNESS), Pose(middle))


def rope_bead(color: Color) -> Body:
    """One bead of a rope."""
    return Body((Visual(Sphere(BEAD_RADIUS), color),), (Box((BEAD_SIDE,) * 3),), BOX_MASS, BEAD_FRICTION)


# ----------------------------------------------------------------------------- robot


@cache
def suction_head() -> Body:
    """The simulated part of the suction gripper: a thin tip below a cylinder. Its frame is the tip's, z into the arm.

    The published tip reaches 3 mm beyond the pose that the arm is given; this one ends there.
    """
    visuals = (Visual(Mesh("suction_head"), _DARK), Visual(Mesh("suction_cup"), _CAP))
    collisions = (
        Cylinder(SUCTION_TIP_RADIUS, SUCTION_TIP_LENGTH, Pose((0.0, 0.0, SUCTION_TIP_LENGTH / 2))),
        Cylinder(SUCTION_HEAD_RADIUS, SUCTION_HEAD_LENGTH, Pose((0.0, 0.0, SUCTION_HEAD_MIDDLE))),
    )
    return Body(visuals, collisions, BOX_MASS)


@cache
def spatula() -> Body:
    """A blade across x. Its frame is the middle of the blade's edge, z into the arm.

    The published strip along the edge lies within the blade here: one that stands out in front scatters the cubes.
    """
    return solid(Box(BLADE, Pose((0.0, 0.0, BLADE[2] / 2))), _SHELL, BOX_MASS)


_CAPPED = ("shoulder", "upper_arm", "forearm", "wrist_1", "wrist_2")
_LINKS = ("base", *_CAPPED, "wrist_3")

PART_FRAMES: dict[str, str] = {
    **{f"arm_{link}": link for link in _LINKS},
    "suction_mount": "flange",
    "spatula_mount": "flange",
}
"""For every part of the robot that is only seen: the frame of ``kinematics.link_poses`` that it belongs to."""


def arm_parts() -> dict[str, Body]:
    """The links of the arm, which are only seen."""
    parts = {}
    for link in _LINKS:
        visuals = [Visual(Mesh(f"arm_{link}"), _SHELL)]
        if link in _CAPPED:
            visuals.append(Visual(Mesh(f"arm_{link}_cap"), _CAP))
        parts[f"arm_{link}"] = Body(tuple(visuals))
    return parts


def tool_parts(tool: str) -> dict[str, Body]:
    """The parts of a tool that are only seen, by name.

    Args:
        tool: ``suction`` or ``spatula``.
    """
    return {f"{tool}_mount": marker((Mesh(f"{tool}_mount"),), _DARK)}
