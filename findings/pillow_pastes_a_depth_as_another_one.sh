#!/usr/bin/env bash
# pillow 13.0.0: paste(1000, box) writes 59624 into a depth image of 16 bits, and paste(256, box) writes 0. With a mask
# of one bit it writes them to the left of the box, in half as many columns.
#
# A number may stand for the pixels that are pasted: a rectangle is wiped out, an object is painted over by its mask, a
# known depth is set. In an image of mode "I;16", which is what 16-bit PNG files and arrays of uint16 become, paste
# writes the number's low byte twice: 1000 mm (0x03E8) becomes 0xE8E8, 256 a hole, 255 the greatest depth that there is.
# With a mask of mode "1", which arrays of bool become, it counts the columns in bytes as well: a box from 10 to 30 is
# filled from 5 to 15. It is right where one would look first: the number 0 without a mask, a mask of mode "L", an image
# in place of the number, and all the other ways to name a colour (Image.new, putpixel, ImageDraw, ImageOps.expand,
# rotate's fillcolor). Nothing is raised. What fits: an image in place of the number, or NumPy. Upstream mended the same
# of ImageDraw's points and lines (pull requests 7257, 8985) and of images with a mask of mode "1" (8112).
#
# Seen (Python 3.11), number given and value written, into columns: "paste 0 0, 255 65535, 256 0, 760 63736, 1000 59624,
# into 10 to 30; with a mask of mode 1 the same, into 5 to 15; with a mask of mode L, with an image and a mask of mode
# 1, by ImageDraw 0 0, 255 255, 256 256, 760 760, 1000 1000, into 10 to 30"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pillow==13.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from PIL import Image, ImageDraw

NUMBERS = (0, 255, 256, 760, 1000)
SIZE = (20, 20)
BOX = (10, 20, 10 + SIZE[0], 20 + SIZE[1])
TABLE = 700  # mm


def written(fill):
    """The values that were written, one for each number, and the first column and the one after the last."""
    values, columns = [], set()
    for number in NUMBERS:
        image = Image.fromarray(np.full((60, 80), TABLE, np.uint16))
        fill(image, number)
        array = np.asarray(image)
        rows, across = np.nonzero(array != TABLE)
        columns.add((int(across.min()), int(across.max()) + 1))
        value = np.unique(array[rows, across])
        values.append(int(value[0]) if len(value) == 1 and set(rows) == set(range(BOX[1], BOX[3])) else None)
    return tuple(values), columns.pop() if len(columns) == 1 else None


def rectangle(image, number):
    ImageDraw.Draw(image).rectangle((BOX[0], BOX[1], BOX[2] - 1, BOX[3] - 1), fill=number)


bits = Image.fromarray(np.ones(SIZE, bool))
assert bits.mode == "1"
cases = {
    "paste": written(lambda image, number: image.paste(number, BOX)),
    "paste with a mask of mode 1": written(lambda image, number: image.paste(number, BOX, bits)),
    "paste with a mask of mode L": written(lambda image, number: image.paste(number, BOX, bits.convert("L"))),
    "paste of an image with a mask of mode 1": written(
        lambda image, number: image.paste(Image.new("I;16", SIZE, number), BOX, bits)
    ),
    "ImageDraw": written(rectangle),
}
for name, (values, columns) in cases.items():
    pairs = ", ".join(f"{number} {value}" for number, value in zip(NUMBERS, values, strict=True))
    print(f"{name}: {pairs}, into columns {columns}")
twice = tuple(number % 256 * 257 for number in NUMBERS)  # the low byte in both places
pasted, by_bits, *right = cases.values()
wrong = pasted == (twice, (10, 30)) and by_bits == (twice, (5, 15))
sys.exit(not (wrong and all(case == (NUMBERS, (10, 30)) for case in right)))
PY
