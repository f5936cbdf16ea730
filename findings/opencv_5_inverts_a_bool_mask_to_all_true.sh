#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: cv2.bitwise_not of a NumPy mask of bools is True everywhere. Nothing is masked out.
#
# Version 5 takes arrays of bools, which version 4 refuses, so that masks[i] of a segmentation need no astype any more.
# bitwise_and, or and xor, flip, copyTo, fillPoly and the mask arguments are right. bitwise_not turns all eight bits of
# a byte: 1 becomes 254 and 0 becomes 255, and for NumPy both are True. "All but the robot" is then the whole image: a
# background model is taught the arm, depth[rest] = 0 wipes out the object that it was to keep, and the overlap with the
# mask itself, which should be empty, is the mask. "~" of it is False everywhere, so that nothing brings the mask back.
# Shape and type are right and no error is raised. A mask of 0 and 1 in uint8 always had the fault, and everybody uses 0
# and 255 for it; a bool is not expected to hold 254. What fits: ~mask or np.logical_not, or 0 and 255.
#
# Seen (Python 3.11), an image of 480 x 640 with a robot of 20000 pixels: "rest by cv2 307200, by NumPy 287200; bytes of
# the result 254 255; robot and rest overlap in 20000, by NumPy 0; not of not of the robot 0; kept of a depth image
# where the rest is set to 0: 0 of 20000, by NumPy 20000; bitwise_and, bitwise_or, bitwise_xor, flip right"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "opencv-python-headless==5.0.0.93" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np

robot = np.zeros((480, 640), bool)
robot[100:200, 100:300] = True
AREA, ALL = 100 * 200, 480 * 640


def kept(rest):
    """Pixels of the robot that are left of a depth image whose rest is set to 0."""
    depth = np.full(robot.shape, 0.8, np.float32)
    depth[rest] = 0
    return int((depth > 0).sum())


rest = cv2.bitwise_not(robot)
assert rest.dtype == bool and rest.shape == robot.shape
contents = sorted(set(rest.view(np.uint8).ravel().tolist()))
counts = int(np.count_nonzero(rest)), int(np.count_nonzero(~robot))
overlaps = int((robot & rest).sum()), int((robot & ~robot).sum())
twice = int(np.count_nonzero(~rest))
left = kept(rest), kept(~robot)
print(f"rest by cv2 {counts[0]}, by NumPy {counts[1]}; bytes of the result {contents}")
print(f"robot and rest overlap in {overlaps[0]}, by NumPy {overlaps[1]}; not of not of the robot {twice}")
print(f"kept of a depth image: {left[0]} of {AREA}, by NumPy {left[1]}")
other = np.roll(robot, 50, axis=1)
neighbours = {
    "bitwise_and": np.array_equal(cv2.bitwise_and(robot, other), robot & other),
    "bitwise_or": np.array_equal(cv2.bitwise_or(robot, other), robot | other),
    "bitwise_xor": np.array_equal(cv2.bitwise_xor(robot, other), robot ^ other),
    "flip": np.array_equal(cv2.flip(robot, 1), robot[:, ::-1]),
}
print(f"right: {neighbours}")
in_bytes = cv2.bitwise_not(robot.astype(np.uint8) * 255) > 0
right = all(neighbours.values()) and np.array_equal(in_bytes, ~robot) and counts[1] == ALL - AREA
right = right and overlaps[1] == 0 and left[1] == AREA
wrong = counts[0] == ALL and contents == [254, 255] and overlaps[0] == AREA and left[0] == 0 and twice == 0
sys.exit(not (right and wrong))
PY
