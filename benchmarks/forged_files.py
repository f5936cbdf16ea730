"""Files that are altered, cut, forged or foreign are named, or do no harm; and none of them takes much memory.

    python benchmarks/forged_files.py [--files 2000] [--seed 0] [--out results/forged_files.json]

Each file is one that the suite reads (an episode, a manifest, a record of attempts, a table, the record of a run), with
a byte flipped, its end cut off, bytes put in, a part of its header rewritten under a checksum that is right, or another
file in its place. It is read as the suite reads it, in a process that may take ``MEMORY`` bytes beyond
what it has. Every file must be refused by an error of the suite, or give the data that were written. The exit status is
1 when one is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shlex
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.types import quantize_depth
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.episode import Episode
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.store import Attempt, EpisodeStore
from ravens_suite.data.tables import read_rows, record_row
from ravens_suite.errors import RavensError
from ravens_suite.rollout.provenance import provenance

MEMORY = 2**28
_WORDS = ("0", "-1", "1e9", "999999999999", "null", "true", '""', "[]", "{}", '"x"', "[[]]", "1.5", '{"a":1}')


def episode(seed: int) -> Episode:
    """A small episode with images of every coding, numbers and texts."""
    rng, steps, size = np.random.default_rng(seed), 2, (12, 16)
    return Episode(
        task="block-insertion",
        split="train",
        seed=seed,
        observations={
            "color": np.repeat(rng.integers(0, 255, (1, 3, *size, 3), dtype=np.uint8), steps + 1, axis=0),
            "depth": quantize_depth(rng.uniform(0.5, 2, (steps + 1, 3, *size))),
            "segmentation": rng.integers(0, 70000, (steps + 1, 3, *size), dtype=np.int32),
            "instruction": np.array(["put", "it", "there"]),
            "state": rng.normal(size=(steps + 1, 22)),
        },
        actions={"pick": rng.normal(size=(steps, 7)), "place": rng.normal(size=(steps, 7))},
        rewards=np.array([0.5, 0.5]),
        poses={"block": rng.normal(size=(steps + 1, 7))},
        cameras=published_cameras(size),
        success=True,
        metadata={"outcome": "done", "motion": [{"outcome": "done", "steps": 3}] * steps},
    )


def make(folder: Path) -> EpisodeStore:
    """A store of three episodes, a table, and the record of a run."""
    store = EpisodeStore.of(folder, "block-insertion", "train")
    store.claim({"task": "block-insertion", "split": "train", "arguments": {}, "renderer": "none"}, {"numpy": "2"})
    for seed in range(3):
        store.write(episode(seed))
        store.record([Attempt(EpisodeOutcome(seed, 1.0, True, 2, "done", {"block": True}), kept=True)])
    store.finish()
    for task in ("block-insertion", "manipulating-rope"):
        record_row(folder / "scores.csv", {"task": task, "demos": 10, "mean_score": 99.5}, ("task", "demos"))
    write_json(folder / "run.json", {"plan": {"tasks": ["block-insertion"]}, "finished": True})
    return store


def read_episode(store: EpisodeStore) -> Any:
    """Everything of the first episode, verified."""
    store.reader(0).check()
    found = store.read(0)
    arrays = {**found.observations, **found.actions, **found.poses, "rewards": found.rewards}
    return {key: (str(array.dtype), array.shape, array.tobytes()) for key, array in arrays.items()}


READERS: dict[str, tuple[str, Callable[[EpisodeStore, Path], Any]]] = {
    "episode": ("block-insertion/train/000000.safetensors", lambda store, folder: read_episode(store)),
    "manifest": ("block-insertion/train/manifest.json", lambda store, folder: store.manifest()),
    "attempts": ("block-insertion/train/attempts.jsonl", lambda store, folder: store.recorded()),
    "table": ("scores.csv", lambda store, folder: len(read_rows(folder / "scores.csv"))),
    "json": ("run.json", lambda store, folder: read_json(folder / "run.json")),
}
"""By kind: the file, and how the suite reads it. A table and plain JSON have no checksum: only errors count there."""
_SHARES = ("episode", "episode", "episode", "episode", "manifest", "attempts", "table", "json")


def alter(data: bytes, kind: str, rng: random.Random, others: list[bytes]) -> tuple[str, bytes]:
    """One altered file: in what way, and its bytes."""
    ways = ["flip", "cut", "insert", "swap", *(["header", "header", "value", "value"] if kind == "episode" else [])]
    way = rng.choice(ways)
    where = rng.randrange(len(data))
    if way == "flip":
        return way, data[:where] + bytes([data[where] ^ (1 << rng.randrange(8))]) + data[where + 1 :]
    if way == "cut":
        return way, data[:where]
    if way == "insert":
        return way, data[:where] + rng.choice([b"\0", b"{", b"\n", rng.randbytes(7)]) + data[where:]
    if way == "swap":
        return way, rng.choice(others)
    header, arrays = (
        data[8 : 8 + int.from_bytes(data[:8], "little")],
        data[8 + int.from_bytes(data[:8], "little") : -32],
    )
    entries = json.loads(header)
    if way == "header":
        _rewrite(entries, rng)
    else:
        value = json.loads(entries["__metadata__"]["value"])
        _rewrite(value, rng)
        entries["__metadata__"]["value"] = json.dumps(value)
    text = json.dumps(entries).encode()
    head = len(text).to_bytes(8, "little") + text
    return way, head + arrays + hashlib.sha256(head).digest()


def _rewrite(value: Any, rng: random.Random) -> None:
    """Change, drop or add one thing somewhere in a JSON value."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            if isinstance(value, dict):
                value["extra"] = json.loads(rng.choice(_WORDS))
            else:
                value.append(json.loads(rng.choice(_WORDS)))
            return
        key = rng.choice(list(keys))
        if isinstance(value[key], dict | list) and rng.random() < 0.8:
            value = value[key]
            continue
        if rng.random() < 0.2:
            del value[key]
        elif rng.random() < 0.2 and isinstance(value, dict):
            value[f"{key}x"] = json.loads(rng.choice(_WORDS))
        else:
            value[key] = json.loads(rng.choice(_WORDS))
        return


