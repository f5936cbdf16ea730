"""Locks: one process at a time, given up by a process that dies, and nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.locks import locked, locked_file
from ravens_suite.data.tables import read_rows, record_row
from ravens_suite.errors import ConfigError, ConflictError

_HOLD = (
    "import sys, time; from pathlib import Path; from ravens_suite.data.locks import locked\n"
    "with locked(Path(sys.argv[1]), 'working in'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


def test_the_second_is_refused_while_the_first_lives_and_a_kill_frees_the_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None and first.stdout.readline() == b"held\n"
        with pytest.raises(ConflictError, match=r"Another process is training into .*: wait"):
            locked(tmp_path, "training into").__enter__()
        first.send_signal(signal.SIGKILL)
        first.wait()
    with locked(tmp_path, "training into"):
        pass
    assert not list(tmp_path.iterdir())


def test_files_of_a_folder_are_locked_one_by_one(tmp_path: Path) -> None:
    with (
        locked_file(tmp_path / "a.json", "writing"),
        locked_file(tmp_path / "b.json", "writing"),
        pytest.raises(ConflictError, match=r"writing .*a\.json"),
    ):
        locked_file(tmp_path / "a.json", "writing").__enter__()
    assert not list(tmp_path.iterdir())


def test_who_waits_for_a_lock_that_is_removed_takes_a_new_one(tmp_path: Path) -> None:
    """Else two could hold it: one the file without a name, the other the new file."""
    held: list[int] = []

    def add(number: int) -> None:
        record_row(tmp_path / "table.csv", {"name": number, "value": 1}, key=("name",))
        held.append(number)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [int(row["name"]) for row in read_rows(tmp_path / "table.csv")] == list(range(12))
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_nothing_can_be_locked_a_warning_says_so(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(handle: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path, "training into"):
        pass
    assert "cannot be locked" in caplog.text


def test_a_folder_that_can_only_be_read_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, flags: int, mode: int = 0o777) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with locked(tmp_path, "collecting into"):
        pass


def test_folders_that_were_made_for_nothing_go_again(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), locked(tmp_path / "one" / "two", "training into"):
        raise ConfigError("It cannot be done.")
    with pytest.raises(ConfigError), locked_file(tmp_path / "one" / "two" / "result.json", "writing"):
        raise ConfigError("It cannot be done.")
    assert not list(tmp_path.iterdir())
    with suppress(ConfigError), locked(tmp_path / "one" / "two", "training into"):
        (tmp_path / "one" / "kept").touch()
        raise ConfigError("It cannot be done.")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["kept"]


def test_a_folder_that_was_empty_before_stays(tmp_path: Path) -> None:
    with locked(tmp_path, "training into"):
        pass
    assert tmp_path.is_dir()


def test_a_folder_that_went_while_one_waited_for_its_lock_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    waited = threading.Event()

    def wait() -> None:
        with locked(folder, "training into", wait=True):
            (folder / "result").touch()
            waited.set()

    with locked(folder, "training into"):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)  # So that it waits; what is asserted holds if it comes later, too.
    assert waited.wait(30)
    thread.join()
    assert (folder / "result").exists()
