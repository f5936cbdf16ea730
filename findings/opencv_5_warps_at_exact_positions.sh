#!/usr/bin/env bash
# opencv-python-headless 4.12.0 and 5.0.0: the same cv2.warpAffine gives other images. Version 4 rounds the positions that
# it reads at to 1/32 of a pixel, whatever the type of the image: a shift by 0.01 pixels changes nothing, one by 0.30
# is one by 0.3125. Version 5 reads float32 images where it is told. So a network that was trained on images warped by
# one of them is fed other ones by the other, and a comparison with stored images fails after an upgrade. Beside it,
# cv2.minAreaRect gives an upright rectangle the angle 90 degrees in version 4 and -90 in version 5, and its width and
# height are the same both times.
# Seen: a bright pixel shifted by 0.30: 687.5 and 312.5 with 4.12.0, 700.0 and 300.0 with 5.0.0.
# Exits 0 as long as that is so.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/warp.py" <<'PYTHON'
import cv2
import numpy as np

image = np.zeros((9, 9), np.float32)
image[4, 4] = 1000
shares = []
for shift in (0.01, 0.3):
    matrix = np.array([[1, 0, shift], [0, 1, 0]])
    moved = cv2.warpAffine(image, matrix, (9, 9), flags=cv2.INTER_LINEAR)
    shares += [round(float(moved[4, 4]), 1), round(float(moved[4, 5]), 1)]
_, _, angle = cv2.minAreaRect(np.array([[0, 0], [4, 0], [4, 2], [0, 2]], np.float32))
print(*shares, angle)
PYTHON
for version in 4.12.0.88 5.0.0.93; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "opencv-python-headless==$version"
  "$folder/$version/bin/python" "$folder/warp.py" > "$folder/$version.txt"
  echo "$version: $(cat "$folder/$version.txt")"
done
[ "$(cat "$folder/4.12.0.88.txt")" = "1000.0 0.0 687.5 312.5 90.0" ]
[ "$(cat "$folder/5.0.0.93.txt")" = "990.0 10.0 700.0 300.0 -90.0" ]
