#!/usr/bin/env bash
# open3d 0.20.0: a depth image made with its own ray caster, and turned into points with its own function and the same
# camera matrix, gives a scene that lies half a pixel to the left and up.
#
# RaycastingScene.create_rays_pinhole sends the ray of pixel (0, 0) through (0.5, 0.5), and PointCloud.
# create_from_depth_image puts its point on the ray through (0, 0). With a small image, as policies have, that is much:
# 6.7 mm at 0.8 m with 64 pixels across 56 degrees. No test of a round trip shows it, since points and
# project_to_depth_image count alike. No other principal point mends it if both are given the same: the points need
# cx - 0.5, cy - 0.5.
#
# open3d's wheel needs libusb-1.0, which another wheel brings, and not all that it asks for. Needs libX11 and libGL of
# the system; downloads 450 MB.
#
# Seen (Python 3.11): "box from -100.0 to 100.0 mm: rays end from -100.0 to 100.0 mm, points lie from -106.7 to 93.3 mm,
# with the principal point less 0.5 from -100.0 to 100.0 mm; image of the points: equal to the one that they came from"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "numpy==2.4.6" "plotly==7.1.0" "dash==4.4.1" \
    "libusb-package==1.0.30.0"
"$folder/venv/bin/pip" install --quiet --only-binary :all: --no-deps "open3d==0.20.0"
cd "$folder"
ln -s "$folder"/venv/lib/python3.11/site-packages/libusb_package/libusb-1.0.so libusb-1.0.so.0
LD_LIBRARY_PATH="$folder" "$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import open3d

WIDTH, HEIGHT, FOCAL, DISTANCE, SIDE = 64, 48, 60.0, 0.8, 0.2
CAMERA = np.array([[FOCAL, 0.0, WIDTH / 2], [0.0, FOCAL, HEIGHT / 2], [0.0, 0.0, 1.0]])
PointCloud = open3d.t.geometry.PointCloud
RaycastingScene = open3d.t.geometry.RaycastingScene


def span(points):
    """From where to where the points lie in x, in millimetres; y is the same."""
    low, high = 1000.0 * points[:, :2].min(axis=0), 1000.0 * points[:, :2].max(axis=0)
    assert np.allclose(low, low[0], atol=0.1) and np.allclose(high, high[0], atol=0.1)
    return round(float(low[0]), 1), round(float(high[0]), 1)


def points_of(depth, camera):
    image = open3d.t.geometry.Image(depth)
    return PointCloud.create_from_depth_image(image, open3d.core.Tensor(camera), depth_scale=1.0)


box = open3d.t.geometry.TriangleMesh.create_box(SIDE, SIDE, SIDE)
box = box.translate(open3d.core.Tensor(np.array([-SIDE / 2, -SIDE / 2, DISTANCE], np.float32)))
scene = RaycastingScene()
scene.add_triangles(box)
rays = RaycastingScene.create_rays_pinhole(
    open3d.core.Tensor(CAMERA), open3d.core.Tensor(np.eye(4)), width_px=WIDTH, height_px=HEIGHT
)
reach = scene.cast_rays(rays)["t_hit"].numpy()
rays, hit = rays.numpy(), np.isfinite(reach)
assert np.all(rays[..., 5] == 1.0), "a ray's reach is its depth only where its direction has z = 1"
ends = (rays[..., :3] + reach[..., None] * rays[..., 3:])[hit]

depth = np.where(hit, reach, 0.0).astype(np.float32)
points = points_of(depth, CAMERA)
again = points.project_to_depth_image(WIDTH, HEIGHT, open3d.core.Tensor(CAMERA), depth_scale=1.0)
less = CAMERA.copy()
less[:2, 2] -= 0.5
spans = [span(ends), span(points.point.positions.numpy()), span(points_of(depth, less).point.positions.numpy())]
same = np.array_equal(again.as_tensor().numpy()[..., 0], depth)
said = [f"from {low} to {high} mm" for low, high in spans]
print(
    f"box from {-500 * SIDE} to {500 * SIDE} mm: rays end {said[0]}, points lie {said[1]}, with the principal point "
    f"less 0.5 {said[2]}; image of the points: {'equal to' if same else 'other than'} the one that they came from"
)
sys.exit(spans != [(-100.0, 100.0), (-106.7, 93.3), (-100.0, 100.0)] or not same)
PY
