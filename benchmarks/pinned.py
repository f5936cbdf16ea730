"""An earlier commit of this repository beside today's code, on the same interpreter and libraries.

Benchmarks that compare with an earlier build run both in processes of their own, in alternation, in one run. The
earlier one is taken from git's history into a temporary folder; nothing is installed, so NumPy, OpenCV, Bullet and
torch are the same for both, and only this project's own code differs.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

FIRST = "bb14ed4"
"""The build that today's is compared with: version 0.1.0 as it was finished."""

_ROOT = Path(__file__).parents[1]
_IN_PACKAGE = ("agents", "assets")
"""Folders of the top level that are installed within the package."""


@contextmanager
def commit(name: str = FIRST) -> Iterator[Path]:
    """A folder that holds the package ``ravens_suite`` of a commit; it is gone afterwards.

    Args:
        name: of the commit, which must be in this checkout's history.

    Raises:
        SystemExit: git does not know it.
    """
    command = ["git", "-C", str(_ROOT), "archive", name, "ravens_suite", *_IN_PACKAGE]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"git has no commit {name} here: {done.stderr.decode().strip()} Fetch the whole history.")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        for inner in _IN_PACKAGE:
            shutil.move(Path(folder, inner), Path(folder, "ravens_suite", inner))
        yield Path(folder)


def run(
    code: str,
    arguments: Sequence[object],
    folder: Path | None = None,
    *,
    python: str = sys.executable,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a program prints last, JSON.

    Args:
        code: of the program.
        arguments: of its command line.
        folder: of ``commit``; today's code unless given.
        python: the interpreter.
        variables: of its environment, beside those of this process.

    Raises:
        SystemExit: the program failed; the message is what it said.
    """
    world = {**os.environ, **(variables or {})}
    if folder is not None:
        world["PYTHONPATH"] = str(folder)
    command = [python, "-c", code, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as elsewhere:  # So that no checkout is imported from the working directory.
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=world, cwd=elsewhere)
    if done.returncode:
        raise SystemExit(f"A program failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def load() -> float:
    """How many processes wanted a core of this machine over the last minute."""
    return round(os.getloadavg()[0], 2)


def instruction_sets() -> list[str]:
    """Those of this processor that matter to numerical work, where the system lists them (Linux on x86)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return [flag for flag in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
