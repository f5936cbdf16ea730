"""Changes of a scene by a given amount, for measuring how much of each a policy stands.

``randomize`` draws how much looks vary; here the amount is given, and the seed draws the direction alone. So the
same seed at two amounts is the same change, once small and once large.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

import numpy as np

from ravens_suite.core.cameras import PUBLISHED_CAMERAS, Camera
from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.palette import Color
from ravens_suite.core.seeding import Split, drawn, generator
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bodies import Box, marker
from ravens_suite.sim.rendering.base import Lighting
from ravens_suite.sim.scene import GROUND_NAME, SHEET_NAME, Scene
from ravens_suite.tasks.placement import free_name, free_pose

MOST = {
    "camera": 1.0,
    "calibration": 1.0,
    "light": 4.0,
    "background": 1.0,
    "color": 1.0,
    "occluders": 50,
    "crowding": 0.999,
    "mistyped": 1000,
}
"""Largest amount of each."""

_COUNTED = ("occluders", "mistyped")
"""Amounts that are whole numbers."""

_TURN_PER_METRE = math.radians(100.0)
"""A camera that moves by a centimetre turns by a degree."""
_TILT_PER_STOP = math.radians(25.0)
_HUE, _SATURATION, _BRIGHTNESS = 12 / 360, 0.4, 0.4
_POST = (0.02, 0.02, 0.20)
_POST_COLOR: Color = (0.35, 0.33, 0.31)


@dataclass(frozen=True)
class Perturbations:
    """How much of a scene is changed.

    Attributes:
        camera: metres by which every camera moves, in a direction of its own; it turns by one degree a centimetre. The
            observed parameters say where it is.
        calibration: the same, but the observed parameters say where the camera would be without it.
        light: stops by which the light is brighter or darker (one is a factor of two); it also tilts by 25 degrees a
            stop from the vertical, to 75 degrees at most.
        background: share, in [0, 1], of the way from the colours of table and ground to colours drawn from all.
        color: share, in [0, 1], of the largest change of the colours of all other bodies: 12 degrees of hue, so that
            the names of colours stay true, and 40 % of saturation and of brightness.
        occluders: posts of 2 x 2 x 20 cm that hide what is behind them; nothing collides with them.
        crowding: objects are drawn from the share 1 - ``crowding`` of the free places that is nearest to what stands
            on the table already.
        mistyped: words of the instruction with two neighbouring letters swapped that differ.
    """

    camera: float = 0.0
    calibration: float = 0.0
    light: float = 0.0
    background: float = 0.0
    color: float = 0.0
    occluders: int = 0
    crowding: float = 0.0
    mistyped: int = 0

    @staticmethod
    def checked(value: Any) -> Perturbations:
        """From the environment's argument ``perturb``.

        Args:
            value: amounts by name; ``None`` for none.

        Raises:
            ConfigError: a name is unknown, or an amount cannot be.
        """
        if value is None:
            return Perturbations()
        if not isinstance(value, Mapping) or any(name not in MOST for name in value):
            raise ConfigError(f"perturb must map names out of {', '.join(MOST)} to amounts; got {value!r}.")
        return Perturbations(**{name: _amount(name, amount) for name, amount in value.items()})

    def to_json(self) -> dict[str, float]:
        """The amounts that are not zero, by name."""
        return {item.name: amount for item in fields(self) if (amount := getattr(self, item.name))}

    def decisive(self) -> dict[str, Any]:
        """What decides where bodies are and how they move, for states of an episode; empty for nothing."""
        placed = {name: amount for name, amount in self.to_json().items() if name in ("crowding", "occluders")}
        return {"perturb": placed} if placed else {}

    @property
    def seen(self) -> bool:
        """Whether light, cameras or colours are other ones."""
        return any((self.camera, self.calibration, self.light, self.background, self.color))

    def directions(self, seed: int, split: Split, cameras: int) -> Directions:
        """In which directions the changes of an episode go; the same for all amounts."""
        rng = generator(seed, split, "perturbation")
        angle, sign = float(rng.uniform(0, 2 * math.pi)), _signs(rng, 1)[0]
        table = (_any_color(rng), _any_color(rng))
        # What is drawn for bodies comes after this, and must not depend on who looks at them.
        known, unknown = (tuple(drawn(rng, _any_move, cameras, PUBLISHED_CAMERAS)) for _ in range(2))
        return Directions(angle, sign, table, known, unknown, rng)

    def lighting(self, light: Lighting, directions: Directions) -> Lighting:
        """The light of an episode, from the one that it would have."""
        if not self.light:
            return light
        tilt = min(_TILT_PER_STOP * self.light, math.radians(75))
        factor = 2.0 ** (directions.brighter * self.light)
        across = math.sin(tilt)
        towards = (across * math.cos(directions.azimuth), across * math.sin(directions.azimuth), math.cos(tilt))
        return replace(light, direction=towards, ambient=light.ambient * factor, diffuse=light.diffuse * factor)

    def placed(self, cameras: Sequence[Camera], directions: Directions) -> tuple[Camera, ...]:
        """Where the cameras are said to be."""
        return _moved(cameras, directions.camera_moves, self.camera)

    def true_cameras(self, cameras: Sequence[Camera], directions: Directions) -> tuple[Camera, ...]:
        """Where the cameras are, from where they are said to be."""
        return _moved(cameras, directions.calibration_moves, self.calibration)

    def dress(self, scene: Scene, directions: Directions) -> None:
        """Change the colours of a fresh scene."""
        for name, color in zip((GROUND_NAME, SHEET_NAME), directions.table, strict=True):
            if self.background:
                body = scene.body(name)
                visuals = tuple(replace(v, color=_mixed(v.color, color, self.background)) for v in body.visuals)
                scene.recolor(name, replace(body, visuals=visuals))
        self.dress_bodies(scene, scene.objects(), directions)

    def dress_bodies(self, scene: Scene, names: Sequence[str], directions: Directions) -> None:
        """Change the colours of some bodies: all at first, and later those that a task brings during an episode."""
        for name in names if self.color else ():
            body, signs = scene.body(name), _signs(directions.rng, 3)
            visuals = tuple(replace(v, color=_changed(v.color, signs, self.color)) for v in body.visuals)
            scene.recolor(name, replace(body, visuals=visuals))

    def add_occluders(self, scene: Scene, rng: np.random.Generator) -> None:
        """Put the posts where there is room.

        Raises:
            PlacementError: there is no room for them.
        """
        post = marker((Box(_POST),), _POST_COLOR)
        for index in range(self.occluders):
            scene.add(free_name(scene, "occluder", index + 1), post, free_pose(scene, _POST, rng), "marker")

    def mistype(self, sentence: str, rng: np.random.Generator) -> str:
        """A sentence with two different neighbouring letters swapped in some of its words of three letters and more."""
        words = sentence.split(" ")
        order = [index for index in map(int, rng.permutation(len(words))) if len(words[index]) >= 3]
        for index in [index for index in order if len(set(words[index])) > 1][: self.mistyped]:
            word, at = words[index], int(rng.integers(len(words[index]) - 1))
            # As it is drawn, or the next one that differs: two equal letters would leave the word as it was.
            at = next(place for place in _cycle(at, len(word) - 1) if word[place] != word[place + 1])
            words[index] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return " ".join(words)


@dataclass(frozen=True)
class Directions:
    """Where the changes of an episode go.

    Attributes:
        azimuth: radians, of the light.
        brighter: 1 or -1.
        table: colours that ground and table go to.
        camera_moves: unit vectors (x, y, z) of translation and rotation, one pair a camera, in the camera's frame.
        calibration_moves: the same for ``calibration``.
        rng: for what is drawn for each body.
    """

    azimuth: float
    brighter: float
    table: tuple[Color, Color]
    camera_moves: tuple[tuple[Vector, Vector], ...]
    calibration_moves: tuple[tuple[Vector, Vector], ...]
    rng: np.random.Generator


def _amount(name: str, amount: Any) -> Any:
    whole = name in _COUNTED
    number = isinstance(amount, Real) and not isinstance(amount, bool | np.bool_)
    if not number or not 0 <= amount <= MOST[name] or (whole and int(amount) != amount):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{name} in perturb must be {kind} from 0 to {MOST[name]}; got {amount!r}.")
    return int(amount) if whole else float(amount)


def _cycle(first: int, count: int) -> list[int]:
    """The numbers below a count, from one on, around."""
    return [(first + step) % count for step in range(count)]


def _signs(rng: np.random.Generator, count: int) -> list[float]:
    return [float(value) for value in rng.choice((-1.0, 1.0), count)]


def _any_color(rng: np.random.Generator) -> Color:
    red, green, blue = (float(value) for value in rng.uniform(0.05, 0.95, 3))
    return red, green, blue


def _unit_vector(rng: np.random.Generator) -> Vector:
    vector = rng.normal(size=3)
    x, y, z = (float(value) for value in vector / np.linalg.norm(vector))
    return x, y, z


def _any_move(rng: np.random.Generator) -> tuple[Vector, Vector]:
    return _unit_vector(rng), _unit_vector(rng)


def _moved(cameras: Sequence[Camera], moves: Sequence[tuple[Vector, Vector]], metres: float) -> tuple[Camera, ...]:
    if not metres:
        return tuple(cameras)
    pairs = zip(cameras, moves, strict=True)
    return tuple(replace(camera, pose=camera.pose @ _move(*move, metres)) for camera, move in pairs)


def _move(direction: Vector, axis: Vector, metres: float) -> Pose:
    half = metres * _TURN_PER_METRE / 2
    x, y, z = (math.sin(half) * value for value in axis)
    shift = (metres * direction[0], metres * direction[1], metres * direction[2])
    return Pose(shift, (x, y, z, math.cos(half)))


def _mixed(color: Color, other: Color, share: float) -> Color:
    red, green, blue = ((1 - share) * own + share * new for own, new in zip(color, other, strict=True))
    return red, green, blue


def _changed(color: Color, signs: Sequence[float], share: float) -> Color:
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    return colorsys.hsv_to_rgb(
        (hue + signs[0] * share * _HUE) % 1.0,
        min(saturation * (1 + signs[1] * share * _SATURATION), 1.0),
        min(value * (1 + signs[2] * share * _BRIGHTNESS), 1.0),
    )
