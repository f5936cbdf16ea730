"""Which cameras an environment has: those that observe, and the one of ``render()``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ravens_suite.core.camera_values import MOST_PIXELS
from ravens_suite.core.cameras import Camera, cameras_from_json, look_at, published_cameras
from ravens_suite.core.observations import ControlName
from ravens_suite.errors import ConfigError, InvalidCameraError, UnknownNameError
from ravens_suite.sim.precision import STEPS_PER_SECOND

RenderMode = Literal["rgb_array", "rgb_array_list"]

RENDER_SIZE = (480, 640)
"""(rows, columns) of a frame of ``render()`` unless ``render_size`` says otherwise."""

FRAMES_PER_SECOND = 30
"""Frames a second of simulated time with ``rgb_array_list``, unless ``render_fps`` says otherwise."""

ACTIONS_PER_SECOND: dict[ControlName, int] = {"primitive": 2, "waypoint": 10}
"""Frames a second with ``rgb_array``, where a frame is an action, unless ``render_fps`` says otherwise."""

FARTHEST = 100.0
"""Metres: no camera or tool is farther from the robot's base, and no body is larger."""

LARGEST_FOCAL_LENGTH = 1e6
"""Pixels: no focal length or principal point is larger."""

_VIEWPOINT = Camera("view", look_at((1.15, -0.45, 0.75), (0.42, 0.0, 0.03)), RENDER_SIZE)


def observing_cameras(cameras: Sequence[Mapping[str, Any]] | None, image_size: tuple[int, int]) -> tuple[Camera, ...]:
    """The cameras of an environment's ``images``.

    Args:
        cameras: JSON values (``Camera.from_json``); the three published ones if left out.
        image_size: (rows, columns) of those that have none of their own.

    Raises:
        InvalidCameraError: a camera cannot be.
        InvalidPoseError: a pose is none.
    """
    if cameras is None:
        return published_cameras(image_size)
    made = cameras_from_json(cameras, image_size)
    for camera in made:
        if max(map(abs, camera.pose.position)) > FARTHEST or max(camera.fx, camera.fy) > LARGEST_FOCAL_LENGTH:
            raise InvalidCameraError(
                f"Camera {camera.name!r} is more than {FARTHEST:.0f} m away, or its focal length above "
                f"{LARGEST_FOCAL_LENGTH:.0f} pixels; positions are in metres, focal lengths in pixels."
            )
    return made


def checked_size(option: str, value: Sequence[int]) -> tuple[int, int]:
    """(rows, columns) of an image as plain whole numbers; those of NumPy are taken, too.

    Args:
        option: name of the argument, for the message.
        value: what was given.

    Raises:
        ConfigError: it is no pair of whole numbers >= 1, or so large that no image of it fits in memory.
    """
    lengths = list(value) if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1 else []
    whole = all(isinstance(length, int | np.integer) and not isinstance(length, bool) for length in lengths)
    if not whole or len(lengths) != 2 or min(lengths) < 1:
        raise ConfigError(f"{option} must be (rows, columns), whole numbers >= 1; got {value!r}.")
    rows, columns = int(lengths[0]), int(lengths[1])
    if rows * columns > MOST_PIXELS:
        raise ConfigError(f"{option} may have at most {MOST_PIXELS} pixels; got {rows} x {columns}.")
    return rows, columns


@dataclass(frozen=True)
class View:
    """What ``render()`` draws.

    Attributes:
        camera: name of a camera that observes, or a camera.
        size: (rows, columns) of a frame.
        fps: frames a second at which a film of all frames plays.
        interval: physics steps between two frames of ``rgb_array_list``.
    """

    camera: str | Camera
    size: tuple[int, int]
    fps: int
    interval: int

    @staticmethod
    def checked(
        mode: RenderMode | None,
        control: ControlName,
        cameras: Sequence[Camera],
        camera: str | Mapping[str, Any] | None,
        size: Sequence[int],
        fps: int | None,
    ) -> View:
        """From keyword arguments of the environment.

        Raises:
            ConfigError: a value cannot work.
            UnknownNameError: no camera that observes has this name.
        """
        rows, columns = checked_size("render_size", size)
        if camera is None:
            chosen: str | Camera = _VIEWPOINT
        elif isinstance(camera, str):
            if camera not in (names := [each.name for each in cameras]):
                raise UnknownNameError("camera", camera, names)
            chosen = camera
        elif not isinstance(camera, Mapping):
            raise ConfigError(
                f"render_camera must be the name of a camera, or a mapping of its values; got {camera!r}."
            )
        else:
            chosen = cameras_from_json([{"name": "view", **camera}], (rows, columns))[0]
        rate = fps
        if rate is None:
            rate = FRAMES_PER_SECOND if mode == "rgb_array_list" else ACTIONS_PER_SECOND.get(control, 10)
        if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or rate < 1:
            raise ConfigError(f"render_fps must be a whole number >= 1; got {rate!r}.")
        if mode == "rgb_array_list" and STEPS_PER_SECOND % rate:
            choices = [each for each in range(10, 121) if STEPS_PER_SECOND % each == 0]
            raise ConfigError(
                f"render_fps={rate} does not divide the {STEPS_PER_SECOND} physics steps of a second; choose one of "
                f"{', '.join(map(str, choices))}."
            )
        rate = int(rate)
        view = View(chosen, (rows, columns), rate, max(STEPS_PER_SECOND // rate, 1))
        view.now(cameras)  # A camera that cannot be drawn at this size is refused here.
        return view

    def now(self, cameras: Sequence[Camera]) -> Camera:
        """The camera to draw with.

        Args:
            cameras: those that observe in this episode.
        """
        if isinstance(self.camera, Camera):
            return self.camera.resized(self.size)
        return next(camera for camera in cameras if camera.name == self.camera).resized(self.size)
