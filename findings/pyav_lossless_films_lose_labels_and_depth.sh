#!/usr/bin/env bash
# av 18.1.0 (PyAV): a film of masks or depth that is encoded without loss comes back with other numbers. In H.264 the
# labels 1 to 16 are all 0 afterwards, and in its 10 bits every depth up to 4 m.
#
# Films of masks and depth are small, and qp=0 or x265's lossless=1 keeps them exactly; the stream does hold them. What
# changes them are conversions that nobody asked for. Images go in as "gray" or "gray16le" and are asked for as the
# same. H.264 of pix_fmt "gray" is read as yuv420p, which counts as narrow range: on the way to "gray" 16 becomes 0 and
# 235 becomes 255. Most scenes have fewer than 17 labels, and nothing is left of them. With pix_fmt "yuv420p", the usual
# one, the 256 labels are squeezed into 220 while the film is written, so that some share a number. H.265 keeps 8 bits,
# as its "gray" is read as gray. Its 12 bits would do for millimetres up to 4 m, but "gray16le" is converted as
# brightness: the lowest 4 bits are cut off, with 10 bits the lowest 6, and H.264's 10 are then taken for narrow range,
# too. What fits: ffv1 with the pix_fmt of the images; or images handed over in the pix_fmt of the stream, and
# to_ndarray() without a format.
#
# Seen (Python 3.11), labels of 256 that are left, label 12 read, greatest error: "libx264 gray: 220, 0, 20; libx264
# yuv420p: 220, 12, 1; libx265 gray: 256, 12, 0; ffv1 gray: 256, 12, 0; libx264 gray without a format: 256, 12, 0;
# depths of 4096 that are left, greatest error in mm: libx264 gray10le: 1, 4095; libx265 gray12le: 257, 14; ffv1
# gray16le: 4096, 0; libx265 gray12le all the way: 4096, 0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "av==18.1.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import av
import numpy as np

LOSSLESS = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1:log-level=none"}, "ffv1": {}}
LABELS = np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64)
DEPTH = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # mm


def through(images, codec, pixels, given, asked):
    """The image after a film of it: pixels of the stream, format of the images and format asked for."""
    with av.open("film.mkv", "w") as film:
        stream = film.add_stream(codec, rate=10)
        stream.height, stream.width = images.shape
        stream.pix_fmt, stream.options = pixels, LOSSLESS[codec]
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(images, format=given)))
        film.mux(stream.encode())
    with av.open("film.mkv") as film:
        frame = next(film.decode(video=0))
    back = frame.to_ndarray(format=asked) if asked else frame.to_ndarray()
    return back[: len(images)]  # brightness stands above the colours of a yuv420p frame


def left(images, *how):
    back = through(images, *how)
    return len(np.unique(back)), int(np.abs(back.astype(int) - images).max()), back


av.logging.set_level(av.logging.PANIC)
masks = {
    "libx264 gray": left(LABELS, "libx264", "gray", "gray", "gray"),
    "libx264 yuv420p": left(LABELS, "libx264", "yuv420p", "gray", "gray"),
    "libx265 gray": left(LABELS, "libx265", "gray", "gray", "gray"),
    "ffv1 gray": left(LABELS, "ffv1", "gray", "gray", "gray"),
    "libx264 gray without a format": left(LABELS, "libx264", "gray", "gray", None),
}
for name, (labels, error, back) in masks.items():
    print(f"{name}: {labels} labels of 256, 12 is read as {back[LABELS == 12][0]}, greatest error {error}")
depths = {
    "libx264 gray10le": left(DEPTH, "libx264", "gray10le", "gray16le", "gray16le"),
    "libx265 gray12le": left(DEPTH, "libx265", "gray12le", "gray16le", "gray16le"),
    "ffv1 gray16le": left(DEPTH, "ffv1", "gray16le", "gray16le", "gray16le"),
    "libx265 gray12le all the way": left(DEPTH, "libx265", "gray12le", "gray12le", None),
}
for name, (values, error, _) in depths.items():
    print(f"{name}: {values} depths of 4096, greatest error {error} mm")
narrow, squeezed, *whole = masks.values()
expected = np.clip((LABELS.astype(float) - 16) * 255 / 219, 0, 255)  # BT.601: narrow range to full range
gone = np.abs(narrow[2] - expected).max() <= 1 and not narrow[2][LABELS <= 16].any() and narrow[1] == 20
ten, twelve, *exact = depths.values()
lossy = squeezed[0] < 230 and ten[0] == 1 and twelve[0] < 260 and twelve[1] > 7
right = all(case[:2] == (256, 0) for case in whole) and all(case[:2] == (4096, 0) for case in exact)
sys.exit(not (gone and lossy and right))
PY
