"""A disk that fills up at every kind of write: one line says so, nothing is lost, and the same command then continues.

    python benchmarks/full_disk.py [--kinds K...] [--shares 0 0.25 0.5 0.75 0.95] [--out results/full_disk.json]

Each command writes to a small file system of its own in memory, on which as much room is left as a share of what it
wrote to a large one. It must end with one line that says that the disk is full, and leave what was there before as it
was. Then room is made, and the same command must succeed, leave what it leaves where there was room all the time, and
no temporary file. The exit status is 1 where something else happens. Linux only: the disk is a tmpfs, mounted in a
namespace of this process, for which ``unshare`` must be allowed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from left_behind import Left, bytes_of, half_written, names_of, outcomes

from ravens_suite.cli.main import main as ravens_suite
from ravens_suite.data.atomic import write_json
from ravens_suite.data.tables import read_rows
from ravens_suite.rollout.provenance import provenance

SHARES = (0.0, 0.25, 0.5, 0.75, 0.95)
"""Of the room that a command needs: how much of it there is."""
DISK = 256
"""Mebibytes of the small disk, most of which a file of nothing takes up."""
TASK = "block-insertion"
OTHER = "align-box-corner"
_MARK = "RAVENS_FULL_DISK"
_FILLER = "filler"
_MINE = "mine.txt"


@dataclass(frozen=True)
class Kind:
    """A command that writes.

    Attributes:
        command: its words; ``DISK`` is the small disk, ``DATA`` a folder of demonstrations, ``RUN`` a training run.
        left: what it leaves on the disk, as something that can be compared.
    """

    command: tuple[str, ...]
    left: Left


def imported(form: str) -> Left:
    """What comes back from an export."""

    def digest(disk: Path) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            status, complaint = run(["import", str(disk / "export"), "--from", form, "--out", folder])
            assert status == 0, complaint
            return bytes_of("**/*.safetensors")(Path(folder))

    return digest


_EVALUATE = ("--episodes", "3", "--workers", "1", "--record", "DISK/table.csv", "--out", "DISK/eval")
_TRAIN = ("--steps", "30", "--val-episodes", "1", "--threads", "1")
KINDS = {
    "collect": Kind(
        ("collect", TASK, "--episodes", "4", "--workers", "1", "--image-size", "48", "64", "--data", "DISK/data"),
        bytes_of("data/**/*"),
    ),
    "train": Kind(
        ("train", "state-mlp", TASK, "--demos", "2", *_TRAIN, "--data", "DATA", "--out", "DISK/run"),
        bytes_of("run/policy/*", "run/training.safetensors"),
    ),
    "evaluate": Kind(("evaluate", "oracle", TASK, *_EVALUATE), outcomes("eval/*.json")),
    "evaluate --keep-failures": Kind(
        ("evaluate", "random", TASK, "--image-size", "48", "64", "--keep-failures", *_EVALUATE),
        bytes_of("eval/failures/**/*.safetensors"),
    ),
    "benchmark": Kind(
        (
            *("benchmark", "--agents", "state-mlp", "--tasks", TASK, "--demos", "2", *_TRAIN, "--episodes", "2"),
            *("--observe", "state", "--data", "DISK/data", "--out", "DISK/bench"),
        ),
        bytes_of("data/**/*.safetensors", "bench/**/policy/*"),
    ),
    "report": Kind(("report", "RUN", "--films", "1", "--scenes", "1", "--out", "DISK/page.html"), names_of("*.html")),
    "view": Kind(("view", f"DATA/{TASK}/train/000000.safetensors", "--out", "DISK/page.html"), bytes_of("*.html")),
    "view --film": Kind(
        ("view", f"DATA/{TASK}/train/000000.safetensors", "--film", "--out", "DISK/page.html"), names_of("*.html")
    ),
    "view --format png": Kind(
        ("view", f"DATA/{TASK}/train/000000.safetensors", "--format", "png", "--out", "DISK/page.png"),
        bytes_of("*.png"),
    ),
    "export --to minari": Kind(("export", "DATA", "--to", "minari", "--out", "DISK/export"), imported("minari")),
    "export --to lerobot": Kind(
        ("export", "DATA", "--to", "lerobot", "--image-size", "64", "64", "--out", "DISK/export"), imported("lerobot")
    ),
    "import --from minari": Kind(
        ("import", "MINARI", "--from", "minari", "--out", "DISK/data"), bytes_of("data/**/*.safetensors")
    ),
    "import --from lerobot": Kind(
        ("import", "LEROBOT", "--from", "lerobot", "--out", "DISK/data"), bytes_of("data/**/*.safetensors")
    ),
}


def run(command: Sequence[str]) -> tuple[int, str]:
    """Exit status and output of a command, which runs in a process of its own."""
    context = multiprocessing.get_context("fork")
    receives, sends = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(list(command), sends))
    process.start()
    sends.close()
    try:
        status, complaint = receives.recv()
    except EOFError:
        process.join()
        return process.exitcode or 1, f"Traceback: the process ended with {process.exitcode}"
    process.join()
    return int(status), str(complaint)


def _child(command: list[str], sends: Any) -> None:
    output, status = io.StringIO(), 1
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        try:
            status = ravens_suite(command)
        except BaseException as error:
            output.write(f"Traceback: {type(error).__name__}: {error}\n")
    sends.send((status, output.getvalue()))
    sends.close()
    os._exit(0)  # The finalisers of libraries would run once more in this copy of the process.


def _used(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _prepare(disk: Path, table: Path) -> None:
    """What lies there before: a file of the user's, and a table with a row of another task."""
    disk.joinpath(_MINE).write_text("mine")
    shutil.copy(table, disk / table.name)


