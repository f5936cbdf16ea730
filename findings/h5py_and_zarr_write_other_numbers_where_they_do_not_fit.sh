#!/usr/bin/env bash
# h5py 3.16.0 and zarr 3.1.6: labels of -1 written to an array of 8 bits become 0 in one and 255 in the other, and a
# depth of 70 m becomes 65.5 m or 4.5 m. Neither says so.
#
# Masks and depth images are small integers on disk and wider ones, or floats, in the program; array[...] = image
# converts. h5py leaves it to HDF5, which moves what does not fit to the nearest end: "no object" (-1) becomes object 0,
# the background or the first object, an infinite depth the farthest one, and NaN 0. zarr does as NumPy: it wraps round.
# -1 is 255, label 256 is 0, 70,000 mm (beyond a window) is 4,464 mm in the middle of the room, infinity 0; a filter
# that leaves 256 in a bright pixel makes it black. The same holds for appending in zarr, for data= with a narrower
# dtype= in h5py, and for reading: dataset.astype("uint8")[...] moves to the end, dataset[...].astype("uint8") wraps. So
# a converter between the two formats changes labels by which side narrowed them, and tests whose labels and depths fit
# pass. Only for NaN and infinity does zarr warn. (TensorStore refuses such a write.) What fits: look at the smallest
# and the greatest before writing, or np.asarray(image).astype(...) with numbers of your own choice in the places of -1,
# NaN and infinity.
#
# Seen (Python 3.11), from labels -1 0 3 255 256 300 to 8 bits, then from millimetres 1.7 65535 70000 inf NaN to 16:
# "h5py 0 0 3 255 255 255, zarr 255 0 3 255 0 44; h5py 1 65535 65535 65535 0, zarr 1 65535 4464 0 0; h5py read with
# astype before the brackets 0 0 3 255 255 255, after them 255 0 3 255 0 44"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "h5py==3.16.0" "zarr==3.1.6" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import h5py
import numpy as np
import zarr

LABELS = np.array([-1, 0, 3, 255, 256, 300], np.int32)
DEPTH = np.array([1.7, 65535, 70000, np.inf, np.nan], np.float32)  # millimetres
warned = {}


def by_h5py(image, kind):
    with h5py.File("images.h5", "w") as file:
        images = file.create_dataset("images", image.shape, kind)
        images[...] = image
        given = file.create_dataset("given", data=image, dtype=kind)
        assert np.array_equal(images[...], given[...])
        return images[...]


def by_zarr(image, kind):
    images = zarr.create_array("images.zarr", shape=image.shape, dtype=kind, overwrite=True)
    images[:] = image
    longer = zarr.create_array("longer.zarr", shape=(0,), chunks=(8,), dtype=kind, overwrite=True)
    longer.append(image)
    assert np.array_equal(images[:], longer[:])
    return images[:]


seen = {}
for name, image, kind in (("labels", LABELS, "uint8"), ("depth", DEPTH, "uint16")):
    for library in (by_h5py, by_zarr):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            seen[name, library] = library(image, kind).tolist()
        warned[name, library] = any("invalid value" in str(warning.message) for warning in heard)
        print(f"{name}, {library.__name__}: {seen[name, library]}")
with h5py.File("images.h5", "w") as file:
    images = file.create_dataset("images", data=LABELS)
    before, after = images.astype("uint8")[...].tolist(), images[...].astype("uint8").tolist()
print(f"read by h5py, astype before the brackets: {before}, after: {after}")
nearest, wrapped = np.clip(LABELS, 0, 255).tolist(), (LABELS % 256).tolist()
as_seen = [seen["labels", by_h5py], seen["labels", by_zarr], before, after] == [nearest, wrapped, nearest, wrapped]
as_seen &= seen["depth", by_h5py] == [1, 65535, 65535, 65535, 0]
as_seen &= seen["depth", by_zarr][:3] == [1, 65535, 70000 - 65536]
sys.exit(not (as_seen and list(warned.values()) == [False, False, False, True]))
PY
