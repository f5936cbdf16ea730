#!/usr/bin/env bash
# zarr 3.1.6: once the metadata of a group are consolidated, episodes appended to its arrays overwrite one another.
#
# consolidate_metadata copies the metadata of all arrays into those of the group, for faster opening. Version 3 takes
# this copy whenever it is there, also in a group that was opened for writing, and never brings it up to date:
# group["action"] always has the length that it had when they were consolidated, and append writes behind that length.
# So the first append is stored, is not seen, and is overwritten by the second one: no error, no warning, one episode
# gone. Whoever opens the group reads the old length, and sees no new arrays nor attributes of arrays. The array opened
# by itself shows what was stored. With use_consolidated=False all three episodes are kept. In version 2 one had to ask
# for the copy (open_consolidated), and open_group kept all three (2.18.7). The manual warns that readers may see a past
# version; that the writer does, and appends where it has just appended, is not said.
#
# Seen (Python 3.11): "zarr 3.1.6: group: 10 frames, the array itself: 20 frames, of episodes 1, 3; without the copy: 30
# frames, of episodes 1, 2, 3"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "zarr==3.1.6" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import numpy as np
import zarr

warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)  # that the format of the copy may change


def record(name: str, use_consolidated: bool | None) -> tuple[int, int, list[int]]:
    """Frames that the group and the array show after three episodes of ten, and which episodes are stored."""
    group = zarr.open_group(name, mode="w")
    group.create_array("action", shape=(0, 7), chunks=(5, 7), dtype="float32")
    group["action"].append(np.full((10, 7), 1, np.float32))
    zarr.consolidate_metadata(name)

    group = zarr.open_group(name, mode="r+", use_consolidated=use_consolidated)
    for episode in (2, 3):
        group["action"].append(np.full((10, 7), episode, np.float32))
    seen = zarr.open_group(name, mode="r", use_consolidated=use_consolidated)["action"]
    stored = zarr.open_array(f"{name}/action", mode="r")
    return seen.shape[0], stored.shape[0], sorted(set(stored[:, 0].astype(int).tolist()))


seen, stored, kept = record("default.zarr", None)
all_seen, all_stored, all_kept = record("plain.zarr", False)
print(
    f"zarr {zarr.__version__}: group: {seen} frames, the array itself: {stored} frames, of episodes {str(kept)[1:-1]}; "
    f"without the copy: {all_seen} frames, of episodes {str(all_kept)[1:-1]}"
)
sys.exit((seen, stored, kept) != (10, 20, [1, 3]) or (all_seen, all_stored, all_kept) != (30, 30, [1, 2, 3]))
PY
