#!/usr/bin/env bash
# pybullet 3.2.7: the images of its software renderer (ER_TINY_RENDERER) lie half a pixel beside those of its OpenGL
# renderer and beside the camera that its own matrices describe.
#
# Its rasteriser asks what is seen at whole pixel positions, counted from below. So the pixel of column c and row r
# shows what lies at (c, r + 1), its lower left corner, in colours, depth and segmentation; OpenGL shows what lies at
# its centre, (c + 0.5, r + 0.5). ER_TINY_RENDERER is what getCameraImage takes in mode DIRECT, on clusters and in
# tests; with a window, or with the plugin eglRenderer, it is OpenGL. The image looks right, and a point cloud is off by
# the same amount everywhere, to one side: 1.2 mm in x and y at 640 x 480 (60 degrees, 1 m), 9 mm at 64 x 64, as
# policies take it. A policy trained on one of them is shown a moved world by the other. Unprojecting with whole c and
# r, a usual slip, is right in x by chance and wrong by a whole pixel in y. What fits: in the projection matrix, which
# is column by column, add 1 / width to element 8 and 1 / height to element 9; the pixels' centres are then what is
# drawn.
#
# Bullet's own rayTest is the judge, which does not draw. (eglRenderer agreed with rays through the centres.)
#
# Seen (Python 3.11), a tilted box on a slope, 64 x 48 pixels: "rays through the centres: 31 other labels, depth off by
# 1.684 mm; through the lower left corners: 0 other labels, 0.005 mm; centres, with the matrix mended: 2 other labels,
# 0.004 mm"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import pybullet

WIDTH, HEIGHT, NEAR, FAR, VERTICAL = 64, 48, 0.1, 10.0, 40.0  # the last in degrees

pybullet.connect(pybullet.DIRECT)
BOX, SLOPE = ([0.1] * 3, [0.013, 0.007, 0], [0.3, 0.2, 0.5]), ([5, 5, 0.1], [0, 0, -0.5], [0.2, 0.3, 0])
for half, position, angles in (BOX, SLOPE):
    pybullet.createMultiBody(
        0,
        pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half),
        pybullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=half),
        position,
        pybullet.getQuaternionFromEuler(angles),
    )
VIEW = pybullet.computeViewMatrix([0, 0, 1], [0, 0, 0], [0, 1, 0])  # straight down
PROJECTION = pybullet.computeProjectionMatrixFOV(VERTICAL, WIDTH / HEIGHT, NEAR, FAR)


def drawn(projection):
    """Labels and depth in metres, (HEIGHT, WIDTH)."""
    *_, buffer, labels = pybullet.getCameraImage(
        WIDTH, HEIGHT, VIEW, projection, renderer=pybullet.ER_TINY_RENDERER
    )
    depth = FAR * NEAR / (FAR - (FAR - NEAR) * np.reshape(buffer, (HEIGHT, WIDTH)))
    return np.reshape(labels, (HEIGHT, WIDTH)), depth


def measured(right, down):
    """The same by rays through the points (column + right, row + down)."""
    u, v = np.meshgrid(np.arange(WIDTH) + right, np.arange(HEIGHT) + down)
    focal = HEIGHT / 2 / np.tan(np.radians(VERTICAL) / 2)
    slopes = np.stack([(u - WIDTH / 2) / focal, (HEIGHT / 2 - v) / focal, -np.ones_like(u)], axis=-1).reshape(-1, 3)
    hits = pybullet.rayTestBatch([[0, 0, 1]] * len(slopes), ([0, 0, 1] + 3 * slopes).tolist())
    labels, fractions = ([hit[index] for hit in hits] for index in (0, 2))
    return np.reshape(labels, (HEIGHT, WIDTH)), 3 * np.reshape(fractions, (HEIGHT, WIDTH))


def compare(name, image, rays):
    same = image[0] == rays[0]
    others, off = int((~same).sum()), 1000 * float(np.abs(image[1] - rays[1])[same].mean())
    print(f"{name}: {others} other labels, depth off by {off:.3f} mm")
    return others, off


mended = list(PROJECTION)
mended[8] += 1 / WIDTH
mended[9] += 1 / HEIGHT
centres = compare("rays through the centres", drawn(PROJECTION), measured(0.5, 0.5))
corners = compare("through the lower left corners", drawn(PROJECTION), measured(0, 1))
after = compare("centres, with the matrix mended", drawn(mended), measured(0.5, 0.5))
right = max(corners[0], after[0]) <= 2 and max(corners[1], after[1]) < 0.05
sys.exit(not (right and centres[0] > 15 and centres[1] > 1))
PY
