"""What a report shows of whether a policy listens, and of rules that it broke."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.language_probes import SENTENCES, FirstChoice, ProbedEpisode
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.insight.language_probe import file_name
from ravens_suite.report import sections
from ravens_suite.report.bars import Bar, bar_chart
from ravens_suite.report.page import write_report
from ravens_suite.rollout.replay import Decision

TASK = "put-block-in-bowl-seen"


def write_evaluation(folder: Path, outcomes: list[EpisodeOutcome]) -> None:
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
        "results": [outcome.to_json() for outcome in outcomes],
    }
    (folder / "test.json").write_text(json.dumps(value))


def write_probe(folder: Path, **changed: Any) -> Path:
    rows = []
    for seed in range(4):
        for kind in SENTENCES:
            right = kind in ("own", "paraphrase")
            told = None if kind in ("nonsense", "empty") else True
            first = {"pick": FirstChoice(0.25, right, told)}
            rows.append(ProbedEpisode(seed, kind, f"<{kind}> {seed}", float(right), right, 2, "done", first).to_json())
    path = folder / "probes" / file_name("test", TASK)
    path.parent.mkdir()
    path.write_text(json.dumps({"policy": {"fingerprint": ""}, "results": rows, **changed}))
    return path


@pytest.fixture(autouse=True)
def _no_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "replay", lambda *args, **options: {})


def solved(count: int) -> list[EpisodeOutcome]:
    return [EpisodeOutcome(seed, 1.0, True, 1, "done") for seed in range(count)]


def test_a_probe_is_a_chart_and_a_table_with_chance(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "random", solved(4))
    write_probe(tmp_path / "random")
    page = write_report(tmp_path).path.read_text()
    section = page[page.index("Does it listen?") :]
    assert section.count("chance 25.0") == len(SENTENCES)
    assert all(name.replace("'", "&#39;") in section for name in SENTENCES.values())
    assert "&lt;nonsense&gt; 0" in section
    assert "Told of another object, 100.0 % of first picks were on that." in section
    assert section.count('class="mark"') == len(SENTENCES)


@pytest.mark.parametrize("changed", [{"results": [{}]}, {"policy": None}, {"definition": {"goals": "others"}}])
def test_a_probe_that_is_damaged_or_of_another_task_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: dict[str, Any]
) -> None:
    write_evaluation(tmp_path / "random", solved(1))
    path = write_probe(tmp_path / "random", **changed)
    assert "Does it listen?" not in write_report(tmp_path).path.read_text()
    assert path.name in caplog.text


def test_broken_rules_are_counted_apart_from_what_is_unfinished(tmp_path: Path) -> None:
    broken = EpisodeOutcome(0, 0.0, False, 3, "failed: a block is past the line", {"block": False})
    unfinished = EpisodeOutcome(1, 0.5, False, 8, "step limit", {"block": False})
    write_evaluation(tmp_path / "random", [broken, unfinished, EpisodeOutcome(2, 1.0, True, 1, "done")])
    page = write_report(tmp_path).path.read_text()
    assert "1 broke a rule" in page
    assert "2 of 3 test episodes ended with a goal not met, 1 of them because a rule of the task was broken" in page


def test_a_push_is_no_pick_that_lifted_nothing() -> None:
    pushes = tuple({"outcome": "done", "grasped": False} for _ in range(3))
    assert "lifted" not in sections._what_happened(EpisodeOutcome(0, 0.0, False, 3, "step limit", {}, pushes))
    picks = ({"outcome": "nothing gripped", "grasped": False}, {"outcome": "done", "grasped": True})
    assert "1 pick lifted nothing." in sections._what_happened(
        EpisodeOutcome(0, 0.0, False, 2, "step limit", {}, picks)
    )


def test_bars_keep_inside_their_frame() -> None:
    assert bar_chart([], ["score"], "percent") == ""
    svg = bar_chart([("<a>", [Bar(50.0, 40.0, 60.0, mark=25.0)]), ("b", [Bar(None)])], ["score"], "percent")
    assert "&lt;a&gt;" in svg
    assert svg.count("<rect") == 1


def test_a_scene_says_what_the_policy_was_told() -> None:
    said = ["put the <red> ring on the plate", "put the <red> ring on the plate", "", "the task is finished"]
    decisions = [Decision({}, {}, told) for told in said]
    assert sections._told(decisions) == "Told: put the <red> ring on the plate; then: the task is finished."
    assert sections._told([Decision({}, {})]) == ""


def test_a_policy_that_was_only_probed_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "wave").mkdir()
    policy = {"kind": "import", "name": "wave.py:wave", "fingerprint": ""}
    write_probe(tmp_path / "wave", task=TASK, policy=policy)
    page = write_report(tmp_path).path.read_text()
    assert "Does it listen?" in page and "Nothing was evaluated on test scenes yet" in page
