"""What a page shows of influence, from a written record: pictures, words, and what is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.insight.influence_record import (
    PICTURES,
    RECORD,
    DecisionFound,
    DemonstrationFound,
    Influence,
    StepFound,
    write_influence,
)
from ravens_suite.insight.pictures import write_picture
from ravens_suite.report.influence import influence_sections
from ravens_suite.report.page import render
from ravens_suite.report.runs import Run
from ravens_suite.rollout.policies import PolicySpec

TASK = "block-insertion"


def _action() -> dict[str, Any]:
    poses = Action(Pose.planar(0.45, -0.16), Pose.planar(0.6, 0.2, 0.0, 1.0)).to_dict()
    return {name: pose.tolist() for name, pose in poses.items()}


def _decision(seed: int, *, success: bool, label: str = "agent", picture: str = "a.png") -> DecisionFound:
    step = StepFound(TASK, 17, 0, 0.8, 0.5, _action(), picture)
    away = StepFound(TASK, 3, 1, -0.4, -0.5, _action(), picture)
    return DecisionFound(
        TASK, "test", seed, 0, label, _action(), _action(), 0.0, success, picture, (step,) * 5, (away,)
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = RunFolder(tmp_path)
    folder.policy.path.mkdir()
    folder.policy.settings.write_text("{}")
    folder.policy.weights.write_bytes(b"weights")
    demonstrations = tuple(DemonstrationFound(TASK, seed, 1, 0.9, 1.5, 0.5, 0) for seed in range(12))
    other = DemonstrationFound("towers-of-hanoi", 99, 1, 0.9, 1.5, 0.5, 0)
    decisions = (_decision(5, success=True), _decision(7, success=False, label="oracle"))
    found = Influence(folder.policy.fingerprint(), (1, 2), 64, (*demonstrations, other), decisions)
    write_influence(folder, found, {"provenance": {}})
    write_picture(folder.influence / PICTURES / "a.png", np.full((320, 160, 3), 60, np.uint8))
    plan = {"agent": "transporter", "tasks": [TASK], "demos": 12, "seed": 0}
    return Run(tmp_path, PolicySpec("agent", "transporter", str(folder.policy.path)), TASK, {"plan": plan}, None)


def test_failed_decisions_come_first_with_the_three_steps_most_responsible(run: Run) -> None:
    (section,) = influence_sections([run])
    failed, succeeded = section.decisions
    assert failed.title == "Test scene 7, which failed: action 1, which earned 0"
    assert [panel.name for panel in failed.panels] == [
        "What the agent did",
        "What the oracle would have done",
        *["Demonstration 17, action 1 (+0.80)"] * 3,
    ]
    assert all(panel.uri.startswith("data:image/webp") for panel in failed.panels)
    assert failed.away == "Demonstration 3, action 2 (-0.40)"
    assert "goal met" in succeeded.title and len(succeeded.panels) == 4
    assert len(section.demonstrations) == 10 and section.count == 12
    page = render("influence.html.j2", {"sections": (section,)})
    assert page.count("<figure>") == 9 and "10 of 12" in page


def test_pictures_that_are_gone_are_left_out(run: Run) -> None:
    (RunFolder(run.folder).influence / PICTURES / "a.png").unlink()
    (section,) = influence_sections([run])
    assert [len(decision.panels) for decision in section.decisions] == [0, 0]


def test_what_is_of_other_weights_or_damaged_is_not_shown(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    folder = RunFolder(run.folder)
    path = folder.influence / RECORD
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "weights": "others"}))
    assert influence_sections([run]) == () and "of other weights" in caplog.text
    path.write_text(json.dumps({**value, "decisions": [3]}))
    assert influence_sections([run]) == () and "damaged" in caplog.text
    path.unlink()
    assert influence_sections([run]) == ()


def test_a_run_says_how_many_demonstrations_it_left_out(run: Run) -> None:
    plan = {**run.plan, "drop": {TASK: [1, 2]}}
    less = Run(run.folder, run.policy, TASK, {"plan": plan}, None)
    assert (run.label, less.label) == ("transporter, 12 demos, seed 0", "transporter, 12 demos less 2, seed 0")


def test_a_task_that_a_run_did_not_learn_has_no_section(run: Run) -> None:
    assert influence_sections([replace(run, task="build-pallet")]) == ()
