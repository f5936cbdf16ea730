#!/usr/bin/env bash
# usd-core 26.11: Gf.Quatf(a, b, c, d) has its real part first, and the same four numbers as a NumPy array have it
# last.
#
# The constructor, print and .usda files write w, x, y, z, as MuJoCo and SAPIEN do. An array of quaternions,
# Vt.QuatfArray.FromNumpy and np.array of one, hands on the memory, which is x, y, z, w, as PyBullet and SciPy have
# it. A PointInstancer, the way to put many objects in one scene, has its orientations as such an array (of half
# precision): poses that are given to it from a simulator's w, x, y, z are all taken, and none is right. "No rotation"
# is upside down, a quarter turn about z is one about x. NumPy reads back the numbers that it wrote, so that a test of
# writing and reading passes; the file and every viewer show something else. Lists of tuples are refused. Upstream:
# OpenUSD issue 4013 (open) is about the two orders in files.
#
# Seen (Python 3.11): "(1, 0, 0, 0) by constructor: z axis up; by NumPy: z axis down, in the file (0, 1, 0, 0), read
# back by NumPy as written; np.array of the constructed one: 0 0 0 1"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "usd-core==26.11" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from pxr import Gf, Usd, UsdGeom, Vt

given = np.array([[1.0, 0.0, 0.0, 0.0]], np.float16)
by_constructor = Vt.QuathArray([Gf.Quath(*(float(number) for number in given[0]))])
by_numpy = Vt.QuathArray.FromNumpy(given)


def placed(orientations):
    """Height of the tip of an instance's z axis, and the line of the file."""
    stage = Usd.Stage.CreateInMemory()
    instancer = UsdGeom.PointInstancer.Define(stage, "/blocks")
    block = UsdGeom.Cube.Define(stage, "/blocks/block")
    instancer.CreatePrototypesRel().AddTarget(block.GetPath())
    instancer.CreateProtoIndicesAttr([0])
    instancer.CreatePositionsAttr([Gf.Vec3f(0.0)])
    instancer.CreateOrientationsAttr(orientations)
    pose = instancer.ComputeInstanceTransformsAtTime(Usd.TimeCode.Default(), Usd.TimeCode.Default())[0]
    line = next(line for line in stage.ExportToString().splitlines() if "orientations" in line)
    return pose.TransformDir(Gf.Vec3d(0.0, 0.0, 1.0))[2], line.split("=")[1].strip()


up, _ = placed(by_constructor)
down, line = placed(by_numpy)
same = bool((np.array(by_numpy) == given).all())
memory = [int(number) for number in np.array(by_constructor)[0]]
quarter = np.array([[0.5**0.5, 0.0, 0.0, 0.5**0.5]], np.float32)
axis = Vt.QuatfArray.FromNumpy(quarter)[0].GetImaginary().GetNormalized()
print(f"(1, 0, 0, 0) by constructor: z axis {up:+.0f}; by NumPy: {down:+.0f}, in the file {line}, read back: {same}")
print(f"np.array of the constructed one: {memory}; a quarter turn about z by NumPy: about {tuple(axis)}")
seen = up > 0.99 and down < -0.99 and line == "[(0, 1, 0, 0)]" and same and memory == [0, 0, 0, 1]
sys.exit(0 if seen and axis[0] > 0.99 else 1)
PY
