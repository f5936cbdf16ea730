"""The figures of a report's tables: means, what is best, ranges and times."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.utils.tensorboard import SummaryWriter

from ravens_suite.report import tables
from ravens_suite.report.page import ReportPlan, write_report
from ravens_suite.report.runs import find_runs
from tests.report.written_runs import write_run


def test_means_are_over_tasks_with_one_number_of_demonstrations(tmp_path: Path) -> None:
    write_run(tmp_path / "a", task="block-insertion", demos=10, failed=0)
    write_run(tmp_path / "b", task="align-box-corner", demos=10, failed=20)
    write_run(tmp_path / "c", task="align-box-corner", demos=1, failed=20)
    table = tables.score_table(find_runs(tmp_path))
    (mean,) = table.means
    assert (mean.demos, mean.count, mean.mean_score) == (10, 2, pytest.approx((100 + 25) / 2))
    best = [row.best_published for row in table.rows if row.demos == 10]
    assert mean.difference == pytest.approx(mean.mean_score - sum(value or 0 for value in best) / 2)


def test_a_task_with_more_seeds_counts_no_more_than_others(tmp_path: Path) -> None:
    write_run(tmp_path / "a", task="block-insertion", failed=0)
    write_run(tmp_path / "b", task="align-box-corner", failed=20)
    write_run(tmp_path / "c", task="align-box-corner", failed=20, seed=1)
    (mean,) = tables.score_table(find_runs(tmp_path)).means
    assert (mean.count, mean.mean_score) == (2, pytest.approx((100 + 25) / 2))


def test_the_best_of_a_row_is_ours_only_when_no_published_figure_is_higher(tmp_path: Path) -> None:
    write_run(tmp_path / "a", failed=0)
    write_run(tmp_path / "b", failed=3, seed=1)
    good, bad = tables.score_table(find_runs(tmp_path)).rows
    assert good.ours_is_best
    assert not bad.ours_is_best
    assert any(cell.best for cell in bad.published)


@pytest.mark.parametrize(
    ("numbers", "text"), [([0, 1, 2, 3, 7], "0 to 3, 7"), ([4, 5], "4, 5"), ([], ""), ([3, 1], "1, 3")]
)
def test_ranges(numbers: list[int], text: str) -> None:
    assert tables.ranges(numbers) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (48.3, "48 s"), (125, "2 min 5 s"), (3780, "1 h 3 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert tables.duration(seconds) == text


def test_the_loss_sums_what_was_logged_at_the_same_steps(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a")
    with SummaryWriter(str(folder / "logs")) as logs:
        for step in range(6):
            logs.add_scalar("train/pick", 100.0 * step, step)
            logs.add_scalar("train/learning_rate", 7.0, step)
            if step % 2:  # An agent may take some of its losses at some steps only.
                logs.add_scalar("train/place", step, step)
    (run,) = find_runs(tmp_path)
    assert run.loss is not None
    assert run.loss.x.tolist() == [1, 2, 3, 4, 5]
    assert run.loss.y.tolist() == [101, 201, 303, 403, 505], "a part counts as it was logged last"


@pytest.mark.parametrize(
    ("solved", "seeds"),
    [
        ({"periods": []}, "0 to 4"),
        ({"periods": [[200, 240]]}, "0 to 9"),  # Of a run from before the number of a check's scenes was noted.
        ({"periods": [[200, 240]], "scenes": 3}, "0 to 7"),
    ],
)
def test_the_scenes_that_a_run_was_solved_on_are_named(tmp_path: Path, solved: dict[str, Any], seeds: str) -> None:
    folder = write_run(tmp_path / "a")
    record = json.loads((folder / "run.json").read_text())
    record["training"]["until_solved"] = {"solved": True, "hardest": 0, "seconds": 1.0, **solved}
    (folder / "run.json").write_text(json.dumps(record))
    ((_, said),) = [fact for fact in tables.made(find_runs(tmp_path))[0]["facts"] if fact[0] == "validation"]
    assert said == f"validation seeds {seeds}, best"


def test_the_commands_of_a_run_that_was_given_more_steps_are_all_listed(tmp_path: Path) -> None:
    """The first one alone makes the run of fewer steps."""
    folder = write_run(tmp_path / "a")
    record = json.loads((folder / "run.json").read_text())
    record["continued"] = [{"step": 1000, "command": "ravens-suite train --steps 2000"}, {"step": 2000}]
    (folder / "run.json").write_text(json.dumps(record))
    (made,) = tables.made(find_runs(tmp_path))
    assert made["commands"] == ["ravens-suite train", "ravens-suite train --steps 2000"]
    assert ("given more steps", "after step 1,000, 2,000") in made["facts"]


@pytest.mark.parametrize(
    ("dropped", "further", "learnt", "asked", "named"),
    [
        ([3, 8], 0, 8, "10 less 2", "transporter, 2 left out"),
        ([], 3, 13, "10 and 3 more", "transporter"),
        ([3], 1, 10, "10 less 1 and 1 more", "transporter, 1 left out"),
        ([], 0, 10, "10", "transporter"),
        ([103], 2, 12, "10 and 2 more", "transporter, 1 left out of further data"),
        ([3, 103], 2, 11, "10 less 1 and 2 more", "transporter, 1 left out, 1 left out of further data"),
    ],
)
def test_a_page_says_from_how_many_demonstrations_a_run_learnt(
    tmp_path: Path, dropped: list[int], further: int, learnt: int, asked: str, named: str
) -> None:
    """Not how many were asked for, of which some were left out (--drop-file), or which others joined (--more-data).

    The demonstration 103 lay among those others.
    """
    folder = write_run(tmp_path / "a")
    record = json.loads((folder / "run.json").read_text())
    record["plan"]["drop"] = {"block-insertion": dropped}
    record["demonstrations"] = {"block-insertion": [seed for seed in range(10) if seed not in dropped]}
    record["more_demonstrations"] = {"weak": {"block-insertion": [100 + seed for seed in range(further)]}}
    (folder / "run.json").write_text(json.dumps(record))
    page = write_report(tmp_path, plan=ReportPlan(films=0, scenes=0, failures=0)).path.read_text()
    assert f"Learnt from {learnt} demonstrations, evaluated" in page
    (run,) = runs = find_runs(tmp_path)
    assert [row["demos"] for row in tables.training_rows(runs)] == [asked], "what tells the rows of two runs apart"
    assert run.label == f"transporter, {asked.replace('10', '10 demos')}, seed 0"
    assert [row.agent for row in tables.score_table(runs).rows] == [named]
    several = replace(run, record={**run.record, "plan": {**run.plan, "tasks": [run.task, "other"]}})
    assert tables.training_rows([several])[0]["demos"] == (asked if asked == "10" else f"{asked} in all")
    more = "" if asked == "10" else f",{asked.removeprefix('10')} in all"
    assert several.label == f"transporter, 10 demos of 2 tasks{more}, seed 0"
    ((_, said),) = [fact for fact in tables.made(runs)[0]["facts"] if fact[0] == "demonstrations"]
    assert said.endswith(f", and {further} of further data") == bool(further)
    del record["demonstrations"], record["more_demonstrations"]  # As early versions wrote them.
    (folder / "run.json").write_text(json.dumps(record))
    assert find_runs(tmp_path)[0].learnt == 10 - len(dropped)


@pytest.mark.parametrize(
    ("arguments", "compared"),
    [
        ({}, True),
        ({"camera_noise": 1.0, "image_size": [240, 320], "perturb": None}, True),
        ({"unseen_shapes": True}, False),
        ({"perturb": {"crowding": 0.9}}, False),
        ({"perturb": {"light": 0.0, "crowding": 0}}, True),
        ({"ends_when_done": False}, False),
    ],
)
def test_published_figures_stand_beside_the_task_as_it_is_alone(
    tmp_path: Path, arguments: dict[str, Any], compared: bool
) -> None:
    """An agent that learnt the task with other options, or in changed scenes, is tested so: nobody published that."""
    folder = write_run(tmp_path / "a", task="assembling-kits")
    path = folder / "eval" / "test.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "arguments": arguments}))
    (row,) = tables.score_table(find_runs(tmp_path)).rows
    assert (row.best_published is not None) is compared
    assert (row.difference is not None) is compared
