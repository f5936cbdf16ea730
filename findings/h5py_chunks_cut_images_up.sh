#!/usr/bin/env bash
# h5py 3.16.0: compression, maxshape or chunks=True without a shape of chunks make images many times slower to read.
#
# h5py then chooses the shape itself, halving all axes in turn, colours included, until a chunk is small. For frames of
# 240 x 320 pixels, RGB, a chunk is 25 frames x 30 x 80 pixels of one colour. One frame is thus spread over 96 chunks,
# which hold those of 24 others; with gzip they are all decompressed for it. That is the access of every training loop
# that draws frames at random. Reading all frames in order does not help: without compression it is dear, too, since
# each chunk is taken apart into pixels of one byte. chunks=(1, height, width, 3) holds the same data with the same
# compression. Minari 0.5.4 stores every array with chunks=True. Upstream: issue 71, "Better auto-chunking", closed as
# "wontfix".
#
# Seen (Python 3.11): "h5py 3.16.0: chunks (25, 30, 80, 1): one frame reads 96 chunks, 5.8 MB for one of 0.23 MB. Times
# of chunks=(1, 240, 320, 3): one frame of gzip 21, all frames without compression 12"
# Exits 0 as long as both take at least 4 times as long (processor time).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "h5py==3.16.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math
import sys
import time

import h5py
import numpy as np

count, height, width = 200, 240, 320
ramp = (np.add.outer(np.arange(height), np.arange(width)) // 3).astype(np.uint8)
frames = np.stack([np.roll(ramp, shift, axis=1) for shift in range(count)])[..., None].repeat(3, axis=3)


def least(name: str, index: object) -> float:
    """Least processor time of a read, of five in files opened anew."""
    times = []
    for _ in range(5):
        with h5py.File(name) as file:
            start = time.process_time()
            read = file["color"][index]
            times.append(time.process_time() - start)
        assert np.array_equal(read, frames[index])
    return min(times)


def times_as_long(index: object, **compression: str) -> tuple[tuple[int, ...], float]:
    """The chunks that h5py chooses, and how much longer a read takes than from chunks of one frame."""
    with h5py.File("chosen.h5", "w") as file:
        chunks = file.create_dataset("color", data=frames, chunks=True, **compression).chunks
    with h5py.File("frames.h5", "w") as file:
        file.create_dataset("color", data=frames, chunks=(1, height, width, 3), **compression)
    return chunks, least("chosen.h5", index) / least("frames.h5", index)


chunks, one = times_as_long(77, compression="gzip")
_, every = times_as_long(...)
touched = math.prod(math.ceil(length / chunk) for length, chunk in zip((height, width, 3), chunks[1:], strict=True))
print(
    f"h5py {h5py.__version__}: chunks {chunks}: one frame reads {touched} chunks, "
    f"{touched * math.prod(chunks) / 1e6:.1f} MB for one of {frames[0].nbytes / 1e6:.2f} MB. "
    f"Times of chunks=(1, {height}, {width}, 3): one frame of gzip {one:.0f}, all frames without compression {every:.0f}"
)
sys.exit(chunks[0] < 10 or one < 4 or every < 4)
PY
