#!/usr/bin/env bash
# datasets 5.2.0: Dataset.from_generator over a folder of demonstrations returns what the folder held the first time,
# in every later program, too. Episodes that were added or recorded again are not seen, also after disable_caching().
#
# A generator that opens the files of a folder, as gen_kwargs={"folder": ...}, is the usual way from episodes of one's
# own to an Arrow table. The result is kept on disk under a name made of the generator's code and its arguments. Both
# are the same after ten more demonstrations, and after a bad one was replaced; the generator is then not even called.
# Training goes on with the old data, with no message, and more demonstrations seem not to help; the cache lies in the
# home folder, so that a new checkout does not help either. disable_caching() is about transforms only. load_dataset,
# for files of known formats, does look at the files and sees what is new, which makes one trust the other. Upstream:
# issues 7448 (open) for disable_caching, 6194 (open) for a fingerprint of one's own. What fits: the names, sizes and
# times of the files as one more entry of gen_kwargs, or a cache_dir of its own for each call.
#
# Seen (Python 3.11), episodes and the first action: "first program: 3, 0.0; 7 more and the first replaced, next
# program: 3, 0.0, generator called: False; after disable_caching(): 3, 0.0; with names, sizes and times of files: 10,
# 5.0; load_dataset, before and after: 3, 0.0 and 10, 5.0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "datasets==5.2.0" "numpy==2.4.6"
cd "$folder"
export HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1
cat > load.py <<'PY'
"""Load the demonstrations in all ways, and print for each of them how many there are and the first action."""

import json
import sys
from pathlib import Path

import datasets
from datasets import Dataset, load_dataset

CALLED = Path("called")


def episodes(folder, files=()):
    CALLED.touch()
    for path in sorted(Path(folder).glob("*.json")):
        yield json.loads(path.read_text())


def told(table):
    return [len(table), table[0]["action"]]


CALLED.unlink(missing_ok=True)
seen = {"from_generator": told(Dataset.from_generator(episodes, gen_kwargs={"folder": "episodes"}))}
seen["called"] = CALLED.exists()
stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(Path("episodes").glob("*.json"))]
stamped = {"folder": "episodes", "files": tuple(stats)}
seen["with stamps"] = told(Dataset.from_generator(episodes, gen_kwargs=stamped))
seen["load_dataset"] = told(load_dataset("json", data_files="episodes/*.json", split="train"))
datasets.disable_caching()
seen["disable_caching"] = told(Dataset.from_generator(episodes, gen_kwargs={"folder": "episodes"}))
json.dump(seen, sys.stdout)
PY
"$folder/venv/bin/python" - <<'PY'
import json
import subprocess
import sys
from pathlib import Path


def record(numbers, first):
    Path("episodes").mkdir(exist_ok=True)
    for number in numbers:
        action = first if number == 0 else float(number)
        Path(f"episodes/{number:03}.json").write_text(json.dumps({"number": number, "action": action}))


def program():
    return json.loads(subprocess.run([sys.executable, "load.py"], check=True, capture_output=True).stdout)


record(range(3), 0.0)
first = program()
record(range(10), 5.0)
second = program()
print("first program:", first)
print("7 more, and the first one replaced:", second)
old, new = [3, 0.0], [10, 5.0]
right = first.pop("called") and set(map(str, first.values())) == {str(old)}
right = right and second["with stamps"] == second["load_dataset"] == new
wrong = second["from_generator"] == second["disable_caching"] == old and not second["called"]
sys.exit(not (right and wrong))
PY
