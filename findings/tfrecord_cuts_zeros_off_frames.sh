#!/usr/bin/env bash
# tfrecord 1.14.6: frames of raw bytes lose the zeros at their ends when a record holds several of them, and keep them
# when it holds one.
#
# It reads TFRecord files without TensorFlow. A record of an RLDS episode holds one list for each feature of its steps.
# A list of bytes becomes a NumPy array of type "S", which has no way to tell zeros at an end from padding: b"\x07\x00"
# is handed back as b"\x07". JPEG and PNG end in other bytes and stay whole. Masks, depth and vectors that TensorFlow
# Datasets stores with Encoding.BYTES do not: a mask whose last rows are background comes back short, a vector whose
# last number is 0.0 has fewer numbers, and frames of one episode have different lengths. With Encoding.ZLIB the last
# byte is one of a checksum, and 0 for about one frame in 256: that frame alone cannot be decompressed. An episode of
# one frame is right (and bytes, no array), so a test with a single frame passes. 1.14.4 had returned the first
# frame of a list only (tfrecord issue 102).
#
# Seen (Python 3.11): "one mask of 3072 bytes: 3072; two of them: 1436 1436; vector (0.5, 0.25, 0): 8 bytes of 12; PNG
# whole; compressed by zlib: 5 of 1024 frames cannot be read"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tfrecord==1.14.6" "numpy==2.4.6" "protobuf==7.36.2" "crc32c==2.9.post0" \
    "opencv-python-headless==5.0.0.93"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import zlib

import cv2
import numpy as np
import tfrecord

mask = np.zeros((48, 64), np.uint8)
mask[10:23, 20:28] = 1  # an object; all after its last pixel is background
vector = np.array([0.5, 0.25, 0.0], np.float32)
png = cv2.imencode(".png", mask)[1].tobytes()
noise = np.random.default_rng(0).integers(0, 256, (1024, 64), np.uint8)
frames = [zlib.compress(frame.tobytes()) for frame in noise]


def stored(values):
    """The values after a file of one record was written and read."""
    writer = tfrecord.TFRecordWriter("episode.tfrecord")
    writer.write({"steps/observation": (values, "byte")})
    writer.close()
    (record,) = tfrecord.reader.tfrecord_loader("episode.tfrecord", None, {"steps/observation": "byte"})
    return record["steps/observation"]


one = len(stored([mask.tobytes()]))
two = [len(frame) for frame in stored([mask.tobytes()] * 2)]
short = len(stored([vector.tobytes()] * 2)[0])
whole = stored([png] * 2)[0] == png
spoilt = sum(read != frame for read, frame in zip(stored(frames), frames, strict=True))
unread = 0
for read in stored(frames):
    try:
        zlib.decompress(read)
    except zlib.error:
        unread += 1
print(f"one mask of {mask.nbytes} bytes: {one}; two of them: {two}; vector: {short} bytes of {vector.nbytes}")
print(f"PNG whole: {whole}; compressed by zlib: {unread} of {len(frames)} frames cannot be read ({spoilt} changed)")
last = int(np.flatnonzero(mask)[-1]) + 1
ends = sum(frame.endswith(b"\0") for frame in frames)
expected = one == mask.nbytes and two == [last, last] and short == 8 and whole and 0 < unread == spoilt == ends
sys.exit(0 if expected else 1)
PY
