"""Commands killed at random moments, again and again: what they leave in the end equals what a run leaves by itself.

    python benchmarks/kills.py [--kinds K...] [--kills 10] [--seed 0] [--out results/kills.json]

Each command runs to its end once. Then it is begun anew, killed (SIGKILL, its first process alone) after a random part
of that time, and begun again, until it gets through, and all of it from an empty folder until so many kills were made.
After each kill its other processes must end by themselves and leave no folder of temporary files. When it is
through, files must be the same bytes, outcomes the same, and nothing half written may be there. The exit status is 1
where something else happens. Linux only: it reads ``/proc``.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from left_behind import Left, bytes_of, half_written, outcomes

from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.provenance import provenance

TASK = "block-insertion"
_MARK = "RAVENS_KILLED"
_PATIENCE = 60.0
"""Seconds that the processes of a killed command may take to end."""


@dataclass(frozen=True)
class Kind:
    """A command that is killed.

    Attributes:
        command: its words; ``OUT`` is its folder, ``DATA`` one of demonstrations.
        left: what it leaves in ``OUT``.
    """

    command: tuple[str, ...]
    left: tuple[Left, ...]


_TRAIN = ("--steps", "300", "--val-episodes", "2", "--threads", "1")
KINDS = {
    "collect": Kind(
        ("collect", TASK, "--episodes", "20", "--workers", "2", "--image-size", "48", "64", "--data", "OUT/data"),
        (bytes_of("data/**/*"),),
    ),
    "train": Kind(
        ("train", "state-mlp", TASK, "--demos", "2", *_TRAIN, "--data", "DATA", "--out", "OUT/run"),
        (bytes_of("run/policy/*", "run/training.safetensors"),),
    ),
    "evaluate": Kind(
        (
            *("evaluate", "random", TASK, "--episodes", "20", "--workers", "2", "--image-size", "48", "64"),
            *("--keep-failures", "--record", "OUT/table.csv", "--out", "OUT/eval"),
        ),
        (bytes_of("eval/failures/**/*.safetensors"), outcomes("eval/*.json")),
    ),
    "benchmark": Kind(
        (
            *("benchmark", "--agents", "state-mlp", "--tasks", TASK, "--demos", "2", *_TRAIN, "--episodes", "4"),
            *("--observe", "state", "--data", "OUT/data", "--out", "OUT/bench"),
        ),
        (bytes_of("data/**/*.safetensors", "bench/**/policy/*"),),
    ),
}


def begin(words: Sequence[str], temporary: Path, mark: str) -> subprocess.Popen[str]:
    """A command in processes of its own, all of which bear the mark."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "ravens_suite.cli.main", *words],
        env={**os.environ, _MARK: mark, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def living(mark: str) -> list[int]:
    """Processes that bear a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            alive = folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            if alive and f"{_MARK}={mark}".encode() in folder.joinpath("environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def all_ended(mark: str) -> bool:
    """Whether no process of a mark is left, after a while."""
    end = time.monotonic() + _PATIENCE
    while living(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def forgotten(temporary: Path) -> list[str]:
    """Temporary files that are left, but for the cache that torch keeps for the next process."""
    return sorted(path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor_"))


def measure(kind: Kind, kills: int, rng: random.Random, folder: Path, data: Path) -> dict[str, Any]:
    """Kill a command so often; ``wrong`` lists what should not have happened."""
    mark, temporary = folder.name, folder / "temporary"
    folder.mkdir()
    started = time.monotonic()
    whole = through(kind, begin(_words(kind, folder / "whole", data), temporary, mark), folder / "whole", temporary)
    seconds = time.monotonic() - started
    wrong, done, number = list(whole["wrong"]), 0, 0
    while done < kills:
        number += 1
        out = folder / str(number)
        while True:
            process = begin(_words(kind, out, data), temporary, mark)
            try:
                process.wait(rng.uniform(0, seconds) if done < kills else None)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                done += 1
                if not all_ended(mark):
                    wrong.append(f"kill {done}: processes are left")
                wrong += [f"kill {done}: {name} is left among temporary files" for name in forgotten(temporary)]
                continue
            found = through(kind, process, out, temporary)
            wrong += found["wrong"]
            if found["left"] != whole["left"]:
                wrong.append(f"run {number}: something else is left")
            break
    return {"kills": done, "runs": number, "wrong": wrong}


def through(kind: Kind, process: subprocess.Popen[str], out: Path, temporary: Path) -> dict[str, Any]:
    """What a command left that was not killed."""
    _, complaint = process.communicate()
    wrong = [] if process.returncode == 0 else [f"exit status {process.returncode}: {complaint.strip()[-600:]}"]
    wrong += [f"left behind: {name}" for name in half_written(out)]
    wrong += [f"{name} is left among temporary files" for name in forgotten(temporary)]
    return {"left": [left(out) for left in kind.left], "wrong": wrong}


def _words(kind: Kind, out: Path, data: Path) -> list[str]:
    return [word.replace("OUT/", f"{out}/").replace("DATA", str(data)) for word in kind.command]


def main() -> None:
    """Kill, go on, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rng, found = random.Random(options.seed), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collect = ["collect", TASK, "--episodes", "2", "--observe", "state", "--data", str(folder / "data")]
        begin(collect, folder / "temporary", "data").wait()
        for kind in options.kinds:
            found[kind] = measure(KINDS[kind], options.kills, rng, folder / kind, folder / "data")
            print(
                f"{kind}: {found[kind]['kills']} kills, {found[kind]['runs']} runs", *found[kind]["wrong"], sep="\n  "
            )
            sys.stdout.flush()
    clean = not any(each["wrong"] for each in found.values())
    if options.out:
        record = provenance()
        summary = {
            "clean": clean,
            "kinds": found,
            "command": shlex.join(["kills.py", *sys.argv[1:]]),
            "commit": record["commit"],
            "machine": record["machine"],
        }
        write_json(options.out, summary)
    sys.exit(not clean)


if __name__ == "__main__":
    main()
