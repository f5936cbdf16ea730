"""Copies of the weights along the way, and runs without some of their demonstrations."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.cli.commands.influence import _say_cleaned
from ravens_suite.cli.console import Console
from ravens_suite.cli.main import main
from ravens_suite.data.named_seeds import read_seeds
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.insight import cleaning
from ravens_suite.training.loop import kept_steps, train
from ravens_suite.training.settings import TrainingPlan
from tests.training.plans import KilledError, changed, record, weights

PLAN = changed(agent="state-mlp", config={"width": 8}, demos=3, keep_checkpoints=3)
TASK = PLAN.tasks[0]


@given(st.integers(1, 10_000), st.integers(0, 1000))
def test_copies_are_closer_at_the_beginning_and_the_last_is_of_the_last_step(steps: int, count: int) -> None:
    kept = sorted(kept_steps(steps, count))
    assert all(1 <= step <= steps for step in kept) and len(kept) <= count
    assert not count or kept[-1] == steps
    gaps = [later - earlier for earlier, later in pairwise([0, *kept])]
    assert all(later >= earlier - 1 for earlier, later in pairwise(gaps))


def test_a_killed_run_keeps_the_same_copies(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 4:
            raise KilledError

    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    train(PLAN, data, whole.path)
    with pytest.raises(KilledError):
        train(PLAN, data, killed.path, save_every=3, on_progress=kill)
    train(PLAN, data, killed.path)
    assert list(whole.checkpoints()) == list(killed.checkpoints()) == [1, 3, 6]
    for step, folder in whole.checkpoints().items():
        assert folder.fingerprint() == killed.checkpoint(step).fingerprint()
    assert whole.checkpoint(6).weights.read_bytes() == weights(whole.path)
    assert whole.checkpoint(1).weights.read_bytes() != weights(whole.path)


def test_keeping_copies_changes_no_weights(data: Path, tmp_path: Path) -> None:
    train(PLAN, data, tmp_path / "with")
    train(replace(PLAN, keep_checkpoints=0), data, tmp_path / "without")
    assert weights(tmp_path / "with") == weights(tmp_path / "without")
    assert not RunFolder(tmp_path / "without").checkpoints()


def test_a_run_without_some_demonstrations_says_which(data: Path, tmp_path: Path) -> None:
    train(replace(PLAN, drop={TASK: (2, 0)}), data, tmp_path)
    chosen = record(tmp_path)
    assert chosen["demonstrations"] == {TASK: [1]}
    assert chosen["plan"]["drop"] == {TASK: [0, 2]}
    plan = TrainingPlan.from_json(chosen["plan"])
    assert plan.name.endswith("-3-0-without-2")
    assert train(plan, data, tmp_path).steps == 6, "it goes on by its own plan"
    with pytest.raises(ConflictError, match="drop"):
        train(PLAN, data, tmp_path)


def test_a_run_that_was_cleaned_already_is_not_said_to_have_all_demonstrations(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = Summary.of([EpisodeOutcome(0, 1.0, True, 1, "done")])
    monkeypatch.setattr(cleaning, "evaluate", lambda *policy, **options: SimpleNamespace(summary=summary))
    train(PLAN, data, tmp_path / "run")
    first = cleaning.train_without(tmp_path / "run", data, {TASK: [0]}, val_episodes=1)
    second = cleaning.train_without(first.run, data, {TASK: [2]}, val_episodes=1)
    assert record(second.run)["demonstrations"] == {TASK: [1]}
    assert second.run.name == "run-without-1-without-2", "all that it lacks"
    for cleaned in (first, second):
        _say_cleaned(Console(), cleaned)
    plain, again = [line for line in capsys.readouterr().out.splitlines() if "validation scenes" in line]
    assert plain.endswith(") without 1.") and ") with all demonstrations, " in plain
    assert again.endswith(") without 1 more.") and ") without the 1 left out before, " in again
    assert "left_out_before" not in first.to_json() and second.to_json()["left_out_before"] == 1


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        ({TASK: (7,)}, "7 of block-insertion cannot be left out"),
        ({TASK: (0, 1, 2)}, "No demonstration of block-insertion would be left"),
        ({"place-red-in-green": (0,)}, "place-red-in-green cannot be left out"),
    ],
)
def test_what_cannot_be_left_out_is_refused(
    data: Path, tmp_path: Path, drop: dict[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(replace(PLAN, drop=drop), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_plans_of_earlier_versions_go_on(data: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, keep_checkpoints=0)
    train(plan, data, tmp_path)
    old = record(tmp_path)
    earlier = {key: value for key, value in old["plan"].items() if key not in ("keep_checkpoints", "drop", "until")}
    RunFolder(tmp_path).write_record({**old, "plan": earlier})
    assert train(plan, data, tmp_path).steps == 6


@pytest.mark.parametrize("text", ["{", "[1]", '{"block-insertion": 1}', '{"block-insertion": ["a"]}'])
def test_a_file_of_seeds_that_says_something_else_is_refused_in_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drop.json").write_text(text)
    command = ["train", "state-mlp", TASK, "--drop-file", str(tmp_path / "drop.json"), "--out", str(tmp_path / "run")]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and "drop.json" in error and "Traceback" not in error


def test_a_seed_that_is_named_twice_is_left_out_once(tmp_path: Path) -> None:
    (tmp_path / "drop.json").write_text(json.dumps({TASK: [4, 17, 4]}))
    dropped = read_seeds(tmp_path / "drop.json")
    assert dropped == {TASK: [4, 17]} and replace(PLAN, drop=dropped).name.endswith("-without-2")


def test_the_command_line_keeps_copies_and_leaves_demonstrations_out(data: Path, tmp_path: Path) -> None:
    (tmp_path / "drop.json").write_text(json.dumps({TASK: [1]}))
    options = ["--demos", "3", "--steps", "4", "--val-episodes", "0", "--threads", "1", "--keep-checkpoints", "2"]
    files = ["--data", str(data), "--out", str(tmp_path / "run"), "--drop-file", str(tmp_path / "drop.json")]
    assert main(["train", "state-mlp", TASK, *options, *files]) == 0
    assert record(tmp_path / "run")["demonstrations"] == {TASK: [0, 2]}
    assert list(RunFolder(tmp_path / "run").checkpoints()) == [1, 4]
