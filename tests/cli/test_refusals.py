"""Whatever the system refuses, at whichever write of whichever command: one line, and the data stay whole.

Each command is run again and again, each time with the next of its calls of the system refused, until it gets through.
What is there then equals what an undisturbed run leaves.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_environment import TASK

from ravens_suite.cli.main import main
from ravens_suite.data.store import EpisodeStore

_CALLS: tuple[tuple[Any, str], ...] = ((os, "fsync"), (Path, "replace"), (Path, "mkdir"), (Path, "open"))
_READS = ("r", "rb")


@contextmanager
def _refused(number: int, index: int) -> Iterator[list[str]]:
    """The ``index``-th call of the system that writes fails; the list holds its name then."""
    happened: list[str] = []
    count = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            mode = str(options.get("mode", arguments[1] if len(arguments) > 1 else "r"))
            if name != "open" or mode not in _READS:
                count += 1
                if count == index:
                    happened.append(name)
                    raise OSError(number, os.strerror(number), *([] if name == "fsync" else [str(arguments[0])]))
            return real(*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _CALLS:
            patch.setattr(owner, name, wrap(name, getattr(owner, name)))
        yield happened


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _tree(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def _disturb(command: list[str], number: int, capsys: pytest.CaptureFixture[str], *, every: int = 1) -> int:
    """Run a command until it gets through; how often it was refused. ``every``: leave out some of the calls."""
    for index in range(1, 400, every):
        with _refused(number, index) as happened:
            status = main(command)
        complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ravens-suite: ")]
        if not happened:
            assert status == 0, complaint
            return index // every
        if status == 0:  # What could not be removed or made is no loss.
            continue
        assert status == 1 and len(complaint) == 1, (happened, complaint)
        assert os.strerror(number).split()[0].lower() in complaint[0].lower() or ": " in complaint[0]
    raise AssertionError("it never gets through")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_collect(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["collect", TASK, "--episodes", "3", "--workers", "1", "--data"]
    assert main([*command, "whole"]) == 0
    assert _disturb([*command, "disturbed"], number, capsys) > 8
    assert _tree("disturbed") == _tree("whole")
    store = EpisodeStore.of("disturbed", TASK, "train")
    assert all(store.intact(seed) for seed in store.seeds())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_evaluate(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "oracle", TASK, "--episodes", "3", "--workers", "1", "--record", "table.csv", "--out"]
    assert main([*command, "whole"]) == 0
    whole = Path("table.csv").read_bytes()
    Path("table.csv").unlink()
    assert _disturb([*command, "disturbed"], number, capsys) > 4
    assert Path("table.csv").read_bytes() == whole
    assert list(_tree("disturbed")) == ["test.json"]


def test_view(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "d"]) == 0
    episode = f"d/{TASK}/train/000000.safetensors"
    for form in ("html", "png"):
        assert _disturb(["view", episode, "--format", form, "--out", f"out/page.{form}"], errno.ENOSPC, capsys) >= 3
    assert sorted(_tree("out")) == ["page.html", "page.png"]


@pytest.mark.parametrize(
    "command",
    [
        ["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "file"],
        ["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "file/below"],
        ["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "x" * 300],
        ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", "file"],
        ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", "x" * 300],
        ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--record", "folder"],
        ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--record", "file/table.csv"],
        ["view", "folder"],
        ["view", "x" * 300],
        ["view", "episode", "--out", "file/page.html"],
        ["view", "episode", "--out", "folder.html"],
        ["report", "file"],
        ["report", "folder"],
        ["report", "x" * 300],
        ["export", "file"],
        ["export", "x" * 300],
        ["export", "d", "--out", "file"],
        ["tasks", "--gallery", "file/sheet"],
        ["train", "state-mlp", "block-insertion", "--data", "file"],
        ["train", "state-mlp", "block-insertion", "--data", "x" * 300],
        ["benchmark", "--agents", "state-mlp", "--tasks", "block-insertion", "--out", "file"],
        ["benchmark", "--agents", "state-mlp", "--tasks", "block-insertion", "--out", "file/below"],
        ["quickstart", "--out", "file"],
        ["quickstart", "--out", "x" * 300],
    ],
    ids=" ".join,
)
def test_what_lies_in_the_way_is_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_bytes(b"mine")
    Path("folder").mkdir()
    Path("folder.html").mkdir()
    if {"d", "episode"} & set(command):
        assert main(["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "d"]) == 0
        command = [word.replace("episode", f"d/{TASK}/train/000000.safetensors") for word in command]
        capsys.readouterr()
    monkeypatch.setattr("ravens_suite.report.gallery._strip", lambda *_: __import__("numpy").zeros((2, 2, 3), "uint8"))
    assert main(command) == 1
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ravens-suite: ")]
    assert len(complaint) == 1 and "Traceback" not in complaint[0]
    assert Path("file").read_bytes() == b"mine"


def test_a_folder_that_is_removed_meanwhile_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    from ravens_suite.rollout import collect as module

    real = module.DemonstrationWorker._try

    def remove(worker: Any, environment: Any, policy: Any, store: EpisodeStore, unit: Any, seed: int) -> Any:
        attempt = real(worker, environment, policy, store, unit, seed)
        if seed == 2:
            shutil.rmtree("d")
        return attempt

    command = ["collect", TASK, "--episodes", "3", "--workers", "1", "--data", "d"]
    with monkeypatch.context() as patch:
        patch.setattr(module.DemonstrationWorker, "_try", remove)
        assert main(command) == 1
    assert "removed meanwhile" in capsys.readouterr().err.splitlines()[-1]
    assert main(command) == 0
    store = EpisodeStore.of("d", TASK, "train")
    assert store.seeds() == [0, 2, 3] and all(store.intact(seed) for seed in store.seeds())


def _trained(out: str) -> list[str]:
    options = ["--demos", "1", "--steps", "3", "--val-episodes", "0", "--threads", "1", "--data", "d"]
    return ["train", "state-mlp", "align-box-corner", *options, "--out", out]


@pytest.fixture
def _with_data() -> None:
    options = ["--episodes", "1", "--workers", "1", "--observe", "images", "state", "--image-size", "16", "16"]
    assert main(["collect", "align-box-corner", *options, "--data", "d"]) == 0


@pytest.mark.usefixtures("_with_data")
def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_trained("run")) == 0
    Path("out").mkdir()
    Path("out/page.html").write_bytes(b"the page before")
    command = ["report", "run", "--films", "0", "--scenes", "0", "--out", "out/page.html"]
    with _refused(errno.ENOSPC, 1):
        assert main(command) == 1
    assert _tree("out") == {"page.html": b"the page before"}
    capsys.readouterr()
    assert _disturb(command, errno.ENOSPC, capsys) >= 2
    assert list(_tree("out")) == ["page.html"] and _tree("out")["page.html"] != b"the page before"


@pytest.mark.usefixtures("_with_data")
@pytest.mark.parametrize("form", ["minari", "lerobot"])
def test_export_and_import(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip({"minari": "minari", "lerobot": "pyarrow"}[form])
    there = ["export", "d", "--to", form, "--out", "disturbed"]
    assert _disturb(there, errno.ENOSPC, capsys, every=4) >= 2
    assert _disturb(["import", "disturbed", "--from", form, "--out", "back"], errno.ENOSPC, capsys, every=4) >= 2
    name = "align-box-corner/train/000000.safetensors"
    assert Path("back", name).exists()
    assert not [path for path in _tree(".") if ".tmp" in path or "unfinished" in path or ".lock" in path]


@pytest.mark.usefixtures("_with_data")
def test_an_export_to_minari_begins_no_episode_without_room_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """HDF5 would end the process when it closes a file on a full disk."""
    pytest.importorskip("minari")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
        assert main(["export", "d", "--to", "minari", "--out", "out"]) == 1
    assert "the disk is full" in capsys.readouterr().err.splitlines()[-1]
    assert _tree("out") == {}
    assert main(["export", "d", "--to", "minari", "--out", "out"]) == 0
