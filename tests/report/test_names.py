"""What runs are called in a report: whatever tells them apart, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ravens_suite.report.names import told_apart
from ravens_suite.report.runs import Run
from ravens_suite.rollout.policies import PolicySpec

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
