"""Toy-like everyday things, put together from simple solids: the objects that language tasks pack.

A thing lies as it comes to rest: z is up, no side is longer than those on the table, and most things are about 200 mm
long. Their parts are meshes of their own, since each may have another colour: ``a`` the main one, ``b`` trimmings,
``c`` what is always dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .solids import SECTIONS, Point, Solid, arc, box, cylinder, extrude, lathe

Parts = dict[str, Solid]


def things() -> dict[str, Parts]:
    """Parts of every thing by the name of its family; the middle of its extents is the origin."""
    return {name: _centred(make()) for name, make in _FAMILIES.items()}


# ------------------------------------------------------------------------- tableware


def _mug() -> Parts:
    wall = [(0.0, 0.0), (70.0, 0.0), (70.0, 150.0), (62.0, 150.0), (62.0, 12.0), (0.0, 12.0)]
    grip = box((42.0, 18.0, 16.0)).moved(x=86, z=120) + box((42.0, 18.0, 16.0)).moved(x=86, z=35)
    return {
        "a": lathe(wall, 20),
        "b": grip + box((16.0, 18.0, 101.0)).moved(x=108, z=77.5) + _ring(71.0, 66.0, 60.0, 85.0, 20),
    }


def _plate() -> Parts:
    dish = [(0.0, 0.0), (60.0, 0.0), (98.0, 16.0), (98.0, 20.0), (58.0, 6.0), (0.0, 6.0)]
    return {"a": lathe(dish, 24), "b": _ring(100.0, 86.0, 14.0, 22.0, 24)}


def _spoon() -> Parts:
    return {
        "a": box((130.0, 14.0, 10.0)).moved(x=-35),
        "b": _ellipsoid(40.0, 26.0, 10.0).moved(x=65),
    }


def _spatula() -> Parts:
    return {
        "a": cylinder(10, -100, 30).along("x"),
        "b": box((75.0, 62.0, 8.0)).moved(x=62),
    }


def _pan() -> Parts:
    body = [(0.0, 0.0), (55.0, 0.0), (64.0, 34.0), (58.0, 34.0), (50.0, 6.0), (0.0, 6.0)]
    return {
        "a": lathe(body, 20).moved(x=-60),
        "b": box((120.0, 20.0, 10.0)).moved(x=60, z=26),
    }


def _can() -> Parts:
    return {
        "a": cylinder(60, 0, 100, sections=20),
        "b": _ring(61.0, 40.0, 30.0, 72.0, 20),
        "c": cylinder(50, 98, 101, sections=20),
    }


def _bottle() -> Parts:
    body = [(0.0, -100.0), (34.0, -100.0), (34.0, 20.0), (14.0, 55.0), (14.0, 80.0), (0.0, 80.0)]
    return {
        "a": lathe(body, 16).along("x"),
        "b": cylinder(17, 76, 100, sections=16).along("x") + _ring(35.0, 25.0, -70.0, -20.0, 16).along("x"),
    }


# ----------------------------------------------------------------------------- tools


def _hammer() -> Parts:
    return {
        "a": cylinder(11, -100, 75).along("x"),
        "b": box((34.0, 96.0, 34.0)).moved(x=82),
    }


def _screwdriver() -> Parts:
    return {
        "a": cylinder(19, -100, 0, chamfer=6).along("x"),
        "c": cylinder(6, 0, 92).along("x") + box((10.0, 14.0, 4.0)).moved(x=95),
    }


def _wrench() -> Parts:
    jaw: list[Point] = [
        *((-100.0, -12.0), (55.0, -12.0), (68.0, -34.0), (100.0, -30.0), (100.0, -12.0), (78.0, -10.0)),
        *((78.0, 10.0), (100.0, 12.0), (100.0, 30.0), (68.0, 34.0), (55.0, 12.0), (-100.0, 12.0)),
    ]
    return {"a": extrude(jaw, 16.0), "b": box((50.0, 27.0, 20.0)).moved(x=-70)}


def _clamp() -> Parts:
    frame: list[Point] = [
        *((-70.0, -60.0), (70.0, -60.0), (70.0, -38.0), (-46.0, -38.0)),
        *((-46.0, 38.0), (70.0, 38.0), (70.0, 60.0), (-70.0, 60.0)),
    ]
    screw = cylinder(8, -85, 25).along("y").moved(x=55) + cylinder(16, 20, 30).along("y").moved(x=55)
    return {"a": extrude(frame, 26.0), "b": box((44.0, 14.0, 14.0)).moved(x=55, y=-88), "c": screw}


def _tape() -> Parts:
    return {"a": _ring(100.0, 62.0, 0.0, 56.0, 24), "b": _ring(62.5, 54.0, 2.0, 58.0, 24)}


def _flashlight() -> Parts:
    head = [(0.0, 40.0), (18.0, 40.0), (36.0, 70.0), (36.0, 96.0), (0.0, 96.0)]
    return {
        "a": cylinder(20, -100, 42, sections=16).along("x"),
        "b": lathe(head, 16).along("x") + box((30.0, 12.0, 8.0)).moved(x=0, z=20),
        "c": cylinder(30, 94, 100, sections=16).along("x"),
    }


def _magnifier() -> Parts:
    return {
        "a": _ring(56.0, 46.0, 0.0, 14.0, 20).moved(x=44),
        "b": box((100.0, 22.0, 17.0)).moved(x=-56, z=9.5),
        "c": cylinder(47, 5, 9, sections=20).moved(x=44),
    }


# ------------------------------------------------------------------- paper and cloth


def _carton() -> Parts:
    return {
        "a": box((200.0, 130.0, 60.0)),
        "b": box((40.0, 131.0, 61.0)).moved(x=-45) + box((40.0, 131.0, 61.0)).moved(x=45),
    }


def _book() -> Parts:
    covers = box((200.0, 140.0, 6.0)).moved(z=-17) + box((200.0, 140.0, 6.0)).moved(z=17)
    return {
        "a": covers + box((198.0, 8.0, 39.0)).moved(y=-67),
        "b": box((188.0, 124.0, 28.0)).moved(y=2) + box((90.0, 40.0, 2.0)).moved(x=10, z=20.5),
    }


def _towel() -> Parts:
    layers = box((200.0, 130.0, 17.0)).moved(z=-9.5) + box((194.0, 126.0, 18.0)).moved(z=9)
    stripes = [box((24.0, 131.0, 38.0)).moved(x=x) for x in (-70.0, -23.0, 23.0, 70.0)]
    return {"a": layers, "b": _joined(stripes)}


# ------------------------------------------------------------------ clothes and others


def _hat() -> Parts:
    brim = [(0.0, 0.0), (100.0, 0.0), (100.0, 7.0), (0.0, 7.0)]
    crown = [(0.0, 5.0), (62.0, 5.0), (54.0, 70.0), (40.0, 78.0), (0.0, 72.0)]
    return {"a": lathe(brim, 20) + lathe(crown, 20), "b": _ring(64.0, 40.0, 8.0, 28.0, 20)}


def _shoe() -> Parts:
    side: list[Point] = [
        *((0.0, -100.0), (0.0, 100.0), (22.0, 98.0), (36.0, 60.0), (52.0, 20.0)),
        *((72.0, -20.0), (76.0, -90.0), (60.0, -100.0)),
    ]
    upper = extrude(side[::-1], 66.0).along("y")
    stripes = [box((14.0, 68.0, top)).moved(x=x, z=top / 2) for x, top in ((-52.0, 76.0), (-18.0, 73.0), (16.0, 56.0))]
    sole = box((200.0, 74.0, 12.0)).moved(z=-6)
    return {"a": upper, "b": _joined(stripes), "c": sole}


def _clock() -> Parts:
    bells = cylinder(20, 1, 34).moved(x=78, y=34) + cylinder(20, 1, 34).moved(x=78, y=-34)
    hands = box((44.0, 8.0, 4.0)).moved(x=14, z=43) + box((8.0, 32.0, 4.0)).moved(y=12, z=43)
    return {
        "a": cylinder(80, 0, 40, sections=24),
        "b": _ring(70.0, 8.0, 38.0, 42.0, 24) + bells,
        "c": hands + cylinder(9, 38, 46),
    }


def _dumbbell() -> Parts:
    weights = cylinder(42, -100, -58, sections=6).along("x") + cylinder(42, 58, 100, sections=6).along("x")
    caps = cylinder(26, -104, -98, sections=16).along("x") + cylinder(26, 98, 104, sections=16).along("x")
    return {"a": weights, "b": caps, "c": cylinder(13, -60, 60).along("x")}


def _key() -> Parts:
    teeth = box((12.0, 26.0, 14.0)).moved(x=88, y=-18) + box((12.0, 20.0, 14.0)).moved(x=62, y=-15)
    return {
        "a": _ring(42.0, 24.0, -8.0, 8.0, 16).moved(x=-58) + box((116.0, 16.0, 14.0)).moved(x=40) + teeth,
        "b": box((22.0, 40.0, 18.0)).moved(x=-8),
    }


# ------------------------------------------------------------------------------ toys


def _car() -> Parts:
    wheels = [_wheel(20.0, 92.0).moved(x=x, z=-16) for x in (-60.0, 60.0)]
    return {
        "a": box((200.0, 84.0, 34.0)),
        "b": box((110.0, 74.0, 32.0)).moved(x=-10, z=32),
        "c": _joined(wheels),
    }


def _bus() -> Parts:
    wheels = [_wheel(18.0, 74.0).moved(x=x, z=-34) for x in (-62.0, 62.0)]
    windows = [box((26.0, 71.0, 24.0)).moved(x=x, z=14) for x in (-75.0, -38.0, 0.0, 38.0, 75.0)]
    return {"a": box((200.0, 70.0, 70.0)), "b": _joined(windows), "c": _joined(wheels)}


def _train() -> Parts:
    wheels = [_wheel(18.0, 70.0).moved(x=x, z=-22) for x in (-70.0, -20.0, 30.0, 74.0)]
    cab = box((62.0, 68.0, 84.0)).moved(x=-69, z=26)
    return {
        "a": cab + box((200.0, 60.0, 14.0)).moved(z=-16),
        "b": cylinder(30, -40, 96, sections=16).along("x").moved(z=20) + cylinder(12, 40, 80).moved(x=66),
        "c": _joined(wheels),
    }


def _ball() -> Parts:
    return {"a": _ellipsoid(100.0, 100.0, 100.0), "b": _ring(101.5, 92.0, -16.0, 16.0, 20)}


def _dog() -> Parts:
    legs = [box((22.0, 20.0, 60.0)).moved(x=x, y=y, z=-40) for x in (-50.0, 40.0) for y in (-24.0, 24.0)]
    ears = box((12.0, 14.0, 34.0)).moved(x=66, y=30, z=44) + box((12.0, 14.0, 34.0)).moved(x=66, y=-30, z=44)
    return {
        "a": _ellipsoid(74.0, 36.0, 34.0) + _ellipsoid(34.0, 30.0, 30.0).moved(x=70, z=42) + _joined(legs),
        "b": ears + box((40.0, 12.0, 12.0)).moved(x=-84, z=22) + box((18.0, 18.0, 14.0)).moved(x=104, z=36),
    }


def _star() -> Parts:
    points = [
        (radius * math.cos(math.radians(36 * i)), radius * math.sin(math.radians(36 * i)))
        for i, radius in enumerate((100.0, 46.0) * 5)
    ]
    return {"a": extrude(points, 40.0), "b": cylinder(30, -22, 22, sections=16)}


_FAMILIES: dict[str, Callable[[], Parts]] = {
    **{"ball": _ball, "book": _book, "bottle": _bottle, "bus": _bus, "can": _can, "car": _car, "carton": _carton},
    **{"clamp": _clamp, "clock": _clock, "dog": _dog, "dumbbell": _dumbbell, "flashlight": _flashlight},
    **{"hammer": _hammer, "hat": _hat, "key": _key, "magnifier": _magnifier, "mug": _mug, "pan": _pan},
    **{"plate": _plate, "screwdriver": _screwdriver, "shoe": _shoe, "spatula": _spatula, "spoon": _spoon},
    **{"star": _star, "tape": _tape, "towel": _towel, "train": _train, "wrench": _wrench},
}


# ------------------------------------------------------------------------------ parts


def _ring(outer: float, inner: float, low: float, high: float, sections: int = SECTIONS) -> Solid:
    """A ring about z."""
    return lathe([(outer, low), (outer, high), (inner, high), (inner, low)], sections, closed=True)


def _ellipsoid(x: float, y: float, z: float) -> Solid:
    """An ellipsoid about the origin with these half axes."""
    profile = [(0.0, -1.0), *((r, h) for h, r in _half_circle()), (0.0, 1.0)]
    return Solid(lathe(profile, 14).corners * np.array([x, y, z]))


def _half_circle() -> list[Point]:
    """(height, radius) of the points of a half circle, without its ends on the axis."""
    return [(y, x) for x, y in arc((0.0, 0.0), 1.0, -72.0, 72.0, 7)]


def _wheel(radius: float, width: float) -> Solid:
    """Two wheels on an axle along y, in one."""
    return cylinder(radius, -width / 2, width / 2).along("y")


def _joined(parts: Sequence[Solid]) -> Solid:
    return Solid(np.concatenate([part.corners for part in parts]))


def _centred(parts: Parts) -> Parts:
    """Moved so that the middle of the extents of all parts together is the origin."""
    corners = _joined(list(parts.values())).corners.reshape(-1, 3)
    x, y, z = (float(value) for value in (corners.min(axis=0) + corners.max(axis=0)) / 2)
    return {name: part.moved(-x, -y, -z) for name, part in parts.items()}
