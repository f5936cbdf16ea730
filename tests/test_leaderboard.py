"""The leaderboard: everyone's results beside each other, and nobody's text taken for markup."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.benchmark.published import published_scores
from ravens_suite.core.statistics import percent_interval
from ravens_suite.data.tables import read_rows
from ravens_suite.errors import SubmissionError
from ravens_suite.registry import load_agent

_ROOT = Path(__file__).parents[1]
sys.path.append(str(_ROOT / "docs"))

from site_pages import leaderboard, names  # noqa: E402 (found in docs/)


def _submission(**changed: Any) -> dict[str, Any]:
    interval = list(percent_interval([1.0] * 100))
    row = {
        "task": "towers-of-hanoi",
        "demos": 5,
        "seed": 3,
        "episodes": 100,
        "mean_score": 100.0,
        "mean_score_interval_95": interval,
        "success_rate": 100.0,
        "success_rate_interval_95": interval,
        "train_seconds": 7200,
        "hardware": "a | b",
        "observation_keys": ["color", "depth", "camera_intrinsics", "camera_poses", "tip_pose"],
        "selection": "last weights",
        "outcomes": [{"seed": seed, "score": 1.0, "success": True} for seed in range(100)],
    }
    return {"format": 1, "agent": "mine", "description": "A policy of mine.", "results": [row], **changed}


def _write(folder: Path, value: dict[str, Any]) -> Path:
    (folder / "mine.json").write_text(json.dumps(value))
    return folder


def test_every_result_of_ours_and_every_published_one_is_there(tmp_path: Path) -> None:
    rows = list(leaderboard.rows(tmp_path))
    ours = list(read_rows(_ROOT / "results" / "scores.csv"))
    assert len(rows) == len(ours) + len(published_scores())
    first = next(row for row in rows if row.task == ours[0]["task"] and row.agent.endswith("(this suite)"))
    assert first.score == float(ours[0]["score"]) and ours[0]["commit"][:7] in first.source
    assert first.interval and first.strict and "min" in first.training


def test_an_added_file_is_a_row_with_all_that_it_says(tmp_path: Path) -> None:
    (row,) = [row for row in leaderboard.rows(_write(tmp_path, _submission())) if row.agent == "mine"]
    assert (row.task, row.demos, row.seed, row.score) == ("towers-of-hanoi", 5, "3", 100.0)
    assert (row.interval, row.strict) == ("96 to 100", "100 % (96 to 100)")
    assert (row.training, row.reads) == ("2.0 h, a | b", "RGB-D images, cameras, tip\\_pose")


@pytest.mark.parametrize("words", ["<script>x</script>", "[a](http://b.c)", "**", "a`b`", "![](x)", "{download}`x`"])
def test_texts_of_others_are_no_markup(words: str, tmp_path: Path) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    changed = _submission(agent=words, description=f"{words} and more of it")
    (row,) = [row for row in leaderboard.rows(_write(tmp_path, changed)) if row.demos == 5]
    (text,) = markdown_it.MarkdownIt().parseInline(row.agent)
    assert [token.type for token in text.children] == ["text"]
    assert text.children[0].content == words


def test_a_file_that_breaks_a_rule_stops_the_page(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"mine\.json"):
        list(leaderboard.rows(_write(tmp_path, _submission(format=2))))


@pytest.mark.parametrize("name", ["transporter (this suite)", "Form2Fit", "FORM2FIT", "mine"])
def test_nobody_is_averaged_with_another_agent_of_the_same_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text(json.dumps(_submission()))
    with pytest.raises(SubmissionError, match=r"mine\.json: an agent .* is on the leaderboard already"):
        list(leaderboard.rows(_write(tmp_path, _submission(agent=name))))


def test_the_files_that_are_there_hold_to_the_rules() -> None:
    assert len(leaderboard.submissions()) == len(list(leaderboard.SUBMISSIONS.glob("*.json")))


def test_what_our_agents_read_is_what_they_declare() -> None:
    assert {row["agent"] for row in read_rows(_ROOT / "results" / "scores.csv")} <= set(leaderboard.OURS_READ)
    for name, keys in leaderboard.OURS_READ.items():
        assert set(load_agent(name).observation_keys) == set(keys)


def test_a_task_shows_a_line_for_every_agent_and_folds_the_rest() -> None:
    _, _, section = leaderboard.tasks().partition("### towers-of-hanoi\n")
    shown, folded = section.partition("### ")[0].split("<details>")
    agents = {row.agent for row in leaderboard.rows() if row.task == "towers-of-hanoi"}
    assert len(shown.strip().splitlines()) == len(agents) + 2
    assert sum(line.count("|") > 8 for line in folded.splitlines()) == 2 + sum(
        row.task == "towers-of-hanoi" for row in leaderboard.rows()
    )
    assert folded.rstrip().endswith("</details>")


def test_names_in_tables_are_told_from_other_words() -> None:
    assert names.pieces("visit-in-order-then-restore, with memory") == [
        "",
        "visit-in-order-then-restore",
        ", with memory",
    ]
    assert names.pieces("block-insertion") == ["", "block-insertion", ""]
    assert len(names.pieces("runs/block-insertion, RGB-D, --no-images, build-*")) == 1
