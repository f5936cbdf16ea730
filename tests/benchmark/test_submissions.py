"""Scores files for the leaderboard: what is taken, what is refused, and in which words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.benchmark.submissions import read_submission, result_of, submission_faults, submission_schema
from ravens_suite.cli.main import main
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.errors import MissingDataError, SubmissionError

SEEDS = 100


def _evaluation(tmp_path: Path, **changed: Any) -> Path:
    """What ``evaluate`` writes, of a policy that solves two of three scenes and half of each other one."""
    outcomes = [
        EpisodeOutcome(seed, 0.5 if seed % 3 == 0 else 1.0, seed % 3 != 0, 2, "done", {"block": True})
        for seed in range(SEEDS)
    ]
    record = {
        "task": "block-insertion",
        "split": "test",
        **Summary.of(outcomes).to_json(),
        "provenance": {"command": "ravens-suite evaluate", "commit": "abc"},
        "results": [outcome.to_json() for outcome in outcomes],
        **changed,
    }
    path = tmp_path / "test.json"
    path.write_text(json.dumps(record))
    return path


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Any]:
    row = result_of(
        _evaluation(tmp_path),
        demos=10,
        seed=0,
        train_seconds=412.5,
        hardware="1 core, AMD Zen 4",
        observation_keys=["color", "depth"],
        selection="last weights",
    )
    return {"format": 1, "agent": "mine", "description": "A policy of mine, trained on images.", "results": [row]}


def _write(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_what_an_evaluation_gave_is_taken(good: dict[str, Any], tmp_path: Path) -> None:
    (row,) = read_submission(_write(tmp_path, good)).results
    assert (row.task, row.demos, row.episodes, row.hardware) == ("block-insertion", 10, SEEDS, "1 core, AMD Zen 4")
    assert row.mean_score == pytest.approx(83.0) and row.success_rate == pytest.approx(66.0)
    assert row.success_rate_interval[0] < 66 < row.success_rate_interval[1]


def test_an_entry_of_numpys_numbers_and_one_key_is_json(tmp_path: Path) -> None:
    """As a loop over arrays gives them; letters of the key were taken for keys."""
    row = result_of(
        _evaluation(tmp_path),
        demos=np.int64(10),
        seed=np.int32(0),
        train_seconds=np.float64(412.5),
        hardware="1 core",
        observation_keys="state",
        selection="last weights",
    )
    file = {"format": 1, "agent": "mine", "description": "A policy of mine.", "results": [row]}
    (read,) = read_submission(_write(tmp_path, json.dumps(file))).results
    assert (read.demos, read.seed, read.train_seconds, read.observation_keys) == (10, 0, 412.5, ("state",))


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        value[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("results", 0, "mean_score", to=93.0), "results[0].mean_score: 93.0, but the outcomes give 83.0"),
        (_set("results", 0, "mean_score", to=183.0), "results[0].mean_score: 183.0 is more than 100"),
        (
            _set("results", 0, "success_rate_interval_95", to=[60, 70]),
            "results[0].success_rate_interval_95: [60, 70], but",
        ),
        (_set("results", 0, "outcomes", 7, "seed", to=107), "results[0].outcomes[7].seed: 107; test seeds are 0, 1, 2"),
        (_set("results", 0, "outcomes", 7, "success", to=1), "results[0].outcomes[7].success: 1 is not true or false"),
        (_set("results", 0, "task", to="block-insertoin"), "results[0].task: There is no task named 'block-insertoin'"),
        (_set("results", 0, "episodes", to=101), "results[0].episodes: 101, but there are 100 outcomes"),
        (_set("results", 0, "demos", to="10"), 'results[0].demos: "10" is not a whole number'),
        (_set("results", 0, "demonstrations", to=10), 'results[0]: there is no field "demonstrations"'),
        (_set("format", to=2), "format: 2 must be 1"),
        (_set("link", to="javascript:x"), 'link: "javascript:x" is not of the form'),
        (_set("agent", to="two\nlines"), r'agent: "two\nlines" is not of the form'),
        (_set("agent", to="one\n"), r'agent: "one\n" is not of the form'),
        (_set("agent", to="\ud800"), r'agent: "\ud800" is not of the form'),
        (
            lambda value: value["results"].append(value["results"][0]),
            "results[1]: block-insertion from 10 demonstrations",
        ),
        (
            lambda value: value["results"][0].pop("selection"),
            "results[0]: 'selection' is missing (How its weights were",
        ),
        (lambda value: value["results"][0]["outcomes"].pop(), "results[0].outcomes: 99 items are fewer than 100"),
    ],
)
def test_a_broken_rule_is_one_line(
    good: dict[str, Any],
    change: Callable[[Any], None],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = copy.deepcopy(good)
    change(wrong)
    path = _write(tmp_path, wrong)
    assert main(["check-submission", str(path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"ravens-suite: {path}: {said}"), complaint
    assert complaint.count("\n") == 1


def test_several_faults_are_a_line_each_and_not_without_end(good: dict[str, Any], tmp_path: Path) -> None:
    for outcome in good["results"][0]["outcomes"]:
        outcome["score"] = "high"
    with pytest.raises(SubmissionError, match="more than 20 faults") as caught:
        read_submission(_write(tmp_path, good))
    assert len(caught.value.__notes__) == 20
    assert caught.value.__notes__[3] == '  results[0].outcomes[3].score: "high" is not a number'


@pytest.mark.parametrize(
    "text", ["", "{", "[1", '{"format": NaN}', '{"format": 1, "format": 1}', "[" * 100_000, "null"]
)
def test_what_is_no_json_object_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"mine\.json"):
        read_submission(_write(tmp_path, text))


def test_a_file_that_an_editor_saved_with_a_mark_of_utf_8_is_read(good: dict[str, Any], tmp_path: Path) -> None:
    path = _write(tmp_path, good)
    read = read_submission(path)
    path.write_text(path.read_text(), "utf-8-sig")
    assert read_submission(path) == read


def test_no_file_is_named_as_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MissingDataError, match=r"none\.json"):
        read_submission(tmp_path / "none.json")
    assert main(["check-submission", str(tmp_path)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_the_command_says_what_it_found(
    good: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-submission", str(_write(tmp_path, good)), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["results"] == 1
    assert "block-insertion, 10 demonstrations, seed 0: mean score 83.0, success rate 66.0 % (56.3 to 74.5)" in err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_any_field_of_any_kind_is_refused_or_taken_but_never_a_failure(data: st.DataObject) -> None:
    value: Any = {
        "format": 1,
        "agent": "mine",
        "description": "A policy of mine.",
        "results": [_row()],
    }
    outer, name = value, data.draw(st.sampled_from(sorted(value)))
    while isinstance(outer[name], dict | list) and outer[name] and data.draw(st.booleans()):
        outer = outer[name]
        name = data.draw(st.sampled_from(sorted(outer) if isinstance(outer, dict) else range(len(outer))))
    outer[name] = data.draw(JSON)
    assert not [fault for fault in submission_faults(value) if "\n" in fault]


def _row() -> dict[str, Any]:
    row: dict[str, Any] = {"task": "block-insertion", "demos": 1, "seed": 0, "train_seconds": 1, "hardware": "a CPU"}
    row |= {"observation_keys": ["state"], "selection": "last weights"}
    outcomes = [EpisodeOutcome(seed, 1.0, True, 1, "done") for seed in range(SEEDS)]
    figures = Summary.of(outcomes).to_json()
    del figures["mean_steps"], figures["failures"]
    seeds = [{"seed": seed, "score": 1.0, "success": True} for seed in range(SEEDS)]
    return {**row, **figures, "outcomes": seeds}


def test_the_row_of_the_other_test_holds_to_the_rules() -> None:
    value = {"format": 1, "agent": "mine", "description": "A policy of mine.", "results": [_row()]}
    assert list(submission_faults(value)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"split": "val"}, "of the split val"),
        ({"results": [{}]}, "no evaluation"),
        ({"results": 3}, "no evaluation"),
        ({"arguments": 3}, "no evaluation"),
        (
            {"task": "build", "arguments": {"structure": [[0, 0, 0]], "image_size": [48, 64]}},
            r"is of build with structure \[\[0, 0, 0\]\]: the leaderboard has each task as it is",
        ),
        ({"arguments": {"perturb": {"light": 1.0}}}, r"is of .* with perturb \{'light': 1.0\}"),
        ({"arguments": {"distractors": 2, "camera_noise": 1.0, "perturb": {}}}, "with distractors 2: the leaderboard"),
        (
            {"watch": {"name": "progress", "stop_at": 0.5}, "arguments": {"ends_when_done": False}},
            "as a forecaster ended its episodes",
        ),
    ],
)
def test_a_row_is_made_of_evaluations_on_test_seeds_only(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    seen = {"arguments": {"image_size": [48, 64], "observe": ["state"]}, "watch": {"name": "progress", "stop_at": None}}
    with pytest.raises(SubmissionError, match=said):
        result_of(
            _evaluation(tmp_path, **seen | changed),
            demos=1,
            seed=0,
            train_seconds=0,
            hardware="a CPU",
            observation_keys=[],
            selection="none",
        )


def test_the_schema_is_one_of_json_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(submission_schema())


def test_figures_may_be_rounded_to_a_hundredth(good: dict[str, Any]) -> None:
    row = good["results"][0]
    row["mean_score"] = float(np.round(row["mean_score"], 2))
    row["success_rate_interval_95"] = [round(bound, 2) for bound in row["success_rate_interval_95"]]
    assert list(submission_faults(good)) == []
