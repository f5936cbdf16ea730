"""Things to be packed: their names, looks and bodies, which are held out, and those of a user's own folder."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.palette import Color
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bodies import Body, Mesh, Visual, collision_surface, triangles
from ravens_suite.sim.own_meshes import unscaled_mesh
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

_SUFFIXES = (".obj", ".stl")

HELD_OUT_FILE = "held_out.txt"
"""In a folder of a user's own meshes: the names that are held out, one a line."""

_STEEPEST = 2.0
"""Height of a user's mesh over its width or depth beyond which it would fall over. No thing of the suite is so high."""

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
        form = _form(self._meshes())
        x, y, z = (-scale * float(value) for value in form.middle)
        pose = Pose((x, y, z), form.turn.quaternion)
        visuals = tuple(Visual(Mesh(mesh, pose, scale * form.unit), color) for mesh, color in self.parts)
        return Body(visuals, tuple(visual.shape for visual in visuals), MASS)

    def size(self) -> Vector:
        """(x, y, z) of its extents in metres, at scale 1."""
        corners = _form(self._meshes()).corners
        x, y, z = (float(value) for value in corners.max(axis=0) - corners.min(axis=0))
        return x, y, z

    def surface(self, scale: float) -> Array:
        """``(P, 3)`` points on it, metres, in the body's frame."""
        form = _form(self._meshes())
        step = len(form.corners) // _MOST_POINTS + 1
        result: Array = (form.corners - form.middle)[::step] * scale
        return result

    def _meshes(self) -> tuple[str, ...]:
        return tuple(mesh for mesh, _ in self.parts)


@dataclass(frozen=True)
class _Form:
    """How some meshes make a thing.

    Attributes:
        unit: metres per unit of their files.
        turn: by which they are turned to lie.
        corners: (P, 3) float64, metres: all corners, each once, when they are turned.
        middle: (3,) float64, metres: of their extents, to 0.1 mm: the suite's meshes have it at their origin.
    """

    unit: float
    turn: Pose
    corners: Array
    middle: Array


@lru_cache(maxsize=256)
def _form(meshes: tuple[str, ...]) -> _Form:
    """Of meshes of the suite as they are; of a user's file in a likely unit, and laid down if it would fall over."""
    files = [mesh for mesh in meshes if Path(mesh).is_absolute()]
    unit = min((_unit(unscaled_mesh(Path(mesh))) for mesh in files), default=1.0)
    corners = _corners(meshes, unit)
    turn = Pose()
    if files:
        collision_surface(Mesh(files[0], scale=unit))  # What cannot collide is refused by its name.
        turn = _lying(corners)
        corners = turn.apply(corners)
    middle: Array = np.round((corners.min(axis=0) + corners.max(axis=0)) / 2, 4) + 0.0
    return _Form(unit, turn, corners, middle)


def _corners(meshes: tuple[str, ...], unit: float) -> Array:
    corners = np.concatenate([triangles(Mesh(mesh, scale=unit)).reshape(-1, 3) for mesh in meshes])
    result: Array = np.unique(corners.astype(np.float64), axis=0)
    return result


def _unit(surface: Array) -> float:
    """The power of ten that makes a mesh about 10 cm long, whether its file is in metres or in millimetres."""
    longest = float(np.ptp(surface.reshape(-1, 3), axis=0).max())
    return float(10.0 ** np.clip(np.round(np.log10(0.1 / longest)), -12, 12)) if longest > 0 else 1.0


def _lying(corners: Array) -> Pose:
    """The turn that lays down what is more than twice as high as it is wide or deep: its longest side goes along x."""
    extents = np.ptp(corners, axis=0)
    if extents[2] <= _STEEPEST * extents[:2].min():
        return Pose()
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[np.argsort(-extents, kind="stable")]
    matrix[2, :3] *= np.linalg.det(matrix[:3, :3])  # A turn, and no mirror.
    return Pose.from_matrix(matrix)


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
            f"{HELD_OUT_FILE} of {folder}, one a line, and take objects='unseen', the form -unseen of the task."
        )
    return chosen


def things_in(folder: Path) -> tuple[Thing, ...]:
    """Things of a folder: every ``.obj`` or ``.stl`` file, whose name with spaces for underscores is the thing's.

    Their unit and their origin do not matter: each fills its cell of the container, about its own middle. What is more
    than twice as high as it is wide or deep is laid down. Each has one colour, the first that its name has, or gray:
    textures are not read. Files whose names begin with a dot are passed over.

    Raises:
        ConfigError: there is no such folder, fewer than two meshes are in it, two of them have one name, or one none.
    """
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}: give one that holds .obj or .stl files.")
    files = sorted(path for path in folder.iterdir() if _is_mesh(path))
    if len(files) < 2:
        raise ConfigError(f"{folder} holds {len(files)} .obj or .stl files: at least two are needed.")
    by_name: dict[str, Path] = {}
    for path in files:
        if not path.name.isascii():
            raise ConfigError(f"{path.name} of {folder} has letters that sentences cannot have: rename it in ASCII.")
        if not _spoken(path.name):
            raise ConfigError(f"{path.name} of {folder} has no name that a sentence could say: rename it in words.")
        other = by_name.setdefault(_spoken(path.name).casefold(), path)
        if other is not path:
            raise ConfigError(
                f"{other.name} and {path.name} of {folder} are both called {_spoken(path.name)!r}, so that no sentence "
                "could tell them apart: rename one of them."
            )
    held_out = _held_out(folder / HELD_OUT_FILE, by_name)
    return tuple(
        Thing(
            _spoken(path.name),
            ((str(path.absolute()), _named_color(_spoken(path.name))),),
            "shape" if name in held_out else "",
        )
        for name, path in by_name.items()
    )


def _is_mesh(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def _spoken(file_name: str) -> str:
    """The name of a thing: that of its file without the suffix, and with single spaces."""
    path = Path(file_name.strip())
    stem = path.stem if path.suffix.lower() in _SUFFIXES else path.name
    return " ".join(stem.replace("_", " ").split())


def _held_out(listed: Path, known: Mapping[str, Path]) -> set[str]:
    """Names, in small letters, that a file lists.

    Raises:
        ConfigError: it cannot be read, or a name is that of no mesh.
    """
    if not listed.is_file():
        return set()
    try:
        lines = [_spoken(line) for line in listed.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{listed} cannot be read ({error}): write names in UTF-8, one a line.") from error
    for line in lines:
        if line and line.casefold() not in known:
            near = difflib.get_close_matches(line.casefold(), known, n=1, cutoff=0) or [next(iter(known))]
            example = _spoken(known[near[0]].name)
            raise ConfigError(f"{listed} names {line!r}, which is no mesh of the folder: write {example!r} or so.")
    return {line.casefold() for line in lines if line}


def _named_color(name: str) -> Color:
    words = re.findall(r"[a-z]+", name.lower().replace("grey", "gray"))
    return next((_COLORS[word] for word in words if word in _COLORS), _COLORS["gray"])
