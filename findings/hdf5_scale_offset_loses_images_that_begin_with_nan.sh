#!/usr/bin/env bash
# h5py 3.16.0 (HDF5 2.0.0) on x86-64: a float32 depth image whose first pixel is NaN is written with scaleoffset and can
# not be read again. A NaN elsewhere comes back as the smallest depth of its chunk.
#
# scaleoffset=3 keeps the millimetres of an image in metres in a fourth of the room, in an eighth with gzip, so it suits
# depth. h5py's manual says that it does not preserve NaN (issues 783 and 1009), which one takes for a NaN that becomes
# some number. In the middle of a chunk it does: the nearest depth that the chunk has, an obstacle where nothing was
# seen. At the start of a chunk, a corner of the image, where depth cameras often have no return, the chunk is lost:
# writing succeeds, and reading it raises "filter returned failure during read". Chunks of other images can be read, so
# it is noticed when training comes to the first such image. float64 keeps such a chunk as it is, with its NaN; with
# h5py 3.14.0 (HDF5 1.14.6) that is lost too. What fits: np.nan_to_num(depth, nan=0.0) before writing, or no
# scaleoffset.
#
# Seen (Python 3.11), one image a chunk: "float32: NaN inside: 1 NaN back as 0, there 0.50 (the smallest); NaN first:
# OSError; a row of NaN on top: OSError; all NaN: OSError; none: right to 0.5 mm. float64: NaN inside: 1 back as 0,
# there 0.50; NaN first, a row, all: kept"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "h5py==3.16.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import h5py
import numpy as np

NAMES = ("NaN inside", "NaN first", "a row of NaN on top", "all NaN", "none")


def depth_images(kind):
    images = np.random.default_rng(0).uniform(0.5, 1.5, (5, 48, 64)).astype(kind)
    images[0, 10, 10] = images[1, 0, 0] = np.nan
    images[2, 0] = images[3] = np.nan
    return images


def outcome(dataset, number, image):
    """What reading an image gives: "lost", "kept" with its NaN, or NaN as "the smallest" of its numbers."""
    try:
        back = dataset[number]
    except OSError:
        return "lost"
    there = np.isnan(image)
    if np.abs(back - image)[~there].max(initial=0) > 0.00051:
        return "wrong"
    if (np.isnan(back) == there).all():
        return "kept"
    return "the smallest" if np.abs(back[there] - np.nanmin(image)).max() < 0.00051 else "wrong"


found = {}
for kind in ("float32", "float64"):
    images = depth_images(kind)
    with h5py.File(f"{kind}.h5", "w") as file:
        file.create_dataset("depth", data=images, chunks=(1, 48, 64), scaleoffset=3)
    with h5py.File(f"{kind}.h5") as file:
        each = [outcome(file["depth"], number, image) for number, image in enumerate(images)]
    found[kind] = dict(zip(NAMES, each, strict=True))
    print(f"{kind}: {found[kind]}")
single = ["the smallest", "lost", "lost", "lost", "kept"]
double = ["the smallest", "kept", "kept", "kept", "kept"]
sys.exit(not ([*found["float32"].values()] == single and [*found["float64"].values()] == double))
PY
