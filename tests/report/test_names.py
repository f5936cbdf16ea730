"""What runs are called in a report: whatever tells them apart, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.run_folder import PROBES
from ravens_suite.errors import MissingDataError
from ravens_suite.insight.language_probe import file_name
from ravens_suite.report.names import told_apart
from ravens_suite.report.robustness import find_policies
from ravens_suite.report.runs import Run, count_policies, find_runs, without_folders
from ravens_suite.report.seeds import seeds_rows
from ravens_suite.report.tables import score_table, training_rows
from ravens_suite.rollout.policies import PolicySpec
from tests.report.written_runs import write_run

TASK = "block-insertion"


def run(name: str, folder: str = "a", **plan: Any) -> Run:
    """A run of an agent."""
    record = {"plan": {"agent": name, "tasks": [TASK], "demos": 10, "seed": 0, **plan}}
    return Run(Path("runs", folder), PolicySpec("agent", name), TASK, record, None)


def told(*runs: Run) -> list[str]:
    """What they are called."""
    return [each.agent for each in told_apart(runs)]


def test_runs_that_differ_anyway_are_called_by_their_agent_alone() -> None:
    config = {"width": 4}
    runs = [run("transporter", config=config), run("lab/mine.py:Mine"), run("transporter", seed=1, config=config)]
    assert told(*runs) == ["transporter", "Mine", "transporter"]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (run("v1/mine.py:Mine"), run("v2/mine.py:Mine"), ["v1/mine.py:Mine", "v2/mine.py:Mine"]),
        (run("/x/v1/mine.py:Mine"), run("/x/v1/other.py:Mine"), ["mine.py:Mine", "other.py:Mine"]),
        (run("lab.mine:Mine"), run("lab.other:Mine"), ["lab.mine:Mine", "lab.other:Mine"]),
        (run("a"), run("a", config={"lookahead": 2, "words": "e.py:f"}), ["a", "a (lookahead 2, words e.py:f)"]),
        (run("a"), run("a", more_data=["weak"]), ["a", "a (and more data)"]),
        (run("a", "x/one"), run("a", "x/two"), ["a in one", "a in two"]),
        (run("a", "x/run"), run("a", "y/run"), ["a in x/run", "a in y/run"]),
    ],
)
def test_runs_that_look_alike_are_called_by_what_differs(first: Run, second: Run, names: list[str]) -> None:
    assert told(first, second) == names
    assert told(first, second, run("a", seed=1))[:2] == names


def test_demonstrations_that_were_left_out_tell_runs_apart() -> None:
    first, without = told_apart([run("a", "x"), run("a", "y", drop={TASK: [3, 8]})])
    assert (first.label, without.label) == ("a, 10 demos, seed 0", "a, 10 demos less 2, seed 0")
    assert first.agent == without.agent == "a"


def in_environment(one: Run, **arguments: Any) -> Run:
    """A run that was trained in an environment."""
    return replace(one, record={**one.record, "environments": {TASK: {"id": "x", "arguments": arguments}}})


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (run("a"), run("a", seed=1, steps=500), ["a", "a (steps 500)"]),
        (run("a", steps=9), run("a", seed=1, steps=500), ["a (steps 9)", "a (steps 500)"]),
        (run("a", until="steps"), run("a", seed=1, until="solved"), ["a (until steps)", "a (until solved)"]),
        (
            in_environment(run("a"), observe=["images"]),
            in_environment(run("a", seed=1), observe=["images", "goal"]),
            ['a (observe ["images"])', 'a (observe ["images", "goal"])'],
        ),
        # The same environment, in other words.
        (
            in_environment(run("a")),
            in_environment(run("a", seed=1), image_size=[480, 640], renderer="tiny"),
            ["a", "a"],
        ),
        (run("a", steps=9), run("a", demos=1, steps=500), ["a", "a"]),
    ],
)
def test_runs_of_other_seeds_are_told_apart_where_more_than_the_seed_differs(
    first: Run, second: Run, names: list[str]
) -> None:
    assert told(first, second) == names
    assert told(second, first) == names[::-1]


def test_a_run_of_several_tasks_is_no_other_seed_of_a_run_of_one(tmp_path: Path) -> None:
    one, many = (write_run(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "many")))
    record = json.loads((many / "run.json").read_text())
    record["plan"]["tasks"] = [TASK, "towers-of-hanoi"]
    (many / "run.json").write_text(json.dumps(record))
    (many / "eval" / "test.json").rename(many / "eval" / f"{TASK}-test.json")
    runs = told_apart(find_runs(tmp_path))
    trained = [(row["task"], row["seed"]) for row in training_rows(runs)]
    assert trained == [(TASK, 0), (f"{TASK}, towers-of-hanoi", 1)], "it was trained once"
    rows = score_table(runs).rows
    assert [row.agent for row in rows] == ["transporter", "transporter, trained on 2 tasks"]
    assert one.exists() and not seeds_rows(rows)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("x/first/policy", "transporter (first)"),
        ("x/first/checkpoints/00000040", "transporter (first after step 40)"),
        ("x/weights", "transporter (weights)"),
    ],
)
def test_an_agent_that_was_evaluated_elsewhere_is_shown_with_whose_weights_it_has(
    tmp_path: Path, policy: str, name: str
) -> None:
    home = write_run(tmp_path / "first", failed=0)
    value = json.loads((home / "eval" / "test.json").read_text())
    value["policy"]["folder"] = str(tmp_path / policy)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "test.json").write_text(json.dumps(value))
    assert [each.agent for each in told_apart(find_runs(tmp_path / "elsewhere"))] == [name]
    found = told_apart(find_runs(tmp_path))
    assert [each.agent for each in found] == [name, "transporter"]
    row, _ = score_table(found).rows
    assert row.figures.mean_score == 100 and row.demos == 0


def test_a_run_that_was_evaluated_elsewhere_too_counts_once(tmp_path: Path) -> None:
    home = write_run(tmp_path / "first")
    value = json.loads((home / "eval" / "test.json").read_text())
    value["policy"] |= {"folder": str(tmp_path / "other" / ".." / "first" / "policy"), "fingerprint": "1234"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "test.json").write_text(json.dumps(value))
    found = find_runs(tmp_path)
    assert len(found) == 2 and count_policies(found) == 1


def test_what_a_killed_reconfigure_left_is_no_run(tmp_path: Path) -> None:
    """The next one removes it; until then it stood in the report as a run of its own."""
    home = write_run(tmp_path / "first")
    left = write_run(tmp_path / ".other.unfinished")
    value = json.loads((home / "eval" / "test.json").read_text())
    for folder, name in ((left / "elsewhere", "test.json"), (left / "x" / PROBES, file_name("test", TASK))):
        folder.mkdir(parents=True)
        (folder / name).write_text(json.dumps(value))
    assert [run.folder for run in find_policies(tmp_path)] == [home]


def test_a_page_names_no_folder_in_which_such_an_agent_lies(tmp_path: Path) -> None:
    policy = PolicySpec("agent", "a", str(tmp_path / "x" / "first" / "policy"))
    error = MissingDataError(f"There is no trained agent in {policy.folder}: train one.")
    shown = Run(tmp_path / "y" / "elsewhere", policy, TASK, {}, None)
    assert without_folders(shown, error) == "There is no trained agent in first/policy: train one."


def test_an_evaluation_may_lie_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path has fewer folders than were counted."""
    home = write_run(tmp_path / "first")
    monkeypatch.chdir(home / "eval")
    (found,) = find_runs(Path())
    assert found.folder == Path() and found.test is not None
