#!/usr/bin/env bash
# pyarrow 26.0.1: images whose axes were permuted are stored in a FixedShapeTensorArray and can not be read, or come
# back scrambled and with another shape; voxel grids come back scrambled with the shape that they had.
#
# A column of tensors keeps images or voxels beside their actions, also in Parquet. Networks want channels first,
# viewers want them last, and transpose, as permute in PyTorch, moves no numbers: its result is a view.
# from_numpy_ndarray takes such a view, notes the order of its axes in the type and hands the memory on. It notes the
# inverse of what the format means (shape[permutation] is to be the shape of the tensor). So images that were put
# channels first raise "strides must not involve buffer over run" once they are read, which is too late; those put
# channels last come back as 64 x 3 x 48, of other pixels; and in grids of equal sides, turned from z, y, x to y, x, z,
# nothing shows. Of two exchanged axes the inverse is the same, and all frames at once are right, but one frame,
# column[i].to_numpy(), has the wrong strides unless both are of one length: the right shape, other pixels. Contiguous
# arrays, as tests make them, are right throughout. A Parquet file keeps the numbers, with the wrong type. What fits:
# np.ascontiguousarray before storing.
#
# Seen (Python 3.11), all frames at once, and one: "contiguous (3, 48, 64): right, right; channels first (3, 48, 64):
# raises, raises; channels last (48, 64, 3): (64, 3, 48) scrambled, scrambled; voxels (32, 32, 32): scrambled,
# scrambled; width and height exchanged (64, 48): right, scrambled; channels last, from Parquet: (64, 3, 48) scrambled"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "pyarrow==26.0.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def numbers(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def said(read, array):
    try:
        given = read()
    except pa.ArrowInvalid as error:
        return "raises" if "buffer over run" in str(error) else str(error)
    return f"{given.shape} {'right' if np.array_equal(given, array) else 'scrambled'}"


first = numbers(5, 48, 64, 3).transpose(0, 3, 1, 2)
last = numbers(5, 3, 48, 64).transpose(0, 2, 3, 1)
cases = {
    "contiguous": np.ascontiguousarray(first),
    "channels first": first,
    "channels last": last,
    "voxels": numbers(5, 32, 32, 32).transpose(0, 2, 3, 1),
    "width and height exchanged": numbers(5, 48, 64).transpose(0, 2, 1),
}
seen = {}
for name, array in cases.items():
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(array)
    seen[name] = said(column.to_numpy_ndarray, array), said(column[0].to_numpy, array[0])
    print(f"{name}, {array.shape[1:]}, all: {seen[name][0]}; one: {seen[name][1]}")
pq.write_table(pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(last)}), "images.parquet")
stored = pq.read_table("images.parquet")["image"].combine_chunks()
seen["file"] = (said(stored.to_numpy_ndarray, last),)
print(f"channels last, read from Parquet: {seen['file'][0]}")
expected = {
    "contiguous": ("(5, 3, 48, 64) right", "(3, 48, 64) right"),
    "channels first": ("raises", "raises"),
    "channels last": ("(5, 64, 3, 48) scrambled", "(64, 3, 48) scrambled"),
    "voxels": ("(5, 32, 32, 32) scrambled", "(32, 32, 32) scrambled"),
    "width and height exchanged": ("(5, 64, 48) right", "(64, 48) scrambled"),
    "file": ("(5, 64, 3, 48) scrambled",),
}
sys.exit(seen != expected)
PY
