#!/usr/bin/env bash
# opencv-python-headless 5.0.0 and pycocotools 2.0.11: a mask that goes through a COCO polygon loses a row and a column,
# and a cable that is one pixel wide disappears.
#
# The usual way from the masks of a simulator to a data set for instance segmentation: cv2.findContours, its points as
# "segmentation", and the mask again from pycocotools when the network is trained and judged. OpenCV's points are the
# middles of the outermost pixels, which belong to the mask; cv2.fillPoly and Pillow fill up to and with them, and give
# the mask back. COCO's polygon runs between the pixels, from corner to corner, and what lies on its lower and right
# edge is outside. A block of 20 x 20 pixels comes back as 19 x 19, its middle half a pixel to the upper left; of cables
# of 1, 2 and 3 pixels 0, 50 and 66 % are left. Half a pixel added to all points, the obvious mend, moves the loss to
# the other edges and mends nothing. The area that cv2.contourArea gives is that of the smaller mask, so that area and
# mask agree. The other way, a polygon drawn along the edges of the block and filled by OpenCV, makes 21 x 21 of it.
# Run lengths (mask.encode), which the format allows as well, keep every pixel. Upstream: issues 588 and 659 of
# cocoapi (open).
#
# Seen (Python 3.11): "pixels of a block, cables 1, 2, 3 pixels wide: mask 400, 100, 200, 300; cv2.fillPoly 400, 100,
# 200, 300; Pillow 400, 100, 200, 300; pycocotools 361, 0, 99, 198; half a pixel further 361, 0, 99, 198; contourArea
# 361, 0, 99, 198; run lengths 400, 100, 200, 300; the block's own edges: pycocotools 400, cv2.fillPoly 441"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "opencv-python-headless==5.0.0.93" "pycocotools==2.0.11" \
    "pillow==13.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco

HEIGHT, WIDTH = 60, 120


def rectangle(height, width):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20 : 20 + height, 10 : 10 + width] = 1
    return mask


def outline(mask):
    """Every point of the outline (N, 2), also those on a straight edge."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    assert len(contours) == 1
    return contours[0][:, 0]


def by_coco(points):
    polygon = np.asarray(points, float).ravel().tolist()
    return int(coco.area(coco.merge(coco.frPyObjects([polygon], HEIGHT, WIDTH))))


def by_opencv(points):
    return int(cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [np.asarray(points, np.int32)], 1).sum())


def by_pillow(points):
    image = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(image).polygon([(int(x), int(y)) for x, y in points], fill=1, outline=1)
    return int(np.asarray(image).sum())


masks = [rectangle(20, 20), *(rectangle(width, 100) for width in (1, 2, 3))]
outlines = [outline(mask) for mask in masks]
said = {
    "mask": [int(mask.sum()) for mask in masks],
    "cv2.fillPoly": [by_opencv(points) for points in outlines],
    "Pillow": [by_pillow(points) for points in outlines],
    "pycocotools": [by_coco(points) for points in outlines],
    "half a pixel further": [by_coco(points + 0.5) for points in outlines],
    "contourArea": [round(cv2.contourArea(points)) for points in outlines],
    "run lengths": [int(coco.area(coco.encode(np.asfortranarray(mask)))) for mask in masks],
}
edges = [(10, 20), (30, 20), (30, 40), (10, 40)]
drawn = by_coco(edges), by_opencv(edges)
print("pixels of a block, cables 1, 2, 3 pixels wide: "
      + "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in said.items())
      + f"; the block's own edges: pycocotools {drawn[0]}, cv2.fillPoly {drawn[1]}")
whole, less = [400, 100, 200, 300], [361, 0, 99, 198]
wanted = {
    "mask": whole, "cv2.fillPoly": whole, "Pillow": whole, "pycocotools": less, "half a pixel further": less,
    "contourArea": less, "run lengths": whole,
}
sys.exit(said != wanted or drawn != (400, 441))
PY
