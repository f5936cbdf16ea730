#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: one NaN or infinity in a float32 depth image, far from everything, makes
# cv2.matchTemplate call empty table a perfect match, without a NaN in its answer. How far it reaches in a filter
# depends on the size of the kernel.
#
# ROS has depth as float32 with NaN where nothing came back (REP 118), renderers have infinity where nothing is. One
# would think that the windows with such a pixel are lost and the rest stays. But one pixel reaches most windows, and
# the last step makes a score of NaN: TM_SQDIFF gives 0 there, the best that there is, wherever the pixel lies. From the
# upper left corner it also makes TM_SQDIFF_NORMED 1 and TM_CCOEFF_NORMED 0 everywhere, and minMaxLoc points at the
# first place. From the right border the latter still finds the block, so some images work and others do not. Missing
# returns of 0 far away change nothing, so all is well until the driver or the renderer is another.
#
# Filters: GaussianBlur of 7 x 7 and filter2D of 3 x 3 lose what is around the pixel. filter2D of 15 x 15 loses the
# whole image (large kernels go by Fourier transform). blur of 7 x 7 loses all to the right and below (running sums;
# SciPy's uniform_filter does too, and its manual has a warning). What fits: np.where(np.isfinite(image), image, 0)
# first. np.nan_to_num is not enough: it makes 3.4e38 of infinity, which does the same to TM_SQDIFF.
#
# Seen (Python 3.11), a block on a table, 120 x 160 pixels, 13231 places, one pixel near the upper left corner (for
# filters in row 40, column 50): "0: every method finds the block; nan and inf: TM_SQDIFF best 0.0 at (0, 0) and 9998
# other places, TM_SQDIFF_NORMED 1.0 at all, TM_CCOEFF_NORMED 0.0 at all; 4 other pixels: TM_SQDIFF misled by 4, as by
# infinity after nan_to_num; not finite of 19200: GaussianBlur 49, filter2D 9 and 19200, blur 9379". 4.14.0.94 does the
# same.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "opencv-python-headless==5.0.0.93" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np

BLOCK = (55, 45)  # column and row of the template's upper left corner
METHODS = ("TM_SQDIFF", "TM_SQDIFF_NORMED", "TM_CCOEFF_NORMED")


def table():
    image = np.full((120, 160), 0.8, np.float32)
    image[50:60, 60:80] = 0.76
    return image + np.random.default_rng(0).normal(0, 0.001, image.shape).astype(np.float32)


def matches(missing, row=5, column=5):
    """Of each method: where it is best, the score there, the places that have this score, and the count of NaN."""
    image = table()
    template = image[45:65, 55:85].copy()
    image[row, column] = missing
    found = {}
    for name in METHODS:
        scores = cv2.matchTemplate(image, template, getattr(cv2, name))
        low, high, at_low, at_high = cv2.minMaxLoc(scores)
        best, place = (low, at_low) if "SQDIFF" in name else (high, at_high)
        found[name] = tuple(place), round(best, 3), int((scores == best).sum()), int(np.isnan(scores).sum())
    return found


def lost(blurred, missing):
    image = table()
    image[40, 50] = missing
    rows, columns = np.nonzero(~np.isfinite(blurred(image)))
    return rows.size, int(rows.max()), int(columns.max())


filters = {
    "GaussianBlur 7": lambda image: cv2.GaussianBlur(image, (7, 7), 0),
    "filter2D 3": lambda image: cv2.filter2D(image, -1, np.full((3, 3), 1 / 9, np.float32)),
    "filter2D 15": lambda image: cv2.filter2D(image, -1, np.full((15, 15), 1 / 225, np.float32)),
    "blur 7": lambda image: cv2.blur(image, (7, 7)),
}
print(f"0: {matches(0)}")
as_seen = all(place == BLOCK for place, *_ in matches(0).values())
for missing in (np.nan, np.inf):
    found = matches(missing)
    gone = {name: lost(blurred, missing) for name, blurred in filters.items()}
    print(f"{missing}: {found}")
    print(f"   not finite, lowest row, rightmost column: {gone}")
    squared, normed, correlated = (found[name] for name in METHODS)
    as_seen &= squared[0] != BLOCK and squared[1] == 0 and squared[2] > 5000
    as_seen &= normed[1:] == (1, 13231, 0) and correlated[1:] == (0, 13231, 0) and squared[3] == 0
    as_seen &= gone["GaussianBlur 7"][0] == 49 and gone["filter2D 3"][0] == 9
    as_seen &= gone["filter2D 15"][0] == 19200 and gone["blur 7"][0] > 5000 and gone["blur 7"][1:] == (119, 159)
pixels = ((5, 150), (115, 5), (115, 155), (90, 90))
misled = [matches(missing, *pixel)["TM_SQDIFF"][0] != BLOCK for missing in (np.nan, np.inf) for pixel in pixels]
as_number = np.nan_to_num(np.float32(np.inf))
misled.append(matches(as_number)["TM_SQDIFF"][0] != BLOCK)
print(f"TM_SQDIFF misled by other pixels, and by {as_number:.1e}: {misled}")
sys.exit(not (as_seen and all(misled)))
PY
