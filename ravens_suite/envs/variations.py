"""Optional variations of an environment, all off by default: looks, light, cameras, sensor noise, distractors."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import PUBLISHED_CAMERAS, Camera
from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.numbers import is_finite
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.core.seeding import drawn
from ravens_suite.core.types import quantize_depth
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bodies import Body, Box, Visual, solid
from ravens_suite.sim.rendering.base import PUBLISHED_LIGHTING, Images, Lighting
from ravens_suite.sim.scene import GROUND_NAME, SHEET_NAME, Scene
from ravens_suite.tasks.placement import free_name, free_pose

Randomized = Literal["color", "shade", "table", "light", "camera"]
"""color: hue and saturation of every body, a little, so that names stay true; shade: brightness of every part, which
takes the place of textures; table: any colours for the ground and the workspace; light: where it comes from and how
strong; camera: poses of the cameras."""

RANDOMIZED: tuple[Randomized, ...] = get_args(Randomized)

COLOR_NOISE = 3.0
"""Grey levels: standard deviation of the published colour noise."""

DEPTH_NOISE = 0.003
"""Metres: standard deviation of the published depth noise."""

MOST_DISTRACTORS = 200
"""More than this never find room on the table."""

_HUE_JITTER = 0.025
_SATURATION_JITTER = 0.15
_SHADES = (0.7, 1.2)
_CAMERA_SHIFT = 0.01
_CAMERA_TURN = math.radians(1.0)
_DISTRACTOR_SIZES = (0.03, 0.06)
_BLACK: Color = (0.12, 0.12, 0.12)


@dataclass(frozen=True)
class Variations:
    """What varies from episode to episode besides the task's own randomness.

    Attributes:
        randomize: see ``Randomized``.
        camera_noise: standard deviation of the sensor noise as a multiple of the published one; 0 is off.
        distractors: number of bodies that have nothing to do with the task.
    """

    randomize: tuple[Randomized, ...] = ()
    camera_noise: float = 0.0
    distractors: int = 0

    @staticmethod
    def checked(randomize: Sequence[str], camera_noise: float, distractors: int) -> Variations:
        """From keyword arguments of the environment; raises ConfigError for what cannot work."""
        if not isinstance(randomize, (list, tuple)) or any(name not in RANDOMIZED for name in randomize):
            raise ConfigError(f"randomize must be a list of names out of {', '.join(RANDOMIZED)}; got {randomize!r}.")
        if not is_finite(camera_noise) or camera_noise < 0:
            raise ConfigError(f"camera_noise must be a number >= 0; got {camera_noise!r}.")
        if not isinstance(distractors, Integral) or _is_bool(distractors) or not 0 <= distractors <= MOST_DISTRACTORS:
            raise ConfigError(f"distractors must be a whole number from 0 to {MOST_DISTRACTORS}; got {distractors!r}.")
        names = tuple(name for name in RANDOMIZED if name in randomize)
        return Variations(names, float(camera_noise), int(distractors))

    def dress(self, scene: Scene, names: Sequence[str], rng: np.random.Generator) -> None:
        """Change the looks of some bodies: all at first, and later those that a task brings during an episode."""
        if not {"color", "shade", "table"} & set(self.randomize):
            return
        for name in names:
            body = scene.body(name)
            if name in (GROUND_NAME, SHEET_NAME):
                if "table" in self.randomize:
                    red, green, blue = (float(value) for value in rng.uniform(0.05, 0.95, 3))
                    scene.recolor(name, body.colored((red, green, blue)))
            else:
                scene.recolor(name, self._dressed(body, rng))

    def _dressed(self, body: Body, rng: np.random.Generator) -> Body:
        hue, saturation = rng.normal(0, _HUE_JITTER), rng.normal(0, _SATURATION_JITTER)
        visuals: list[Visual] = []
        for visual in body.visuals:
            color = visual.color
            if "color" in self.randomize:
                color = _jittered(color, float(hue), float(saturation))
            shade = float(rng.uniform(*_SHADES))
            if "shade" in self.randomize:
                color = (min(color[0] * shade, 1.0), min(color[1] * shade, 1.0), min(color[2] * shade, 1.0))
            visuals.append(replace(visual, color=color))
        return replace(body, visuals=tuple(visuals))

    def lighting(self, rng: np.random.Generator) -> Lighting:
        """The light of an episode."""
        if "light" not in self.randomize:
            return PUBLISHED_LIGHTING
        angle, tilt = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.9)
        direction = (math.sin(tilt) * math.cos(angle), math.sin(tilt) * math.sin(angle), math.cos(tilt))
        return Lighting(direction, ambient=float(rng.uniform(0.4, 0.7)), diffuse=float(rng.uniform(0.25, 0.6)))

    def moved(self, cameras: Sequence[Camera], rng: np.random.Generator) -> tuple[Camera, ...]:
        """The cameras of an episode."""
        if "camera" not in self.randomize:
            return tuple(cameras)
        # The looks of bodies are drawn after this, and must not depend on who looks at them.
        moves = drawn(rng, _small_move, len(cameras), PUBLISHED_CAMERAS)
        return tuple(replace(camera, pose=camera.pose @ move) for camera, move in zip(cameras, moves, strict=True))

    def noisy(self, images: Images, rng: np.random.Generator) -> Images:
        """Images with the sensor noise of one observation."""
        if self.camera_noise == 0:
            return images
        color: NDArray[Any] = images.color + rng.normal(0, COLOR_NOISE * self.camera_noise, images.color.shape)
        depth: NDArray[Any] = images.depth + rng.normal(0, DEPTH_NOISE * self.camera_noise, images.depth.shape)
        return replace(
            images,
            color=np.clip(np.rint(color), 0, 255).astype(np.uint8),
            depth=quantize_depth(np.clip(depth, 0, images.depth.max())),
        )

    def clutter(self, scene: Scene, rng: np.random.Generator, held: Any = ()) -> None:
        """Add the distractors, in colours that the scene does not use where there are any left.

        Args:
            scene: with what the task has built.
            rng: draws colours, sizes and places.
            held: ``Task.colors``. Of a task that has some, distractors are in these, or black where all are in use: a
                sentence may name any of them.

        Raises:
            PlacementError: there is no room for them.
        """
        used = {visual.color for name in scene.objects() for visual in scene.body(name).visuals}
        own = _named_colors(held)
        colors = [color for color in own or PALETTE.values() if color not in used]
        colors = colors or ([_BLACK] if own else list(PALETTE.values()))
        for index in range(self.distractors):
            width, length, height = (float(value) for value in rng.uniform(*_DISTRACTOR_SIZES, 3))
            size = (width, length, height)
            body = solid(Box(size), colors[int(rng.integers(len(colors)))], mass=0.05)
            scene.add(free_name(scene, "distractor", index + 1), body, free_pose(scene, size, rng), "movable")


def _named_colors(names: Any) -> list[Color]:
    """The suite's colours of some names; none of what is no list of such names, as an attribute of a user's may be."""
    known = {**PALETTE, "white": (1.0, 1.0, 1.0)}
    if not isinstance(names, tuple | list) or any(not isinstance(name, str) or name not in known for name in names):
        return []
    return [known[name] for name in names]


def _is_bool(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


def _jittered(color: Color, hue: float, saturation: float) -> Color:
    h, s, v = colorsys.rgb_to_hsv(*color)
    return colorsys.hsv_to_rgb((h + hue) % 1.0, min(max(s * (1 + saturation), 0.0), 1.0), v)


def _small_move(rng: np.random.Generator) -> Pose:
    x, y, z = (float(value) for value in rng.normal(0, _CAMERA_SHIFT, 3))
    roll, pitch, yaw = (float(value) for value in rng.normal(0, _CAMERA_TURN, 3))
    return Pose((x, y, z), euler_quaternion(roll, pitch, yaw))
