"""The main job, small: what its stages leave behind, and what a second run does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.cli import quickstart as module
from ravens_suite.cli.console import Console
from ravens_suite.cli.main import main
from ravens_suite.cli.quickstart import STAGES, QuickstartPlan, quickstart
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import ConfigError, ConflictError, UnknownNameError
from ravens_suite.rollout.evaluate import Evaluation
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.training import loop


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that were called; none does any work."""
    called: list[str] = []

    def evaluate(policy: str, *, episodes: int, **_: Any) -> Evaluation:
        called.append("evaluate")
        outcomes = tuple(EpisodeOutcome(seed, 1.0, seed != 0, 1, "done") for seed in range(episodes))
        plan = EvaluationPlan(PolicySpec("agent", "transporter"), "block-insertion", "test")
        return Evaluation(plan, outcomes, 1.0, Path("test.json"))

    def write_report(folder: Path, **_: Any) -> None:
        called.append("report")
        assert json.loads((folder / "result.json").read_text())["seconds"].keys() >= {"collect", "train", "evaluate"}
        (folder / "report.html").write_text("page")

    monkeypatch.setattr(module, "collect", lambda *_, **__: called.append("collect"))
    monkeypatch.setattr(loop, "train", lambda *_, **__: called.append("train"))
    monkeypatch.setattr(module, "evaluate", evaluate)
    monkeypatch.setattr(module, "write_report", write_report)
    return called


def _run(out: Path, **plan: Any) -> module.QuickstartResult:
    return quickstart(QuickstartPlan(**{"workers": 1, "steps": 10, **plan}), out, Console(as_json=True).progress)


def test_all_stages_run_in_order_and_are_noted(stages: list[str], tmp_path: Path) -> None:
    done = _run(tmp_path)
    noted = json.loads((tmp_path / "result.json").read_text())
    assert stages == list(STAGES)
    assert (noted["mean_score"], noted["success_rate"], noted["episodes"]) == (100.0, 95.0, 20)
    assert list(done.seconds) == list(STAGES)
    assert set(noted["seconds"]) == set(STAGES)


def test_the_time_of_a_stage_that_was_stopped_counts(
    stages: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])

    def train(*_: Any, **__: Any) -> None:
        now[0] += 30.0
        stages.append("train")
        if stages.count("train") < 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", train)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            _run(tmp_path)
    assert _run(tmp_path).seconds["train"] == 90.0
    assert _run(tmp_path).seconds["train"] == 90.0, "a stage that is done keeps its time"
    assert "stopped" not in json.loads((tmp_path / "result.json").read_text())


def test_more_scenes_take_the_time_of_both_calls(
    stages: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, evaluated = [0.0], module.evaluate
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])

    def evaluate(policy: str, *, episodes: int, **further: Any) -> Evaluation:
        now[0] += 20.0
        return evaluated(policy, episodes=episodes, **further)

    monkeypatch.setattr(module, "evaluate", evaluate)
    assert [_run(tmp_path, episodes=count).seconds["evaluate"] for count in (10, 30, 30, 20)] == [
        20.0,
        40.0,
        40.0,
        40.0,
    ]


def test_a_second_run_writes_no_second_report_unless_the_scores_change(stages: list[str], tmp_path: Path) -> None:
    first = _run(tmp_path)
    stages.clear()
    second = _run(tmp_path)
    assert "report" not in stages
    assert all(second.seconds[name] >= first.seconds[name] for name in STAGES)
    _run(tmp_path, episodes=30)
    assert stages[-1] == "report"
    (tmp_path / "report.html").unlink()
    stages.clear()
    _run(tmp_path, episodes=30)
    assert stages[-1] == "report"


def test_a_folder_of_other_settings_is_refused(stages: list[str], tmp_path: Path) -> None:
    _run(tmp_path)
    with pytest.raises(ConflictError, match="--out"):
        _run(tmp_path, demos=5)


def test_what_cannot_be_done_is_refused_before_anything_is_written(stages: list[str], tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="block-insertion"):
        _run(tmp_path / "out", task="block-insertions")
    for changes in ({"steps": 0}, {"demos": 0}, {"task": "block-insertion-continuous"}):
        with pytest.raises(ConfigError):
            _run(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_the_whole_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    few = ["--demos", "1", "--episodes", "2", "--steps", "4", "--workers", "1"]
    assert main(["quickstart", *few, "--out", out, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["episodes"] == 2
    page = Path(result["report"]).read_text(encoding="utf-8")
    assert page.count("<video") == 2
    assert "block-insertion" in page
