"""Milliseconds a view of both renderers, on one core, over a standard scene.

    python benchmarks/rendering.py [--bodies 40] [--out results/rendering.json]

CPU time of this thread, so that other processes disturb it little; the best of several repetitions. The scene has the
table and ``--bodies`` coloured boxes, cylinders, balls and hulls at random poses; the cameras are the published three.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from made_by import made_by
from timing import best_milliseconds

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import RendererError
from ravens_suite.sim.bodies import Box, Cylinder, Hull, Shape, Sphere, solid
from ravens_suite.sim.rendering.base import Lighting, Renderer
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.scene import Scene

SETTINGS: dict[str, dict[str, Any]] = {
    "color_depth": {},
    "color_depth_segmentation": {"segmentation": True},
    "color_depth_without_shadows": {"lighting": Lighting(shadows=False)},
}


def standard_scene(bodies: int) -> Scene:
    """The table with ``bodies`` bodies at random poses; the same for the same number."""
    rng = np.random.default_rng(0)
    hull = Hull(((0.0, 0.0, 0.0), (0.06, 0.0, 0.0), (0.0, 0.06, 0.0), (0.0, 0.0, 0.06), (0.03, 0.04, 0.05)))
    shapes: list[Shape] = [Box((0.06, 0.04, 0.05)), Cylinder(0.03, 0.06), Sphere(0.025), hull, Box((0.09, 0.05, 0.03))]
    colors = list(PALETTE.values())
    scene = Scene()
    for index in range(bodies):
        position = rng.uniform((0.25, -0.5, 0.02), (0.75, 0.5, 0.1))
        pose = Pose.from_vector([*position, *rng.normal(size=4)])
        scene.add(f"body {index}", solid(shapes[index % len(shapes)], colors[index % len(colors)]), pose, "fixed")
    return scene


def measure(renderer: Renderer, scene: Scene, repetitions: int) -> dict[str, float]:
    """Milliseconds a view for each of ``SETTINGS``."""
    cameras = published_cameras()
    result = {}
    for name, options in SETTINGS.items():
        milliseconds = best_milliseconds(partial(renderer.render, scene, cameras, **options), repetitions)
        result[name] = round(milliseconds / len(cameras), 3)
    return result


def main() -> None:
    """Measure, print JSON, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=40, help="bodies on the table (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the JSON to this file")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scene = standard_scene(arguments.bodies)
    result: dict[str, Any] = {"bodies": arguments.bodies, "machine": platform.processor() or platform.machine()}
    for name, repetitions in (("moderngl", 60), ("tiny", 5)):
        try:
            renderer = make_renderer(name)
        except RendererError as error:
            result[name] = {"error": str(error)}
            continue
        result[name] = measure(renderer, scene, repetitions)
        renderer.close()
    if "error" not in result["moderngl"]:
        result["ratio"] = round(result["tiny"]["color_depth"] / result["moderngl"]["color_depth"], 1)
    text = json.dumps({**result, **made_by()}, indent=2)
    print(text)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
