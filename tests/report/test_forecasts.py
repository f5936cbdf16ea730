"""What a report shows of a forecaster that watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.core.forecast import Forecast
from ravens_suite.data.outcomes import STOPPED, EpisodeOutcome, Summary
from ravens_suite.errors import MissingDataError
from ravens_suite.report import sections
from ravens_suite.report.forecasts import forecast_section, warning_words, warnings_of
from ravens_suite.report.page import write_report
from ravens_suite.report.runs import find_runs
from tests.report.written_runs import write_run

TASK = "towers-of-hanoi"


def outcome(seed: int, failing: list[float], *, success: bool = False) -> EpisodeOutcome:
    said = tuple(Forecast(0.5, value, 0.0).to_json() for value in failing)
    steps = len(failing) - 1
    return EpisodeOutcome(seed, 0.5, success, steps, "done", rewards=(0.0,) * steps, forecasts=said)


def write_evaluation(folder: Path, outcomes: list[EpisodeOutcome], **more: Any) -> None:
    folder.mkdir(parents=True)
    value = {
        "policy": {"kind": "random", "name": "random"},
        "task": TASK,
        "split": "test",
        "arguments": {},
        **Summary.of(outcomes).to_json(),
        "seconds": 9.0,
        "renderer": "none",
        "provenance": {},
        "results": [each.to_json() for each in outcomes],
        **more,
    }
    (folder / "test.json").write_text(json.dumps(value))


@pytest.fixture(autouse=True)
def _no_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "replay", lambda *args, **options: {})


def test_early_warnings_are_counted_and_drawn(tmp_path: Path) -> None:
    failed = [outcome(seed, [0.1, 0.9, 0.9, 0.9, 0.9]) for seed in range(3)]
    solved = [outcome(seed, [0.1, 0.1, 0.1], success=True) for seed in range(3, 7)]
    write_evaluation(tmp_path / "random", [*failed, *solved])
    page = write_report(tmp_path).path.read_text()
    section = page[page.index("<h3>Early warning</h3>") :]
    cells = "".join(f"<td>{cell}</td>" for cell in ("7", "0.500", "3", "3", "3.0", "0 of 4"))
    assert cells in section
    assert "failed episodes" in section and "solved episodes" in section


def test_without_a_forecaster_there_is_no_such_section_and_what_it_stopped_is_no_other_policy(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "random", [EpisodeOutcome(0, 1.0, True, 1, "done")])
    write_evaluation(tmp_path / "random" / STOPPED, [outcome(0, [0.9, 0.9, 0.9])])
    stopped = tmp_path / "random" / STOPPED / "watcher-0.5"
    write_evaluation(stopped, [outcome(0, [0.9, 0.9, 0.9])], watch={"stop_at": 0.5})
    report = write_report(tmp_path)
    assert report.runs == 1
    assert "Early warning" not in report.path.read_text()


def test_what_each_forecaster_watched_is_found_beside_the_plain_evaluation_and_without_one(tmp_path: Path) -> None:
    plain, watched = EpisodeOutcome(0, 0.5, False, 4, "done"), {"watch": {"stop_at": None}}
    write_evaluation(tmp_path / "random" / "watched" / "first", [outcome(0, [0.1, 0.9, 0.9, 0.9, 0.9])], **watched)
    (run,) = find_runs(tmp_path)
    assert (run.folder, list(run.watched)) == (tmp_path / "random", ["first"])
    assert run.test == run.watched["first"]
    assert [row.label for row in forecast_section([run]).rows] == ["random"]
    write_evaluation(tmp_path / "random" / "watched" / "second", [outcome(0, [0.1, 0.1, 0.1, 0.1, 0.1])], **watched)
    (tmp_path / "random" / "test.json").write_text((tmp_path / "random/watched/first/test.json").read_text())
    value = json.loads((tmp_path / "random" / "test.json").read_text())
    (tmp_path / "random" / "test.json").write_text(json.dumps({**value, "results": [plain.to_json()], "watch": {}}))
    (run,) = find_runs(tmp_path)
    assert run.test is not None and run.test.outcomes == (plain,) and not run.test.outcomes[0].forecasts
    rows = forecast_section([run]).rows
    assert [(row.label, row.figures.foreseen) for row in rows] == [
        ("random, watched by first", 1),
        ("random, watched by second", 0),
    ]
    assert warnings_of(run, 0) == (
        "The forecaster first said from action 1 on that it would fail. The forecaster second gave no early warning."
    )
    assert warnings_of(run, 5) == ""


def test_what_a_forecaster_watched_of_a_run_on_another_task_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    watched = run / "eval" / "watched" / "first"
    write_evaluation(watched, [outcome(0, [0.1, 0.9, 0.9])], task="build-pallet", watch={"stop_at": None})
    own, other = sorted(find_runs(tmp_path), key=lambda each: each.task)
    assert (own.task, other.task, other.elsewhere) == ("block-insertion", "build-pallet", "block-insertion")
    assert not own.watched and list(other.watched) == ["first"] and other.test == other.watched["first"]


def test_a_failed_episode_says_when_it_was_foreseen() -> None:
    assert warning_words(outcome(0, [0.1, 0.9, 0.9, 0.9])) == "The forecaster said from action 1 on that it would fail."
    assert "from the start" in warning_words(outcome(0, [0.9, 0.9, 0.9]))
    assert warning_words(outcome(0, [0.1, 0.1, 0.9])) == "The forecaster gave no early warning."
    assert warning_words(EpisodeOutcome(0, 0.0, False, 1, "done")) == ""


def test_a_forecaster_of_the_users_own_is_no_agent_beside_others(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text(
        "from ravens_suite.agents.forecasters.progress import Progress\n\n\nclass Mine(Progress):\n    name = 'mine'\n"
    )
    for name, agent in (("progress", "progress"), ("own", f"{code}:Mine"), ("gone", f"{tmp_path}/gone.py:Gone")):
        path = write_run(tmp_path / "runs" / name) / "run.json"
        value = json.loads(path.read_text())
        path.write_text(json.dumps({**value, "plan": {**value["plan"], "agent": agent}}))
    with pytest.raises(MissingDataError, match=r"own holds runs of forecasters alone.*--watch RUN"):
        find_runs(tmp_path / "runs" / "own")
    assert [run.folder.name for run in find_runs(tmp_path / "runs")] == ["gone"]
