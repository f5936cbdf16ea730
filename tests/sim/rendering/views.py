"""Cameras, scenes and comparisons that the tests of rendering share."""

from __future__ import annotations

import numpy as np
import pytest

from ravens_suite.core.cameras import Camera, look_at
from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import RendererError
from ravens_suite.sim.bodies import Box, Cylinder, Hull, Shape, Sphere, solid
from ravens_suite.sim.rendering.base import Images, Lighting
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.scene import Scene

SMALL = (96, 128)
TOP = Camera("top", look_at((0.5, 0.0, 1.0), (0.5, 0.0, 0.0), (1.0, 0.0, 0.0)), SMALL, 90.0)
BEYOND = Camera("beyond", look_at((0.0, 0.0, 1.0), (9.0, 0.0, 3.0), (0.0, 0.0, 1.0)), SMALL, 90.0)
NO_SHADOWS = Lighting(shadows=False)


def _egl_error() -> str:
    try:
        make_renderer("moderngl").close()
    except RendererError as error:
        return str(error)
    return ""


EGL_ERROR = _egl_error()
needs_egl = pytest.mark.skipif(bool(EGL_ERROR), reason=f"moderngl cannot run: {EGL_ERROR}")
each_renderer = pytest.mark.parametrize("draw", [pytest.param("moderngl", marks=needs_egl), "tiny"], indirect=True)


def populate(scene: Scene, seed: int = 0) -> None:
    """Boxes, cylinders, balls and hulls at random poses over the table."""
    rng = np.random.default_rng(seed)
    corner = ((0.0, 0.0, 0.0), (0.07, 0.0, 0.0), (0.0, 0.06, 0.0), (0.0, 0.0, 0.05), (0.03, 0.04, 0.06))
    shapes: list[Shape] = [
        Box((0.08, 0.05, 0.04), Pose((0.01, 0.02, 0.0))),
        Cylinder(0.03, 0.07),
        Sphere(0.03),
        Hull(corner),
    ]
    colors = list(PALETTE.values())
    for index in range(12):
        quaternion = rng.normal(size=4)
        position = rng.uniform((0.3, -0.4, 0.05), (0.7, 0.4, 0.2))
        body = solid(shapes[index % 4], colors[index % len(colors)])
        scene.add(f"body {index}", body, Pose.from_vector([*position, *quaternion]), "fixed")


def same_images(a: Images, b: Images) -> bool:
    if (a.segmentation is None) != (b.segmentation is None):
        return False
    labels_equal = a.segmentation is None or b.segmentation is None or np.array_equal(a.segmentation, b.segmentation)
    return labels_equal and np.array_equal(a.color, b.color) and np.array_equal(a.depth, b.depth)
