"""A command that is killed leaves no process, no lock that holds, and no file that its next run does not remove."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ravens_suite.data.store import EpisodeStore

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
_COLLECT = ["collect", "block-insertion", "--episodes", "40", "--workers", "2", "--image-size", "24", "32"]
_MARK = "RAVENS_TEST_MARK"


def _processes(mark: str) -> list[int]:
    """Every process that inherited a mark and is not merely waiting to be asked for its exit status."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            alive = folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            if alive and f"{_MARK}={mark}".encode() in folder.joinpath("environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_killed_collection_leaves_nothing_behind(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    temporary, mark = tmp_path / "tmp", f"{os.getpid()}-{sent}"
    temporary.mkdir()
    store = EpisodeStore.of(tmp_path / "d", "block-insertion", "train")
    run = subprocess.Popen(
        [sys.executable, "-m", "ravens_suite.cli.main", *_COLLECT, "--data", str(tmp_path / "d")],
        env={**os.environ, _MARK: mark, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(lambda: len(store) >= 2 or run.poll() is not None)
    assert len(_processes(mark)) >= 3
    run.send_signal(sent)
    _, complaint = run.communicate(timeout=60)
    assert run.returncode == status, complaint
    assert "Traceback" not in complaint
    _wait_for(lambda: not _processes(mark))
    assert not list(temporary.iterdir())
    assert all(store.intact(seed) for seed in store.seeds())
    with store.locked():
        store.repair()
    assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]
