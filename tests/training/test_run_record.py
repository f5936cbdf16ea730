"""The folder of a run: what is in it already, what others do to it meanwhile, and runs that are given more steps."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from ravens_suite.cli.main import main
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.run_record import commands_of
from ravens_suite.errors import ConflictError, MissingDataError
from ravens_suite.registry import load_agent
from ravens_suite.report.training_logs import read_scalars
from ravens_suite.training import learnt_from, moved_data, resolved_config, run_record
from ravens_suite.training.loop import train
from tests.training.plans import PLAN, KilledError, changed, record, weights


def test_the_command_says_where_a_run_stands(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    given = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--data", str(data), "--out", str(run)]
    command = ["train", "state-mlp", "block-insertion", *given]
    assert main(command) == 0
    assert record(run)["data"] == str(data) and "step 2." not in capsys.readouterr().out
    assert main(command) == 0
    assert f"{run}: is finished, after step 2." in capsys.readouterr().out
    assert main([*command, "--seed", "5"]) == 1
    out, err = capsys.readouterr()
    assert "step 2." not in out and "seed 0, not 5" in err


def test_a_finished_run_is_left_as_it_is(data: Path, tmp_path: Path) -> None:
    first = train(PLAN, data, tmp_path)

    def never(done: int, total: int, note: str = "") -> None:
        raise AssertionError("trained again")

    assert train(PLAN, data, tmp_path, on_progress=never) == first
    found = record(tmp_path)
    assert found["finished"] and len(found["demonstrations"]["block-insertion"]) == 2 and found["command"]
    assert found["selection"] == "last weights"


@pytest.mark.parametrize(("killed_at", "commit"), [(1, "new"), (5, "old and new")])
def test_a_run_that_newer_code_finished_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int, commit: str
) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == killed_at:
            raise KilledError

    monkeypatch.setattr("ravens_suite.training.run_record.provenance", lambda: {"commit": "old", "command": "first"})
    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path, save_every=2, on_progress=kill)
    monkeypatch.setattr("ravens_suite.training.run_record.provenance", lambda: {"commit": "new", "command": "second"})
    train(PLAN, data, tmp_path, save_every=2)
    assert record(tmp_path)["commit"] == commit


def test_another_plan_is_refused(data: Path, tmp_path: Path) -> None:
    train(PLAN, data, tmp_path)
    with pytest.raises(ConflictError, match="seed 0, not 1"):
        train(changed(seed=1), data, tmp_path)


MLP = {"agent": "state-mlp", "config": {"width": 8, "batch": 4}}


def test_a_finished_run_that_is_given_more_steps_equals_one_that_had_them_from_the_start(
    data: Path, tmp_path: Path
) -> None:
    whole = train(changed(steps=6, **MLP), data, tmp_path / "whole")
    train(changed(steps=4, **MLP), data, tmp_path / "run")
    steps: list[int] = []
    more = train(
        changed(steps=6, **MLP), data, tmp_path / "run", on_progress=lambda done, total, note="": steps.append(done)
    )
    assert steps == [5, 6] and more.steps == whole.steps == 6
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    found = record(tmp_path / "run")
    assert found["finished"] and found["plan"]["steps"] == 6
    assert [part["step"] for part in found["continued"]] == [4]
    train(changed(steps=None, agent="state-mlp", config={**MLP["config"], "steps": 7}), data, tmp_path / "run")
    assert [part["step"] for part in record(tmp_path / "run")["continued"]] == [4, 6]


def test_more_steps_of_an_agent_with_a_schedule_are_the_same_however_often_killed(data: Path, tmp_path: Path) -> None:
    """The learning rate goes on where a cycle of six steps has it after three."""

    def kill(done: int, total: int, note: str = "") -> None:
        if done == 5:
            raise KilledError

    for name in ("once", "killed"):
        train(changed(steps=3), data, tmp_path / name)
    train(changed(steps=6), data, tmp_path / "once")
    with pytest.raises(KilledError):
        train(changed(steps=6), data, tmp_path / "killed", save_every=1, on_progress=kill)
    train(changed(steps=6), data, tmp_path / "killed", save_every=1)
    assert weights(tmp_path / "killed") == weights(tmp_path / "once")
    assert load_agent("transporter").scheduled and not load_agent("state-mlp").scheduled


def test_steps_are_not_taken_back_and_an_unfinished_run_is_finished_first(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(changed(steps=4, **MLP), data, tmp_path, on_progress=kill)
    with pytest.raises(ConflictError, match="steps 4, not 6, which is not finished"):
        train(changed(steps=6, **MLP), data, tmp_path)
    train(changed(steps=4, **MLP), data, tmp_path)
    with pytest.raises(ConflictError, match="steps 4, not 3: a run can be given more steps, but not fewer"):
        train(changed(steps=3, **MLP), data, tmp_path)
    RunFolder(tmp_path).training.unlink()
    with pytest.raises(MissingDataError, match="cannot be given more steps"):
        train(changed(steps=6, **MLP), data, tmp_path)


def test_two_trainings_into_one_folder_at_once_are_refused(data: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def second(done: int, total: int, note: str = "") -> None:
        if done == 1:
            with pytest.raises(ConflictError, match="Another process is training into") as refused:
                train(changed(steps=2, **MLP), data, tmp_path)
            said.append(str(refused.value))

    train(changed(steps=2, **MLP), data, tmp_path, on_progress=second)
    assert len(said) == 1 and record(tmp_path)["finished"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(list(RunFolder(tmp_path).logs.iterdir())) == 1


def test_what_killed_trainings_left_half_written_is_removed(data: Path, tmp_path: Path) -> None:
    train(changed(steps=2, **MLP), data, tmp_path)
    name = ".weights.safetensors.0123456789abcdef0123456789abcdef.tmp"
    left = [folder / name for folder in (tmp_path, RunFolder(tmp_path).policy.path)]
    for path in left:
        path.touch()
    train(changed(steps=3, **MLP), data, tmp_path)
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("out", ["file", "file/run"])
def test_a_run_cannot_lie_in_a_file(data: Path, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    options = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--data", str(data)]
    assert main(["train", "state-mlp", "block-insertion", *options, "--out", str(tmp_path / out)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1 and "a file lies where a folder is needed" in complaint


@pytest.mark.parametrize("refused", [1, 2, 3, 4, 5])
def test_a_write_that_is_refused_is_one_line_and_the_run_then_goes_on_to_the_same_bytes(
    data: Path, tmp_path: Path, refused: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--threads", "1", "--config", '{"width": 8}']
    command = ["train", "state-mlp", "block-insertion", *options, "--data", str(data), "--out"]
    assert main([*command, str(tmp_path / "whole")]) == 0
    capsys.readouterr()
    real, calls = os.fsync, []

    def fill(number: int) -> None:
        calls.append(number)
        if len(calls) == refused:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill)
        assert main([*command, str(tmp_path / "run")]) == 1
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ravens-suite: ")]
    assert len(complaint) == 1 and "the disk is full: free some space" in complaint[0]
    assert not list((tmp_path / "run").rglob(".*"))
    assert main([*command, str(tmp_path / "run")]) == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_curves_that_cannot_be_written_are_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    def fill(writer: RecordWriter, record: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    options = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--data", str(data), "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(RecordWriter, "write", fill)
        assert main(["train", "state-mlp", "block-insertion", *options]) == 1
    assert "the disk is full" in capsys.readouterr().err.splitlines()[-1]
    assert main(["train", "state-mlp", "block-insertion", *options]) == 0


def test_the_curve_of_validation_keeps_the_step_at_which_a_run_goes_on(data: Path, tmp_path: Path) -> None:
    def run(steps: int, score: float) -> None:
        plan = changed(steps=steps, val_episodes=1, **MLP)
        train(plan, data, tmp_path, evaluate=lambda agent, split, seeds: score)

    logs = RunFolder(tmp_path).logs
    run(2, 30.0)
    (first,) = logs.iterdir()
    # As if both had begun within a second: the later one comes first by its name, which ends in 10.
    first = first.rename(logs / "events.out.tfevents.1700000000.host.1.9")
    run(4, 60.0)
    (second,) = (path for path in logs.iterdir() if path != first)
    second.rename(first.with_suffix(".10"))
    curves = read_scalars(logs)
    assert curves["val/mean_score"].x.tolist() == [2, 4] and curves["val/mean_score"].y.tolist() == [30, 60]
    assert curves["train/loss"].x.tolist() == [0, 1, 2, 3]


def test_tasks_and_folders_may_be_named_in_any_order_however_often_a_run_is_killed(data: Path, tmp_path: Path) -> None:
    """Files have names in the order of the alphabet."""

    def kill(done: int, total: int, note: str = "") -> None:
        if done == 3:
            raise KilledError

    folders = [tmp_path / name for name in ("second", "first")]
    for folder, seed in zip(folders, (0, 1), strict=True):
        shutil.copytree(data, folder)
        for path in folder.glob("*/train/*.safetensors"):
            if int(path.stem) != seed:
                path.unlink()
    tasks = ("place-red-in-green", "block-insertion")
    plan = changed(tasks=tasks, demos=1, more_data=tuple(map(str, folders)))
    train(plan, data, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(plan, data, tmp_path / "killed", save_every=2, on_progress=kill)
    train(plan, data, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_a_copy_of_a_run_that_was_given_more_steps_notes_each_command_once() -> None:
    """It keeps after which steps these were given, and its own commands begin with those that gave them."""
    copied = {"command": "train && train on && reconfigure", "continued": [{"step": 2, "command": "train on"}]}
    assert commands_of(copied) == ["train", "train on", "reconfigure"]
    assert commands_of({**copied, "command": ["/bin/train", "a b"]}) == ["train 'a b'", "train on"]


@pytest.mark.parametrize("name", ["demonstrations_of", "named_code", "resolve_config", "with_new_names"])
def test_what_has_a_module_of_its_own_by_now_is_found_where_it_was(name: str) -> None:
    home = {"demonstrations_of": learnt_from, "with_new_names": moved_data}.get(name, resolved_config)
    assert getattr(run_record, name) is getattr(home, name)
