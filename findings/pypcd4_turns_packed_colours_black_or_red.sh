#!/usr/bin/env bash
# pypcd4 1.5.1: colours of a point cloud turn black, or dark red, when it is saved as text; red points are not finite
# and drop out; and some red is brighter by 64 once a cloud has a label.
#
# PCD files and ROS messages pack a colour into the bits of a float32. As a number it means nothing. With the highest
# byte 0, as encode_rgb packs, it is below 1e-37: ASCII writes ten decimal places, and every colour comes back black.
# With that byte 255, as PCL's own points have it and a Kinect's had (iai_kinect2 issue 531), red from 128 on makes a
# NaN:
#   - ASCII writes "nan", which reads as the colour 192 0 0, whatever green and blue were;
#   - points[np.isfinite(points).all(axis=1)], the usual way to be rid of missing returns, leaves no reddish point;
#   - numpy() makes one array of all fields, float64 if one of them is a label or a time. That sets a bit of such a NaN,
#     the 64 of its red: 128 to 191 come back as 192 to 255. NumPy warns of an "invalid value" and no more.
#
# Shapes, counts, positions and dull colours are right, so nothing fails; what is red, orange, pink or white is gone or
# changed. What fits: Encoding.BINARY or BINARY_COMPRESSED (both keep all), finite x, y and z only, and the field alone,
# pc.pc_data["rgb"]. Upstream of the packing: pull requests 1141 and 4799 of PCL.
#
# Seen (Python 3.11), 2000 points of random colours: "alpha 0: ASCII 2000 changed, all to [0, 0, 0]; binary 0; finite
# 2000; with a label 0 changed. alpha 255: ASCII 996 changed, all to [192, 0, 0]; binary 0; finite 1004; with a label
# 501 changed, by +64 of red alone"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pypcd4==1.5.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
from pypcd4 import Encoding, PointCloud

COUNT = 2000
random = np.random.default_rng(0)
colours = random.integers(0, 256, (COUNT, 3)).astype(np.uint8)
positions = random.normal(size=(COUNT, 3)).astype(np.float32)
bright = colours[:, 0] >= 128


def as_read(cloud, encoding):
    cloud.save("cloud.pcd", encoding)
    return PointCloud.decode_rgb(np.ascontiguousarray(PointCloud.from_path("cloud.pcd").pc_data["rgb"]))


def measure(alpha):
    bits = PointCloud.encode_rgb(colours).view(np.uint32) | np.uint32(alpha << 24)
    packed = bits.view(np.float32)
    plain = PointCloud.from_xyzrgb_points(np.column_stack([positions, packed]))
    text, binary = (as_read(plain, encoding) for encoding in (Encoding.ASCII, Encoding.BINARY))
    lost = (text != colours).any(axis=1)
    finite = np.isfinite(plain.numpy()).all(axis=1)
    fields, kinds = ("x", "y", "z", "rgb", "label"), (np.float32,) * 4 + (np.uint32,)
    labelled = PointCloud.from_points([*positions.T, packed, np.arange(COUNT, dtype=np.uint32)], fields, kinds)
    back = PointCloud.decode_rgb(labelled.numpy()[:, 3].astype(np.float32)).astype(int)
    return {
        "text": int(lost.sum()),
        "to": np.unique(text[lost], axis=0).tolist(),
        "binary": int((binary != colours).any(axis=1).sum()),
        "finite": int(finite.sum()),
        "finite and bright": int((finite & bright).sum()),
        "labelled": int((back != colours).any(axis=1).sum()),
        "by": np.unique((back - colours)[(back != colours).any(axis=1)], axis=0).tolist(),
    }


dark, opaque = measure(0), measure(255)
print(f"of {COUNT} points, {int(bright.sum())} with red from 128 on")
print(f"alpha 0: {dark}")
print(f"alpha 255: {opaque}")
middle = int((bright & (colours[:, 0] < 192)).sum())
seen = dark["text"] == COUNT and dark["to"] == [[0, 0, 0]] and dark["finite"] == COUNT and dark["labelled"] == 0
seen &= opaque["text"] == bright.sum() and opaque["to"] == [[192, 0, 0]] and opaque["finite and bright"] == 0
seen &= opaque["labelled"] == middle and opaque["by"] == [[64, 0, 0]] and dark["binary"] == opaque["binary"] == 0
sys.exit(not seen)
PY
