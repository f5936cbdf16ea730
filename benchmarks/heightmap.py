"""Milliseconds to fuse three views of 480 x 640 into a map of 320 x 160, beside a plain reference, and their equality.

    OMP_NUM_THREADS=1 python benchmarks/heightmap.py [--observations 5] [--out results/heightmap.json]

CPU time of this process, the best of several repetitions, for observations of several tasks. The reference does the
same sums for all pixels at once, and sorts the points by height and then by pixel.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from functools import partial
from pathlib import Path

import numpy as np
from made_by import made_by
from numpy.typing import NDArray
from timing import best_milliseconds

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap, View, camera_rays, fuse
from ravens_suite.core.workspace import AGENT_WORKSPACE, Workspace
from ravens_suite.data.atomic import write_json
from ravens_suite.envs.environment import RavensEnv

TASKS = ("block-insertion", "place-red-in-green", "palletizing-boxes", "assembling-kits", "sweeping-piles")
REPETITIONS = 15


def reference(
    color: NDArray[np.uint8],
    depth: NDArray[np.float32],
    intrinsics: Array,
    poses: Array,
    workspace: Workspace = AGENT_WORKSPACE,
) -> Heightmap:
    """What ``fuse`` computes, written plainly: arguments and result are the same."""
    views = [_view(*view, workspace) for view in zip(color, depth, intrinsics, poses, strict=True)]
    colors = np.stack([shade for shade, _ in views]).astype(np.int64)
    seen = (colors.sum(axis=-1) > 0).sum(axis=0)
    mean = np.rint(colors.sum(axis=0) / np.maximum(seen, 1)[..., None]).astype(np.uint8)
    return Heightmap(mean, np.max([height for _, height in views], axis=0))


def _view(
    color: NDArray[np.uint8], depth: NDArray[np.float32], intrinsics: Array, pose: Array, workspace: Workspace
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colour and height of one view."""
    rays = camera_rays(View.of((len(depth), len(depth[0])), intrinsics, pose), workspace)
    near = depth.reshape(-1)
    column, row, z = near * rays.direction + rays.origin[:, None]
    rows, columns = workspace.shape
    inside = (near > 0) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    inside &= (z >= 0) & (z < np.float32(workspace.high[2] - workspace.low[2]))
    pixel = np.flatnonzero(inside)
    pixel = pixel[np.argsort(z[pixel], kind="stable")]
    shade, height = np.zeros((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.float32)
    # The last of several values for one cell stays: the highest point.
    cell = row[pixel].astype(int), column[pixel].astype(int)
    shade[cell] = color.reshape(-1, 3)[pixel]
    height[cell] = z[pixel]
    return shade, height


def measure(task: str, seed: int) -> dict[str, object]:
    """Times of one observation, and whether both maps are equal to the pixel."""
    env = RavensEnv(task)
    observation, _ = env.reset(seed=seed)
    views = tuple(observation[key] for key in ("color", "depth", "camera_intrinsics", "camera_poses"))
    env.close()
    ours, plain = fuse(*views), reference(*views)
    return {
        "task": task,
        "seed": seed,
        "equal": bool(np.array_equal(ours.color, plain.color) and np.array_equal(ours.height, plain.height)),
        "fuse_milliseconds": best_milliseconds(partial(fuse, *views), REPETITIONS),
        "reference_milliseconds": best_milliseconds(partial(reference, *views), 3),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--observations", type=int, default=len(TASKS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = [measure(TASKS[index % len(TASKS)], index) for index in range(options.observations)]
    fused, plain = ([float(str(row[f"{name}_milliseconds"])) for row in rows] for name in ("fuse", "reference"))
    result = {
        "fuse_milliseconds": math.fsum(fused) / len(rows),
        "most_fuse_milliseconds": max(fused),
        "reference_milliseconds": math.fsum(plain) / len(rows),
        "ratio": math.fsum(plain) / math.fsum(fused),
        "all_equal": all(row["equal"] for row in rows),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "observations": rows,
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, {**result, **made_by()})


if __name__ == "__main__":
    main()
