"""Make every mesh of the suite from declared dimensions: ``python -m ravens_suite.assets.generate``.

Writes OBJ files beside this file, the same bytes every time. Dimensions are millimetres here, metres in the files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .outlines import KIT_OUTLINES
from .solids import SECTIONS, Point, Solid, box, cylinder, extrude, lathe, obj
from .things import things

KIT_HEIGHT, SILHOUETTE_HEIGHT = 20.0, 2.0

BOWL_PROFILE: tuple[Point, ...] = (
    *((0.0, -17.5), (33.0, -17.5), (45.0, -10.5), (53.5, 2.0), (58.0, 15.5), (59.0, 17.5)),
    *((56.5, 17.5), (51.0, 3.2), (43.2, -8.3), (32.2, -15.0), (0.0, -15.0)),
)
"""(radius, height) of the bowl's outside from the foot's middle to the rim, then of its inside back to the middle."""

BOWL_SECTIONS = 28

PALLET = (300.0, 250.0, 37.5)
SLAB = 5.0
"""Thickness of the pallet's deck and base boards."""

DISC_RADII = (30, 35, 40)
DISC_HOLE, DISC_HEIGHT, DISC_SECTIONS = 15.0, 10.0, 32


def bowl() -> Solid:
    """A bowl about the middle of its height."""
    return lathe(BOWL_PROFILE, BOWL_SECTIONS)


def pallet() -> Solid:
    """Seven deck boards along y on three stringers along x, and three boards below."""
    length, width, height = PALLET
    deck, base = (height - SLAB) / 2, (SLAB - height) / 2
    parts = [box((30.0, width, SLAB)).moved(x=x, z=deck) for x in range(-135, 136, 45)]
    parts += [box((length, 24.0, height - 2 * SLAB)).moved(y=y) for y in (-113.0, 0.0, 113.0)]
    parts += [box((40.0, width, SLAB)).moved(x=x, z=base) for x in (-130.0, 0.0, 130.0)]
    return _joined(parts)


def hanoi_disc(radius: float) -> Solid:
    """A ring about the middle of its height."""
    low, high = -DISC_HEIGHT / 2, DISC_HEIGHT / 2
    profile = [(radius, low), (radius, high), (DISC_HOLE, high), (DISC_HOLE, low)]
    return lathe(profile, DISC_SECTIONS, closed=True)


def arm() -> dict[str, Solid]:
    """The shells and the joint caps of a UR5e, each in its link's frame (see ``ravens_suite.sim.kinematics``).

    Radii and positions along the joint axes follow the look of the manufacturer's drawings.
    """
    shoulder, elbow = 138.0, 7.0  # where the two long tubes run, along the parallel axes of joints 2 to 4
    return {
        "base": cylinder(75, 0, 20) + cylinder(64, 20, 86, chamfer=4),
        "shoulder": cylinder(60, 88, 215, chamfer=8) + cylinder(60, -60, 66).along("y").moved(y=-6, z=162.5),
        "shoulder_cap": _cap(56, 0).along("y").moved(y=60, z=162.5),
        "upper_arm": _housing(58, 68, 194, -1)
        + cylinder(50, -425, 0).along("x").moved(z=shoulder)
        + _housing(52, 70, 192, -1).moved(x=-425),
        "upper_arm_cap": _cap(52, 194) + _cap(46, 192).moved(x=-425),
        "forearm": _housing(50, -50, 68, 1)
        + cylinder(40, -392.2, 0).along("x").moved(z=elbow)
        + _housing(40, -48, 62, 1).moved(x=-392.2),
        "forearm_cap": _cap(44, -50) + _cap(34, -48).moved(x=-392.2),
        "wrist_1": _wrist(133.3, -1),
        "wrist_1_cap": _cap(33, 176.3),
        "wrist_2": _wrist(99.7, 1),
        "wrist_2_cap": _cap(33, 142.7),
        "wrist_3": cylinder(37.5, 54, 92) + cylinder(31.5, 92, 99.6),
    }


def tools() -> dict[str, Solid]:
    """Parts of the tools: mounts in the flange's frame, the head and the cup of the suction gripper in the tip's."""
    taper = [(0.0, 25.0), (24.0, 25.0), (20.0, 60.0), (12.0, 78.0), (0.0, 78.0)]
    cup = [(0.0, 2.0), (8.5, 0.0), (10.0, 0.0), (7.0, 8.0), (6.0, 14.5), (0.0, 14.5)]
    return {
        "suction_mount": cylinder(38, 0, 25, chamfer=3) + lathe(taper, SECTIONS),
        "suction_head": cylinder(5, 14, 58),
        "suction_cup": lathe(cup, SECTIONS),
        "spatula_mount": cylinder(38, 0, 10, chamfer=2) + box((14.0, 30.0, 12.0)).moved(z=14),
    }


def meshes() -> dict[str, Solid]:
    """Every mesh by the name of its file."""
    result = {"bowl": bowl(), "pallet": pallet()}
    result |= {f"hanoi_disc_{radius}": hanoi_disc(radius) for radius in DISC_RADII}
    result |= {f"arm_{name}": solid for name, solid in arm().items()} | tools()
    for i, outline in enumerate(KIT_OUTLINES):
        result[f"kit_{i:02d}"] = extrude(outline.points, KIT_HEIGHT, outline.hole)
        result[f"kit_{i:02d}_silhouette"] = extrude(outline.points, SILHOUETTE_HEIGHT, outline.hole)
    for name, parts in things().items():
        result |= {f"thing_{name}_{part}": solid for part, solid in parts.items()}
    return result


def files() -> dict[str, str]:
    """The text of every OBJ file by its name."""
    return {f"{name}.obj": obj(solid, f"{name}, made by generate.py; metres") for name, solid in meshes().items()}


def write(folder: Path) -> None:
    """Write every OBJ file into a folder that exists."""
    for name, text in files().items():
        (folder / name).write_text(text, encoding="ascii", newline="\n")


def _joined(parts: list[Solid]) -> Solid:
    return sum(parts[1:], parts[0])


def _housing(radius: float, low: float, high: float, bevelled: int) -> Solid:
    """A joint's housing about z; ``bevelled`` is the sign of its end without a cap."""
    if bevelled > 0:
        return cylinder(radius, low, high, chamfer=4)
    return cylinder(radius, -high, -low, chamfer=4).flipped()


def _cap(radius: float, at: float) -> Solid:
    """A bevelled lid on the end of a housing about z; it looks away from the origin."""
    lid = lathe([(0, 0), (radius, 0), (radius - 4, 8), (0, 8)], SECTIONS)
    return (lid if at >= 0 else lid.flipped()).moved(z=at)


def _wrist(offset: float, side: int) -> Solid:
    """Two crossing housings: about the link's own z axis, and about the next joint's axis, -y or +y by ``side``."""
    along = cylinder(37.5, offset - 70, offset + 43)
    across = cylinder(37.5, -40, 52).along("y").moved(z=offset)
    return along + (across if side > 0 else cylinder(37.5, -52, 40).along("y").moved(z=offset))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    write(Path(__file__).parent)
