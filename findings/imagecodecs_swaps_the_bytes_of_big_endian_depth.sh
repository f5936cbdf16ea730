#!/usr/bin/env bash
# imagecodecs 2026.3.6: three of its lossless encoders, JPEG 2000, HTJ2K and TIFF, store big-endian images with their
# bytes swapped: 500 mm come back as 62465 mm. Four others refuse such an image, two are right.
#
# 16-bit depth lies in big-endian order in PGM and PNG files and in recordings of robots that say so, and
# np.frombuffer(data, ">u2") makes an array that computes and shows as any other. PNG, JPEG XL, JPEG LS and LERC raise
# an error for it, bitshuffle and delta are right. The three take its bytes as those of this machine, so that a
# compressed data set of one camera is noise and that of the next one is not; float32 in TIFF is the same. Images of one
# value whose bytes are equal, and all of 8 bits, do not show it. astype(array.dtype.newbyteorder("=")) beforehand is
# safe. No issue tells of it, and the functions have no description that would.
#
# Seen (Python 3.11), what 500 becomes: "jpeg2k 62465; htj2k 62465; tiff 62465; png, jpegxl, jpegls, lerc refused;
# bitshuffle, delta 500; float32 0.5 in tiff becomes 8.8e-44"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "imagecodecs==2026.3.6" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import imagecodecs
import numpy as np

DEPTH = np.full((48, 64), 500, ">u2")
"""Millimetres, as a PGM file has them."""
REVERSIBLE = {"reversible": True}
OPTIONS = {"jpeg2k": REVERSIBLE, "htj2k": REVERSIBLE, "jpegxl": {"lossless": True}, "lerc": {"level": 0}}


def stored(image, codec):
    """The first pixel after encoding and decoding, None where that is refused."""
    try:
        data = getattr(imagecodecs, f"{codec}_encode")(image, **OPTIONS.get(codec, {}))
    except (ValueError, TypeError, RuntimeError):
        return None
    return np.asarray(getattr(imagecodecs, f"{codec}_decode")(data)).ravel()[0].item()


native = DEPTH.astype("=u2")
codecs = ("jpeg2k", "htj2k", "tiff", "png", "jpegxl", "jpegls", "lerc", "bitshuffle", "delta")
assert all(stored(native, codec) == 500 for codec in codecs)
found = {codec: stored(DEPTH, codec) for codec in codecs}
metres = stored(np.full((48, 64), 0.5, ">f4"), "tiff")
print("; ".join(f"{codec} {value if value is not None else 'refused'}" for codec, value in found.items()))
print(f"float32 0.5 in tiff becomes {metres:.1e}")
swapped = int(np.array(500, "<u2").byteswap())
expected = dict(zip(codecs, 3 * [swapped] + 4 * [None] + 2 * [500], strict=True))
sys.exit(not (found == expected and metres < 1e-40))
PY
