"""What a report says of results that lie elsewhere than with the training of their policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ravens_suite.errors import MissingDataError
from ravens_suite.insight.robustness import measure_robustness
from ravens_suite.report.names import told_apart
from ravens_suite.report.page import ReportPlan, write_report
from ravens_suite.report.robustness import find_policies
from ravens_suite.report.runs import Run
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK = "block-insertion-easy"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run was trained and evaluated in every way."""
    folder = tmp_path_factory.mktemp("projects") / "project"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        collect(TASK, episodes=1, data="data", arguments={"observe": ["state"]})
        settings = TrainingSettings(steps=4, val_episodes=0, threads=1)
        plan = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=1, settings=settings, keep_checkpoints=2)
        train(plan, "data", "runs/first")
        evaluate("runs/first", episodes=1)
        evaluate("runs/first", episodes=1, out="runs/aside")
        evaluate("runs/first/checkpoints/00000004", TASK, episodes=1)
        copy = "runs/first/checkpoints/00000001"
        measure_robustness(copy, TASK, axes=("layout",), grades=(1,), episodes=1, out="runs/crowded")
    return folder


def names(folder: Path) -> dict[str, str]:
    """What policies are called, by the folder that their results lie in."""
    return {found.folder.name: found.agent for found in told_apart(find_policies(folder))}


def test_it_is_said_whose_weights_were_evaluated_and_after_which_step(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    after = {TASK: "state-mlp (first after step 4)", "crowded": "state-mlp (first after step 1)"}
    assert names(Path("runs")) == {"first": "state-mlp", "aside": "state-mlp (first)", **after}
    assert names(Path("runs/aside")) == {"aside": "state-mlp (first)"}, "also without the run"
    assert "weights" not in json.loads(Path("runs/first/eval/test.json").read_text()), "with the run they may be moved"


def test_such_an_agent_is_shown_in_pictures(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    page = write_report("runs/aside", plan=ReportPlan(films=1, scenes=0, failures=0)).path.read_text()
    assert "<video" in page and "No pictures" not in page


def test_its_weights_are_found_where_all_was_moved(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moved = project.rename(tmp_path / "moved")
    try:
        monkeypatch.chdir(tmp_path)
        runs = {run.folder.name: run for run in find_policies(moved / "runs")}
        assert runs["aside"].policy.folder == str(moved / "runs" / "first" / "policy")
        assert not runs["aside"].weights_differ(runs["aside"].policy.fingerprint)
        page = write_report(moved / "runs" / "aside", plan=ReportPlan(films=1, scenes=0, failures=0)).path.read_text()
        assert "<video" not in page and "state-mlp (first)" in page, "it is not known from there where they are"
        assert "is not shown: There is no file" in caplog.text
    finally:
        moved.rename(project)


def test_results_that_do_not_say_where_the_weights_lie_say_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of earlier versions."""
    monkeypatch.chdir(project)
    path = Path("runs/aside/test.json")
    value = json.loads(path.read_text())
    del value["weights"]
    path.write_text(json.dumps(value))
    assert names(Path("runs"))["aside"] == "state-mlp (first)", "the run lies in the same folder"
    (alone,) = find_policies(Path("runs/aside"))
    assert isinstance(alone, Run) and not alone.policy.folder
    environment = make_environment(TASK, "test", {"observe": ["state"]})
    try:
        with pytest.raises(MissingDataError, match="is not noted: name the folder of its run"):
            alone.policy.make(environment)
    finally:
        environment.close()
