"""Things to be packed: their names, looks and bodies, which are held out, and those of a user's own folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.palette import Color
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bodies import Body, Mesh, Visual, triangles
from ravens_suite.tasks.language._colors import RGB

Objects = Literal["seen", "unseen", "unseen-shapes", "unseen-looks"]
"""seen: all things in every split; unseen: 37 for training, 19 others in ``val`` and ``test``, which are of shapes that
training never shows (unseen-shapes: 12) or known shapes in other colours (unseen-looks: 7)."""

_CHOICES = ("seen", "unseen", "unseen-shapes", "unseen-looks")

BLACK: Color = (0.12, 0.12, 0.13)
_COLORS: dict[str, Color] = {**RGB, "black": BLACK}
_DARK: Color = (0.2, 0.2, 0.22)

_PARTS = {
    **{"ball": "ab", "book": "ab", "bottle": "ab", "bus": "abc", "can": "abc", "car": "abc", "carton": "ab"},
    **{"clamp": "abc", "clock": "abc", "dog": "ab", "dumbbell": "abc", "flashlight": "abc", "hammer": "ab"},
    **{"hat": "ab", "key": "ab", "magnifier": "abc", "mug": "ab", "pan": "ab", "plate": "ab", "screwdriver": "ac"},
    **{"shoe": "abc", "spatula": "ab", "spoon": "ab", "star": "ab", "tape": "ab", "towel": "ab", "train": "abc"},
    "wrench": "ab",
}
"""Meshes of every family: a in the main colour, b in the second, c dark."""

MASS = 0.1
"""Kilograms."""

HELD_OUT_FILE = "held_out.txt"
"""In a folder of a user's own meshes: the names that are held out, one a line."""

_MOST_POINTS = 400
"""Corners of a mesh that stand for its surface."""


@dataclass(frozen=True)
class Thing:
    """Something to be packed.

    Attributes:
        name: as sentences call it.
        parts: meshes, each with its colour.
        held_out: why training does not show it; empty for what it shows.
    """

    name: str
    parts: tuple[tuple[str, Color], ...]
    held_out: Literal["", "shape", "look"] = ""

    def body(self, scale: float) -> Body:
        """As a body whose origin is its middle; it collides as the convex hulls of its parts.

        Args:
            scale: of the meshes' own size.
        """
        x, y, z = (-scale * float(value) for value in _middle(self._meshes()))
        middle = Pose((x, y, z))
        visuals = tuple(Visual(Mesh(mesh, middle, scale), color) for mesh, color in self.parts)
        return Body(visuals, tuple(visual.shape for visual in visuals), MASS)

    def size(self) -> Vector:
        """(x, y, z) of its extents in metres, at scale 1."""
        corners = _corners(self._meshes())
        x, y, z = (float(value) for value in corners.max(axis=0) - corners.min(axis=0))
        return x, y, z

    def surface(self, scale: float) -> Array:
        """``(P, 3)`` points on it, metres, in the body's frame."""
        corners = _corners(self._meshes())
        step = len(corners) // _MOST_POINTS + 1
        result: Array = (corners - _middle(self._meshes()))[::step] * scale
        return result

    def _meshes(self) -> tuple[str, ...]:
        return tuple(mesh for mesh, _ in self.parts)


@lru_cache(maxsize=256)
def _corners(meshes: tuple[str, ...]) -> Array:
    """``(P, 3)`` float64: all corners of some meshes, each once."""
    corners = np.concatenate([triangles(Mesh(mesh)).reshape(-1, 3) for mesh in meshes])
    result: Array = np.unique(corners.astype(np.float64), axis=0)
    return result


def _middle(meshes: tuple[str, ...]) -> Array:
    """(3,) float64: the middle of the extents of some meshes, to 0.1 mm: those of the suite have it at their origin."""
    corners = _corners(meshes)
    result: Array = np.round((corners.min(axis=0) + corners.max(axis=0)) / 2, 4) + 0.0
    return result


def _thing(family: str, name: str, first: str, second: str = "", held_out: Literal["", "shape", "look"] = "") -> Thing:
    colors = {"a": _COLORS[first], "b": _COLORS[second or first], "c": _DARK}
    return Thing(name, tuple((f"thing_{family}_{part}", colors[part]) for part in _PARTS[family]), held_out)


