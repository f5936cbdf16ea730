#!/usr/bin/env bash
# pillow 13.0.0: rotate and transform make rubbish of a depth image of 16 bits when they interpolate, and raise nothing.
#
# An image of mode "I;16", which is what 16-bit PNG files and arrays of uint16 become, is turned, moved or warped
# with BILINEAR or BICUBIC as if it had 8 bits: low and high bytes of neighbours are mixed, and no value of the result
# is above 255. A table 760 mm away lies between 2 and 248 mm then, also under the map that changes nothing. All that
# is tried first is right: NEAREST, resize with any filter, turns by 90 and 180 degrees (they are copies). Filters that
# have no 16 bits raise "image has wrong mode"; these methods do not. So augmentation that draws an angle spoils depth,
# and a test of it with an angle of 0 passes. torchvision hands its PIL images to these methods (rotate, affine,
# perspective). As mode "F" or "I" the same image is right. Upstream: Pillow issue 1127 (closed, 2015) is of this kind.
#
# Seen (Python 3.11), lowest and highest of a table at 760 mm with a block 60 mm high: "rotate, nearest: 700 760;
# rotate by 180: 700 760; resize, bilinear: 700 760; rotate by 10, bilinear: 2 247; rotate by 10, bicubic: 2 247;
# affine that changes nothing: 2 248; perspective: 2 247; all of these in mode F, bilinear: 700 760"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pillow==13.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from PIL import Image

depth = np.full((48, 64), 760, np.uint16)
depth[20:28, 28:36] = 700
MIDDLE = (slice(16, 32), slice(16, 48))  # away from the corners that a turn fills with 0
SAME = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
TILT = (1.0, 0.02, 0.0, 0.01, 1.0, 0.0, 0.0005, 0.0)
right = {
    "rotate, nearest": lambda image: image.rotate(10, Image.NEAREST),
    "rotate by 180": lambda image: image.rotate(180, Image.BILINEAR),
    "resize, bilinear": lambda image: image.resize((128, 96), Image.BILINEAR).resize((64, 48), Image.BILINEAR),
}
wrong = {
    "rotate by 10, bilinear": lambda image: image.rotate(10, Image.BILINEAR),
    "rotate by 10, bicubic": lambda image: image.rotate(10, Image.BICUBIC),
    "affine that changes nothing": lambda image: image.transform(image.size, Image.AFFINE, SAME, Image.BILINEAR),
    "perspective": lambda image: image.transform(image.size, Image.PERSPECTIVE, TILT, Image.BILINEAR),
}


def ends(change, mode):
    image = Image.fromarray(depth)
    assert image.mode == "I;16"
    values = np.asarray(change(image if mode == "I;16" else image.convert(mode)))[MIDDLE]
    return float(values.min()), float(values.max())


expected = True
for name, change in {**right, **wrong}.items():
    low, high = ends(change, "I;16")
    float_low, float_high = ends(change, "F")
    print(f"{name}: {low:.0f} {high:.0f} (as F: {float_low:.0f} {float_high:.0f})")
    expected &= (high < 256) == (name in wrong) and float_low > 650 and float_high < 800
    expected &= name in wrong or (low, high) == (700, 760)
sys.exit(0 if expected else 1)
PY
