#!/usr/bin/env bash
# datasets 5.2.0: with_format("numpy") makes a float64 column float32 when it is read in slices or batches, and not when
# it is read row by row. Times in seconds since 1970 then advance by 128 s at once, and all frames of a demonstration
# of ten seconds have one time.
#
# Times of ROS messages, of time.time() and of many recordings are such seconds, and float64 holds them to less than a
# microsecond. The table's features say float64, table[i]["time"] is float64, and so is the column without a format or
# by the formats "pandas" and "arrow". table[:]["time"] by "numpy" is float32, as is each batch that PyTorch's
# DataLoader takes (__getitems__), and what a batched map() hands on is stored so for good. Time differences are 0, so
# that speeds are infinite or, where that is guarded, 0, and to match cameras by the nearest time takes any frame.
# A look at single rows finds nothing, and times since the start of an episode are hardly touched, so that tests with
# small numbers pass. int64 nanoseconds stay whole. Upstream: issue 5517 (open). What fits: int64 for times; or
# with_format("numpy", dtype=numpy.float64), which makes all columns so.
#
# Seen (Python 3.11), different times of 200 frames at 20 Hz: "features float64; no format 200, pandas 200, arrow 200;
# numpy: rows 200 (float64), slice 1 (float32), as a DataLoader asks 1, after a map() by rows 200, after a batched map()
# 1 (float32); numpy with dtype 200; since the start of the episode 200; nanoseconds 200"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "datasets==5.2.0" "numpy==2.4.6"
cd "$folder"
export HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from datasets import Dataset

START, FRAMES, RATE = 1_790_000_000, 200, 20  # in 2026; at 20 Hz
since = [frame / RATE for frame in range(FRAMES)]
table = Dataset.from_dict(
    {
        "time": [START + each for each in since],
        "since": since,
        "nanoseconds": [START * 10**9 + frame * (10**9 // RATE) for frame in range(FRAMES)],
    }
)


def different(column):
    return len(set(np.asarray(column).tolist()))


plain, by_numpy = table.with_format(None), table.with_format("numpy")
by_rows = by_numpy.map(lambda row: {"copy": row["time"]})
by_batches = by_numpy.map(lambda batch: {"copy": batch["time"]}, batched=True)
seen = {
    "no format": different(plain[:]["time"]),
    "pandas": different(table.with_format("pandas")[:]["time"]),
    "arrow": different(table.with_format("arrow")[:]["time"]),
    "with dtype": different(table.with_format("numpy", dtype=np.float64)[:]["time"]),
    "since": different(by_numpy[:]["since"]),
    "nanoseconds": different(by_numpy[:]["nanoseconds"]),
    "rows": different([by_numpy[frame]["time"] for frame in range(FRAMES)]),
    "map by rows": different(by_rows.with_format(None)["copy"][:]),
    "slice": different(by_numpy[:]["time"]),
    "as a DataLoader asks": different([row["time"] for row in by_numpy.__getitems__(list(range(FRAMES)))]),
    "batched map": different(by_batches.with_format(None)["copy"][:]),
}
kinds = [table.features["time"].dtype, str(by_numpy[0]["time"].dtype), str(by_numpy[:]["time"].dtype)]
kinds += [by_rows.features["copy"].dtype, by_batches.features["copy"].dtype]
step = float(np.spacing(np.float32(START)))
print(f"different times: {seen}")
print(f"features, row, slice, after map() by rows, after a batched one: {kinds}; steps of float32 {step} s")
wrong = [seen.pop(name) for name in ("slice", "as a DataLoader asks", "batched map")] == [1, 1, 1]
right = all(count == FRAMES for count in seen.values())
sys.exit(not (wrong and right and step == 128 and kinds == ["float64", "float64", "float32", "float64", "float32"]))
PY