THINGS: tuple[Thing, ...] = (
    _thing("ball", "orange ball with white band", "orange", "white"),
    _thing("ball", "purple ball with yellow band", "purple", "yellow"),
    _thing("book", "red book", "red", "white"),
    _thing("book", "green book", "green", "white", "look"),
    _thing("bottle", "green bottle", "green", "green"),
    _thing("bottle", "blue bottle with white label", "blue", "white"),
    _thing("bus", "yellow toy bus", "yellow", "blue"),
    _thing("bus", "red toy bus", "red", "white"),
    _thing("can", "blue can", "blue", "blue"),
    _thing("can", "red and white can", "red", "white"),
    _thing("car", "red toy car", "red", "cyan"),
    _thing("car", "green toy car", "green", "cyan", "look"),
    _thing("carton", "yellow box with red stripes", "yellow", "red"),
    _thing("carton", "blue box with white stripes", "blue", "white", "look"),
    _thing("clamp", "green clamp", "green", "black", "shape"),
    _thing("clamp", "orange clamp", "orange", "black", "shape"),
    _thing("clock", "pink alarm clock", "pink", "white"),
    _thing("clock", "cyan alarm clock", "cyan", "white"),
    _thing("dog", "brown toy dog", "brown", "black"),
    _thing("dog", "gray toy dog", "gray", "black"),
    _thing("dumbbell", "gray dumbbell", "gray", "gray", "shape"),
    _thing("dumbbell", "pink dumbbell", "pink", "pink", "shape"),
    _thing("flashlight", "red and white flashlight", "red", "white", "shape"),
    _thing("flashlight", "black and yellow flashlight", "black", "yellow", "shape"),
    _thing("hammer", "hammer with red handle", "red", "gray"),
    _thing("hammer", "hammer with yellow handle", "yellow", "gray", "look"),
    _thing("hat", "brown hat with black band", "brown", "black", "shape"),
    _thing("hat", "gray hat with red band", "gray", "red", "shape"),
    _thing("key", "yellow key with red tag", "yellow", "red"),
    _thing("key", "gray key with blue tag", "gray", "blue"),
    _thing("magnifier", "magnifying glass with red handle", "gray", "red"),
    _thing("magnifier", "magnifying glass with green handle", "gray", "green"),
    _thing("mug", "red mug", "red", "red"),
    _thing("mug", "white mug with blue handle", "white", "blue", "look"),
    _thing("pan", "gray frying pan", "gray", "black"),
    _thing("pan", "red frying pan", "red", "black"),
    _thing("plate", "green plate", "green", "green"),
    _thing("plate", "white plate with red rim", "white", "red", "look"),
    _thing("screwdriver", "blue screwdriver", "blue"),
    _thing("screwdriver", "orange screwdriver", "orange"),
    _thing("shoe", "blue shoe with white stripes", "blue", "white", "shape"),
    _thing("shoe", "yellow shoe with green stripes", "yellow", "green", "shape"),
    _thing("spatula", "spatula with purple head", "gray", "purple"),
    _thing("spatula", "spatula with orange head", "gray", "orange"),
    _thing("spoon", "brown spoon", "brown"),
    _thing("spoon", "white spoon", "white"),
    _thing("star", "yellow star with blue middle", "yellow", "blue"),
    _thing("star", "pink star with white middle", "pink", "white"),
    _thing("tape", "purple tape", "purple", "white"),
    _thing("tape", "brown tape", "brown", "white"),
    _thing("towel", "red and white striped towel", "white", "red"),
    _thing("towel", "green and white striped towel", "white", "green", "look"),
    _thing("train", "red and blue toy train", "red", "blue", "shape"),
    _thing("train", "green and yellow toy train", "green", "yellow", "shape"),
    _thing("wrench", "gray wrench with red grip", "gray", "red"),
    _thing("wrench", "gray wrench with blue grip", "gray", "blue"),
)


def check_objects(objects: Any) -> None:
    """Raise ConfigError for what is no choice of ``objects``."""
    if not isinstance(objects, str) or objects not in _CHOICES:
        raise ConfigError(f"objects must be one of {', '.join(_CHOICES)}; got {objects!r}.")


def things_of(objects: Objects, split: str, folder: str | None) -> tuple[Thing, ...]:
    """The things that scenes of a split have.

    Args:
        objects: see ``Objects``.
        split: training, or held out.
        folder: of meshes of the user's own; ``None`` for those of the suite.

    Raises:
        ConfigError: ``objects`` is none of its choices, or the folder does not fit it.
    """
    check_objects(objects)
    every = THINGS if folder is None else things_in(Path(folder))
    if objects == "seen":
        return every
    why = {"unseen": ("shape", "look"), "unseen-shapes": ("shape",), "unseen-looks": ("look",)}[objects]
    chosen = tuple(thing for thing in every if (thing.held_out in why if split != "train" else not thing.held_out))
    if len(chosen) < 2:
        raise ConfigError(
            f"objects={objects!r} leaves {len(chosen)} things for {split}: name those that are held out in "
            f"{HELD_OUT_FILE} of {folder}, one a line, and take objects='unseen'."
        )
    return chosen


def things_in(folder: Path) -> tuple[Thing, ...]:
    """Things of a folder: every ``.obj`` or ``.stl`` file, whose name with spaces for underscores is the thing's.

    Their size and their origin do not matter: each fills its cell of the container, about its own middle. Each has one
    colour, the first that its name has, or gray: textures are not read.

    Raises:
        ConfigError: there is no such folder, or fewer than two meshes are in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}: give one that holds .obj or .stl files.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".obj", ".stl"))
    if len(files) < 2:
        raise ConfigError(f"{folder} holds {len(files)} .obj or .stl files: at least two are needed.")
    listed = folder / HELD_OUT_FILE
    held_out = set(listed.read_text(encoding="utf-8").split("\n")) if listed.is_file() else set()
    names = [path.stem.replace("_", " ") for path in files]
    if unknown := sorted(held_out - set(names) - {""}):
        raise ConfigError(f"{listed} names {unknown[0]!r}, which is no mesh of the folder: write {names[0]!r} or so.")
    return tuple(
        Thing(name, ((str(path.absolute()), _named_color(name)),), "shape" if name in held_out else "")
        for name, path in zip(names, files, strict=True)
    )


def _named_color(name: str) -> Color:
    return next((_COLORS[word] for word in name.split() if word in _COLORS), _COLORS["gray"])
