#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: INPAINT_TELEA fills holes of a depth image in metres with values that are off by up
# to a metre and a half, also where the table around the hole is flat; some are negative.
#
# cv2.inpaint takes float32 images of one channel, and filling the holes of a depth camera is what they are for. Telea's
# method adds to the mean of the neighbours a step of about one, up or down, whose size does not depend on the size of
# the gradient that it stands for. One is nothing among 256 grey values and a millimetre in an image of millimetres; in
# an image of metres it is a metre. Rounding is gradient enough: an image of nothing but 0.8 is filled wrong, one of
# nothing but 1.0 right, so a test with round numbers passes. Shape, type and border look right, nothing is NaN, and the
# few filled pixels are those that nobody has measured. Depth that was scaled to -1 ... 1 for a network fares the same.
# What fits: INPAINT_NS, which is right in any unit, or millimetres. Upstream: issue 25404 (128.0 became up to 130.2;
# closed, and so it is for such numbers). 4.14.0.94 fills in the same way.
#
# Seen (Python 3.11): a table at 0.8 m, four holes, worst error of the filled pixels (and the mean): "metres: Telea
# 1581.4 mm (873.9), negative 251; Navier-Stokes 0.0 mm; millimetres: Telea 1.5 mm (0.9), negative 0; Navier-Stokes 0.0
# mm; 16-bit millimetres: Telea 3.0 mm (0.8), negative 0; Navier-Stokes 0.0 mm; a table at 1.0 m in metres: Telea 0.0
# mm"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "opencv-python-headless==5.0.0.93" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np

HOLES = np.zeros((120, 160), np.uint8)
for column, row, radius in ((40, 30, 8), (110, 40, 6), (60, 85, 10), (130, 95, 5)):
    cv2.circle(HOLES, (column, row), radius, 1, -1)


def errors(metres, unit, kind, method):
    """Greatest and mean error of the filled pixels in mm, and how many of them are negative."""
    image = np.full(HOLES.shape, metres * unit, kind)
    image[HOLES > 0] = 0  # no return
    filled = cv2.inpaint(image, HOLES, 3, method)[HOLES > 0]
    off = np.abs(filled.astype(float) / unit - metres) * 1000
    return float(off.max()), float(off.mean()), int((filled < 0).sum())


units = {"metres": (1, np.float32), "millimetres": (1000, np.float32), "16-bit millimetres": (1000, np.uint16)}
telea = {name: errors(0.8, *unit, cv2.INPAINT_TELEA) for name, unit in units.items()}
stokes = {name: errors(0.8, *unit, cv2.INPAINT_NS) for name, unit in units.items()}
for name in units:
    worst, mean, below = telea[name]
    print(f"{name}: Telea {worst:.1f} mm ({mean:.1f}), negative {below}; Navier-Stokes {stokes[name][0]:.1f} mm")
round_number = errors(1.0, 1, np.float32, cv2.INPAINT_TELEA)[0]
print(f"a table at 1.0 m in metres: Telea {round_number:.1f} mm")
in_metres, in_millimetres, in_integers = telea.values()
wrong = in_metres[0] > 1000 and in_metres[1] > 500 and in_metres[2] > 0
right = in_millimetres[0] < 3 and in_integers[0] < 5 and max(error[0] for error in stokes.values()) < 0.01
sys.exit(not (wrong and right and round_number < 0.01))
PY
