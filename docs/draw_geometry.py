"""Draw the pictures of the page on geometry anew.

    python docs/draw_geometry.py

The pictures are drawn with the functions that the page is about, so that they show what these do.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from ravens_suite.core.cameras import Camera, look_at  # noqa: E402 (found beside this file)
from ravens_suite.core.conventions import camera_axes  # noqa: E402
from ravens_suite.core.geometry import Array, Pose  # noqa: E402
from ravens_suite.core.projection import project  # noqa: E402
from ravens_suite.core.workspace import AGENT_WORKSPACE  # noqa: E402
from ravens_suite.rollout.environments import make_environment  # noqa: E402

_INK, _PALE, _RAY = (50, 50, 60), (225, 225, 230), (230, 150, 30)
_AXES = {"x": (214, 64, 64), "y": (46, 150, 70), "z": (50, 100, 220)}
_SIZE = (400, 640)
_LONG = 0.12


class Sheet:
    """A white picture that things in the world are drawn on, seen by a camera.

    Args:
        camera: sees them.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.image: Any = np.full((*camera.image_size, 3), 255, np.uint8)

    def at(self, point: Any) -> tuple[int, int]:
        """Where a point of the world is drawn."""
        (u, v), _ = project(np.asarray(point), self.camera.intrinsics, self.camera.pose.matrix())
        return round(float(u)), round(float(v))

    def line(self, *points: Any, color: tuple[int, int, int] = _INK, width: int = 2, closed: bool = False) -> None:
        """A line through points of the world."""
        pixels = np.array([self.at(point) for point in points], np.int32)
        cv2.polylines(self.image, [pixels], closed, color, width, cv2.LINE_AA)

    def text(
        self, point: Any, words: str, color: tuple[int, int, int] = _INK, shift: tuple[int, int] = (8, -6)
    ) -> None:
        """Words beside a point of the world."""
        u, v = self.at(point)
        place = (u + shift[0], v + shift[1])
        cv2.putText(self.image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1, cv2.LINE_AA)

    def axes(self, pose: Array, long: float = _LONG) -> None:
        """The axes of a frame, x red, y green, z blue."""
        start = pose[:3, 3]
        for index, (name, color) in enumerate(_AXES.items()):
            end = start + long * pose[:3, index]
            cv2.arrowedLine(self.image, self.at(start), self.at(end), color, 3, cv2.LINE_AA, tipLength=0.16)
            self.text(end, name, color)

    def body(self, pose: Array, deep: float = 0.09, side: float = 0.05) -> None:
        """A camera's body and lens, by its pose in OpenCV axes."""
        corners = [(x * side, y * side * 0.7, deep) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        ends = [pose[:3, :3] @ np.array(corner) + pose[:3, 3] for corner in corners]
        self.line(*ends, closed=True)
        for end in ends:
            self.line(pose[:3, 3], end)

    def table(self) -> None:
        """The outline of the workspace."""
        (x, y, z), (far, left, _) = AGENT_WORKSPACE.low, AGENT_WORKSPACE.high
        corners = [(x, y, z), (far, y, z), (far, left, z), (x, left, z)]
        cv2.fillPoly(self.image, [np.array([self.at(corner) for corner in corners], np.int32)], _PALE)
        self.line(*corners, closed=True, width=1)

    def write(self, name: str) -> None:
        """Write ``docs/geometry_NAME.png``."""
        write(name, self.image)


def write(name: str, image: Any) -> None:
    """Write ``docs/geometry_NAME.png``, an RGB picture."""
    path = DOCS / f"geometry_{name}.png"
    cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    sys.stdout.write(f"{path}\n")


def viewpoint(position: tuple[float, float, float], target: tuple[float, float, float], focal: float = 520) -> Camera:
    """A camera to draw with."""
    return Camera("sheet", look_at(position, target), _SIZE, focal)


def workspace() -> None:
    """The table with its axes, and the heightmap of a scene beside it."""
    from ravens_suite.core.heightmap import fuse_observation
    from ravens_suite.report.drawing import map_picture

    sheet = Sheet(viewpoint((-0.75, -0.95, 1.0), (0.42, 0.0, 0.0), 560))
    sheet.table()
    sheet.axes(np.eye(4), 0.2)
    sheet.text((0, 0, 0), "robot's base", shift=(-40, 24))
    sheet.text((0.75, 0.5, 0), "(0.75, 0.5, 0)", shift=(-50, -10))
    sheet.text((0.25, -0.5, 0), "(0.25, -0.5, 0)", shift=(-30, 24))
    environment = make_environment("block-insertion", "train", {"image_size": [480, 640]})
    observation, _ = environment.reset(seed=0)
    environment.close()
    seen = fuse_observation(observation)
    turned = cv2.resize(map_picture(seen.color, 1), (640, 320), interpolation=cv2.INTER_AREA)
    below = np.full((360, 640, 3), 255, np.uint8)
    below[30:350] = turned
    cv2.putText(below, "heightmap: y to the right, x down, seen from above", (8, 20), 0, 0.5, _INK, 1, cv2.LINE_AA)
    write("workspace", np.vstack([sheet.image, below]))


def projection() -> None:
    """A pixel, its ray, the depth along the optical axis and the point."""
    sheet = Sheet(viewpoint((0.2, -1.3, 0.75), (0.42, 0.0, 0.33), 620))
    sheet.table()
    camera = Camera("seeing", look_at((0.1, 0.0, 0.62), (0.55, 0.0, 0.0)), (6, 8), 7.0)
    pose = camera.pose.matrix()
    sheet.body(pose, 0.2, 0.12)
    sheet.axes(pose, 0.16)
    point = np.array([0.45, 0.13, 0.0])
    _, depth = project(point, camera.intrinsics, pose)
    ahead = pose[:3, 3] + depth * pose[:3, 2]
    sheet.line(pose[:3, 3], point, color=_RAY)
    sheet.line(pose[:3, 3], ahead, color=_AXES["z"])
    sheet.line(ahead, point, width=1)
    cv2.circle(sheet.image, sheet.at(point), 5, _RAY, -1, cv2.LINE_AA)
    sheet.text(point, "point, world frame", _RAY, (-60, 24))
    sheet.text((pose[:3, 3] + ahead) / 2, "depth", _AXES["z"], (-56, 12))
    sheet.text(pose[:3, 3], "camera", shift=(-70, -8))
    on_plane = pose[:3, 3] + (point - pose[:3, 3]) * 0.2 / depth
    cv2.circle(sheet.image, sheet.at(on_plane), 4, _RAY, -1, cv2.LINE_AA)
    sheet.text(on_plane, "(u, v)", _RAY, (10, -6))
    sheet.write("projection")


def axes() -> None:
    """One camera by three conventions."""
    sheets = []
    pose = look_at((0.0, 0.0, 0.3), (1.0, 0.25, 0.0)).matrix()
    for name in ("opencv", "opengl", "ros"):
        camera = Camera("sheet", look_at((-0.45, -0.5, 0.72), (0.05, 0.0, 0.28)), (300, 300), 330)
        sheet = Sheet(camera)
        sheet.body(pose, 0.12, 0.08)
        sheet.axes(camera_axes(pose, "opencv", name), 0.15)
        title = {"opencv": "OpenCV, ROS optical", "opengl": "OpenGL, Blender", "ros": "ROS camera_link"}[name]
        cv2.putText(sheet.image, title, (12, 24), 0, 0.55, _INK, 1, cv2.LINE_AA)
        sheets.append(sheet.image)
    write("axes", np.hstack(sheets))


def tool() -> None:
    """The tip's frame and a wrist camera."""
    sheet = Sheet(viewpoint((0.0, -0.75, 0.55), (0.47, 0.0, 0.14), 700))
    sheet.table()
    tip = Pose.planar(0.5, 0.0, 0.06, math.radians(25))
    sheet.line(tip.position, tip.raised(0.3).position, width=6)
    sheet.axes(tip.matrix(), 0.12)
    sheet.text(tip.position, "tip", shift=(-34, 18))
    camera = tip @ look_at((-0.12, 0.0, 0.18), (0.02, 0.0, 0.0))
    sheet.body(camera.matrix(), 0.07, 0.04)
    sheet.line(camera.position, tip.raised(0.18).position, width=1)
    sheet.text(camera.position, "wrist camera, mount: tool", shift=(-150, -16))
    sheet.write("tool")


if __name__ == "__main__":
    workspace()
    projection()
    axes()
    tool()