def harmless(way: str, kind: str, found: Any, good: Any) -> bool:
    """Whether a file that was not refused did no harm."""
    if kind == "attempts":  # A damaged line ends the record; what stands before it is as it was.
        return bool(found == good[: len(found)])
    if kind in ("table", "json"):
        return True
    if way in ("header", "value"):  # Under a right checksum, names and facts may be others; the arrays are not.
        return {each[2] for each in found.values()} <= {each[2] for each in good.values()}
    return bool(found == good)


def main() -> None:
    """Alter, read, count, write; the exit status is 1 when a file is neither named nor harmless."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rng, counts, bad = random.Random(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = make(folder)
        whole = {kind: (folder / path).read_bytes() for kind, (path, _) in READERS.items()}
        good = {kind: read(store, folder) for kind, (_, read) in READERS.items()}
        others = [*whole.values(), b"", b"{}", b"PK\3\4", store.path(1).read_bytes(), rng.randbytes(2000)]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        for number in range(options.files):
            kind = rng.choice(_SHARES)
            path, read = READERS[kind]
            way, data = alter(whole[kind], kind, rng, others)
            (folder / path).write_bytes(data)
            try:
                done = "harmless" if harmless(way, kind, read(store, folder), good[kind]) else "HARM"
            except RavensError:
                done = "named"
            except Exception:
                done = "RAW"
                traceback.print_exc(limit=-3)
            (folder / path).write_bytes(whole[kind])
            counts[f"{kind}, {way}: {done}"] += 1
            if done.isupper():
                bad.append({"number": number, "kind": kind, "way": way, "what": done})
    for line, count in sorted(counts.items()):
        print(f"{count:5} {line}")
    if options.out:
        record = provenance()
        summary = {
            "files": options.files,
            "named": sum(count for line, count in counts.items() if line.endswith("named")),
            "harmless": sum(count for line, count in counts.items() if line.endswith("harmless")),
            "neither": bad,
            "by_kind_and_way": dict(sorted(counts.items())),
            "most_memory_bytes": MEMORY,
            "command": shlex.join(["forged_files.py", *sys.argv[1:]]),
            "commit": record["commit"],
            "machine": record["machine"],
        }
        write_json(options.out, summary)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
