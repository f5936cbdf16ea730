"""Commands on several tasks: what one of them refuses is said before another one is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from ravens_suite.cli.main import main
from ravens_suite.registry import load_task
from ravens_suite.rollout import evaluation_plan
from ravens_suite.tasks.sentences import Sentences

FIRST, SECOND = "block-insertion", "build-tower"
HELD_OUT = ["--environment", '{"wording": "held-out"}']
"""Sentences that the first task has; from the second they are taken."""
REFUSAL = "build-tower has no held-out forms"


@pytest.fixture(autouse=True)
def run_of_two_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle passes for a run that was trained on both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load_task(SECOND)[0], "sentences", Sentences())
    monkeypatch.setattr(evaluation_plan, "tasks_of", lambda policy: (FIRST, SECOND))


@pytest.mark.parametrize("command", ["evaluate", "robustness", "probe-language", "calibrate"])
def test_what_the_second_task_refuses_is_said_before_the_first_is_evaluated(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "oracle", *HELD_OUT, "--episodes", "1", "--workers", "1", "--out", "out"]) == 1
    assert REFUSAL in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_weak_spots_are_searched_for_in_tasks_that_can_all_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weakspots", "oracle", *HELD_OUT, "--budget", "1", "--workers", "1", "--out", "out"]) == 1
    assert REFUSAL in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_an_axis_that_the_second_task_has_not_is_refused_before_the_first_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--axes", "instruction", "--grades", "2", "--observe", "instruction", "--episodes", "1"]
    assert main(["robustness", "oracle", *options, "--workers", "1", "--out", "out"]) == 1
    assert f"{SECOND} has no paraphrases" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_collect_refuses_before_anything_is_collected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--episodes", "1", "--workers", "1", "--image-size", "48", "64"]
    assert main(["collect", FIRST, SECOND, *small, *HELD_OUT]) == 1
    said = capsys.readouterr().err
    assert REFUSAL in said and "note:" not in said, "nothing is warned of that is not done"
    assert not [*tmp_path.iterdir()]

    assert main(["collect", SECOND, *small]) == 0
    larger = [*small[:-2], "48", "80"]
    assert main(["collect", FIRST, SECOND, *larger]) == 1
    assert "collected with other settings" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "data").iterdir()] == [SECOND]


@pytest.mark.parametrize("wrong", ["--episodes 0", "--workers 0", "--explore 2", "--policy nobody", "--engine ships"])
def test_collect_warns_of_nothing_that_it_refuses(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "put-block-in-bowl", *wrong.split()]) == 1
    assert "note:" not in capsys.readouterr().err
