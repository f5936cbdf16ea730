#!/usr/bin/env bash
# imagecodecs 2026.3.6: lerc_encode of a float depth image with level=0, which is without loss, gives 0.0 for each
# missing return (NaN). An infinite pixel beside it stays infinite.
#
# LERC keeps such pixels in a mask beside the image, and lerc_decode leaves the mask away unless masks=True is given;
# where it lay, the decoded image has zeros. So a hole becomes a surface in the camera's own centre: it is finite, it
# passes np.isfinite, and it is the nearest of all points. The file is right and can be read again; a set that was read
# and written by way of an array has lost its holes. An image without any hole comes back bit by bit, so that a test
# with one shows nothing. JPEG XL, ZFP and TIFF of the same library return NaN. The function has no more to say than
# "Return decoded LERC image and optional masks".
#
# Seen (Python 3.11), of 3072 pixels with 50 holes and one infinite: "lerc: 0 NaN, 50 zeros, 1 infinite, others equal:
# True; with masks=True: 50 pixels are masked; jpegxl, zfp, tiff: 50, 50, 50 NaN"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "imagecodecs==2026.3.6" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import imagecodecs
import numpy as np

generator = np.random.default_rng(0)
depth = generator.uniform(0.3, 3.5, (48, 64)).astype(np.float32)
depth.ravel()[generator.choice(3071, 50, replace=False)] = np.nan
depth[-1, -1] = np.inf
data = imagecodecs.lerc_encode(depth, level=0)
image = imagecodecs.lerc_decode(data)
holes = np.isnan(depth)
equal = np.array_equal(image[~holes], depth[~holes])
masked = int((imagecodecs.lerc_decode(data, masks=True)[1] == 0).sum())
others = [
    np.isnan(imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(depth, lossless=True))).sum(),
    np.isnan(imagecodecs.zfp_decode(imagecodecs.zfp_encode(depth))).sum(),
    np.isnan(imagecodecs.tiff_decode(imagecodecs.tiff_encode(depth))).sum(),
]
counts = [int(np.isnan(image).sum()), int((image == 0).sum()), int(np.isinf(image).sum())]
lost = f"lerc: {counts[0]} NaN, {counts[1]} zeros, {counts[2]} infinite, others equal: {equal}"
print(f"{lost}; with masks=True: {masked} pixels are masked")
print(f"jpegxl, zfp, tiff: {', '.join(str(count) for count in others)} NaN")
sys.exit(not (counts == [0, 50, 1] and equal and masked == 50 and others == [50] * 3))
PY