def _leave(disk: Path, room: int) -> None:
    """Fill a disk so that so many bytes are left."""
    status = os.statvfs(disk)
    take = status.f_bavail * status.f_frsize - room
    with disk.joinpath(_FILLER).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(take, 1))


def attempt(kind: Kind, words: Sequence[str], whole: Any, room: int, disk: Path, table: Path) -> dict[str, Any]:
    """One command on a disk with so much room; ``wrong`` lists what should not have happened."""
    mount(disk)
    try:
        _prepare(disk, table)
        _leave(disk, room)
        status, complaint = run(words)
        lines = [line for line in complaint.splitlines() if line.startswith("ravens-suite: ")]
        wrong = []
        said = [line for line in complaint.splitlines() if "the disk is full" in line]
        # A benchmark names a trial when it fails and once more at the end, where it counts them.
        most = 2 if words[0] == "benchmark" else 1
        fits = 1 <= len(lines) <= most and 1 <= len(said) <= most
        if status and (status != 1 or not fits or "Traceback" in complaint):
            wrong.append(f"exit status {status}: {complaint.strip()[-600:]}")
        if disk.joinpath(_MINE).read_text() != "mine" or read_rows(table)[0] not in read_rows(disk / table.name):
            wrong.append("what was there before is gone")
        disk.joinpath(_FILLER).unlink()
        again, complaint = run(words)
        if again:
            wrong.append(f"with room, exit status {again}: {complaint.strip()[-600:]}")
        elif kind.left(disk) != whole:
            wrong.append("with room, something else is left")
        elif leftovers := half_written(disk):
            wrong.append(f"left behind: {', '.join(leftovers)}")
        return {
            "room": room,
            "refused": bool(status),
            "said": said[0].replace(str(disk), "DISK") if said else "",
            "wrong": wrong,
        }
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def mount(disk: Path) -> None:
    """A file system in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(disk)], check=True)


def preload() -> None:
    """Import what the commands import, once for all the processes that are forked from this one."""
    for name in ("torch", "torch.utils.tensorboard", "minari", "h5py", "pyarrow.parquet", "av"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def measure(names: Sequence[str], shares: Sequence[float], folder: Path) -> dict[str, Any]:
    """Every kind on a large disk, then with each share of the room."""
    places = {"DATA": "data", "RUN": "run", "MINARI": "minari", "LEROBOT": "lerobot"}
    preload()
    where = {word: str(folder / name) for word, name in places.items()}
    for command in (
        f"collect {TASK} --episodes 3 --workers 1 --image-size 48 64 --observe images state --data {where['DATA']}",
        f"train state-mlp {TASK} --demos 2 {' '.join(_TRAIN)} --data {where['DATA']} --out {where['RUN']}",
        f"evaluate {where['RUN']} --episodes 2 --workers 1 --keep-failures",
        f"evaluate oracle {OTHER} --episodes 1 --workers 1 --out {folder / 'other'} --record {folder / 'table.csv'}",
        f"export {where['DATA']} --to minari --out {where['MINARI']}",
        f"export {where['DATA']} --to lerobot --image-size 64 64 --out {where['LEROBOT']}",
    ):
        status, complaint = run(shlex.split(command))
        assert status == 0, complaint
    found = {}
    for name in names:
        kind, large, disk = KINDS[name], folder / "large", folder / "disk"
        large.mkdir()
        disk.mkdir(exist_ok=True)
        _prepare(large, folder / "table.csv")
        before = _used(large)
        status, complaint = run(_words(kind.command, {**where, "DISK": str(large)}))
        assert status == 0, complaint
        needed, whole = _used(large) - before, kind.left(large)
        shutil.rmtree(large)
        words = _words(kind.command, {**where, "DISK": str(disk)})
        tries = [attempt(kind, words, whole, int(share * needed), disk, folder / "table.csv") for share in shares]
        found[name] = {"bytes": needed, "tries": tries}
        wrong = [line for each in tries for line in each["wrong"]]
        print(
            f"{name}: {sum(each['refused'] for each in tries)} of {len(tries)} refused", *wrong, sep="\n  ", flush=True
        )
    return found


def _words(command: Sequence[str], where: dict[str, str]) -> list[str]:
    words = []
    for word in command:
        for place, path in where.items():
            word = path + word[len(place) :] if word == place or word.startswith(f"{place}/") else word
        words.append(word)
    return words


def main() -> None:
    """Fill, run, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if _MARK not in os.environ:  # Mounts are seen, and end, with a namespace of their own.
        namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        command = [*namespace, sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, env={**os.environ, _MARK: "1"}, check=False).returncode)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.kinds, options.shares, Path(folder))
    clean = not any(each["wrong"] for kind in found.values() for each in kind["tries"])
    if options.out:
        record = provenance()
        summary = {
            "clean": clean,
            "kinds": found,
            "command": shlex.join(["full_disk.py", *sys.argv[1:]]),
            "commit": record["commit"],
            "machine": record["machine"],
        }
        write_json(options.out, summary)
    sys.exit(not clean)


if __name__ == "__main__":
    main()
