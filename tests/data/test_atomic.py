"""Files are written whole or not at all, whatever the system refuses, and what a kill left is removed."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.data import atomic
from ravens_suite.data.atomic import check_writable, files_below, read_json, remove_leftovers, write_bytes, write_json
from ravens_suite.data.locks import locked
from ravens_suite.errors import DamagedDataError

_LEFT = ".a.json.0123456789abcdef0123456789abcdef.tmp"
_KILLED = (
    "import os, signal, sys; from pathlib import Path; from ravens_suite.data.atomic import write_bytes\n"
    "os.fsync = lambda number: os.kill(os.getpid(), signal.{signal})\n"
    "write_bytes(Path(sys.argv[1]), [b'new'])\n"
)


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "mkdir"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_a_refused_write_leaves_the_old_file_and_nothing_else_and_names_the_file(
    tmp_path: Path, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def refuse(*arguments: Any, **_: Any) -> Any:
        raise OSError(number, os.strerror(number), *([] if call == "fsync" else [str(arguments[0])]))

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "fsync" else Path, call, refuse)
        with pytest.raises(OSError, match=r"a\.json'$" if call != "mkdir" else str(tmp_path)) as failed:
            write_bytes(path, [b"new"])
    assert failed.value.errno == number
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("a.json", b"old")]


def test_a_disk_that_fills_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Filling(io.FileIO):
        def write(self, data: Any, /) -> int:
            super().write(b"x")
            raise OSError(errno.ENOSPC, "No space left on device")

        def writelines(self, lines: Any, /) -> None:
            self.write(b"".join(lines))

    monkeypatch.setattr(Path, "open", lambda path, mode: Filling(path, "x"))
    with pytest.raises(OSError, match=r"No space left on device: .*a\.json"):
        write_bytes(tmp_path / "a.json", [b"new"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM"])
def test_what_a_killed_process_was_writing_is_removed_by_the_next(tmp_path: Path, sent: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", _KILLED.format(signal=sent), str(path)], check=False)
    assert killed.returncode == -getattr(signal, sent)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
    write_bytes(path, [b"new"])
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("a.json", b"new")]


def test_who_locks_a_folder_removes_what_was_left_there(tmp_path: Path) -> None:
    for name in (_LEFT, "mine.tmp", ".mine.tmp"):
        (tmp_path / name).touch()
    with locked(tmp_path, "training into"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.tmp", "mine.tmp"]


def test_what_is_being_written_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = os.fsync

    def look(number: int) -> None:
        remove_leftovers(tmp_path)
        seen.extend(path.name for path in tmp_path.iterdir())
        real(number)

    monkeypatch.setattr(os, "fsync", look)
    write_bytes(tmp_path / "a.json", [b"new"])
    assert len(seen) == 1 and seen[0].endswith(".tmp")
    assert (tmp_path / "a.json").read_bytes() == b"new"


def test_a_temporary_file_that_was_taken_for_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its making and its locking it can be."""
    real, removed = atomic.fcntl.flock, []

    def flock(file: Any, how: int) -> None:
        for path in tmp_path.glob(".*.tmp") if not removed else ():
            removed.append(path.unlink())
        real(file, how)

    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    write_bytes(tmp_path / "a.json", [b"new"])
    assert removed and [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_any_name_that_the_system_takes_can_be_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("a" * 255), [b"new"])
    with pytest.raises(OSError, match="too long"):
        write_bytes(tmp_path / ("a" * 256), [b"new"])
    assert len(list(tmp_path.iterdir())) == 1


def test_numbers_of_numpy_are_written_as_those_of_python(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"seed": np.int64(3), "share": [np.float32(0.5)], "met": np.bool_(True)})
    assert read_json(tmp_path / "a.json") == {"seed": 3, "share": [0.5], "met": True}
    with pytest.raises(TypeError, match=r"PosixPath.* no value of JSON"):
        write_json(tmp_path / "b.json", {"folder": tmp_path})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"share": np.float32("nan")})
    assert not (tmp_path / "b.json").exists()


def test_what_cannot_be_written_is_known_before_the_work_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    check_writable(tmp_path / "new" / "folder" / "page.html")
    check_writable(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path)
    with pytest.raises(NotADirectoryError, match="file"):
        check_writable(tmp_path / "file" / "below" / "page.html")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # Nothing is refused to the superuser.
    with pytest.raises(PermissionError, match=r"page\.html"):
        check_writable(tmp_path / "new" / "page.html")


def test_files_of_what_is_not_whole_yet_are_not_found(tmp_path: Path) -> None:
    for name in ("b", ".mine", ".unfinished-7", ".b.unfinished", "b/.c.unfinished/d", "b.unfinished"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "run.json").touch()
    found = files_below(tmp_path, "run.json")
    assert [str(path.parent.relative_to(tmp_path)) for path in found] == [".mine", "b", "b.unfinished"]
    assert files_below(tmp_path / ".b.unfinished", "run.json") == [tmp_path / ".b.unfinished" / "run.json"]


def test_json_that_a_person_saved_with_a_mark_of_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "scenes.json").write_text('{"name": "ü"}', "utf-8-sig")
    assert read_json(tmp_path / "scenes.json") == {"name": "ü"}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e999", "9" * 400])
def test_numbers_that_no_float_holds_are_no_json(number: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"figures": [1e300, 123456789012345678901234567890, {number}]}}')
    with pytest.raises(DamagedDataError, match="no number of JSON"):
        read_json(path)
