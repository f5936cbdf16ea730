"""Functions that do what commands do take folders and files as text, too, as a script would name them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.agents.state_mlp import StateMlp
from ravens_suite.benchmark.grid import benchmark
from ravens_suite.benchmark.submissions import read_submission, result_of
from ravens_suite.data.scenes import read_scenes
from ravens_suite.errors import RavensError
from ravens_suite.insight.calibration import calibrate, read_calibration
from ravens_suite.insight.cleaning import check_dropped, train_without
from ravens_suite.insight.influence import failed_seeds, find_influence
from ravens_suite.insight.language_probe import probe_language
from ravens_suite.insight.robustness import measure_robustness, read_robustness
from ravens_suite.insight.weak_spots import find_weak_spots
from ravens_suite.interop.exports import sources_in
from ravens_suite.interop.imports import import_episodes
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.minari import export
from ravens_suite.report.gallery import draw_gallery
from ravens_suite.report.page import write_report
from ravens_suite.report.view import view_episode
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluate_scenes import evaluate_scenes
from ravens_suite.rollout.forecast_reward import ForecastReward
from ravens_suite.rollout.kept_episodes import keep_episode
from ravens_suite.training.loop import train
from ravens_suite.training.reconfigure import reconfigure
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK = "block-insertion"
COMMANDS = (
    benchmark, result_of, calibrate, train_without, find_influence, probe_language, measure_robustness, find_weak_spots,
    import_episodes, export_lerobot, export, draw_gallery, write_report, view_episode, collect, evaluate,
    evaluate_scenes, train, StateMlp.load, StateMlp.save, read_submission, read_scenes, keep_episode, failed_seeds,
    read_robustness, read_calibration, reconfigure, check_dropped, ForecastReward,
)  # fmt: skip


@pytest.mark.parametrize("function", COMMANDS, ids=lambda function: function.__qualname__)
def test_whatever_takes_a_path_takes_text(function: Callable[..., Any]) -> None:
    kinds = [str(each.annotation).split(" | ") for each in inspect.signature(function).parameters.values()]
    paths = [kind for kind in kinds if "Path" in kind]
    assert paths and all("str" in kind for kind in paths)
    named = [kind for kind in kinds if "PolicySpec" in kind]
    assert all({"str", "Path"} <= {*kind} for kind in named), "a run folder is a policy"


@pytest.mark.parametrize(
    "read", [read_submission, read_scenes, read_robustness, read_calibration], ids=lambda read: read.__name__
)
def test_files_are_read_by_text_and_by_path(read: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text("[]")
    said = set()
    for name in (tmp_path / "file.json", str(tmp_path / "file.json")):
        with pytest.raises(RavensError, match=r"file\.json") as caught:
            read(name)
        said.add(str(caught.value))
    assert len(said) == 1


def test_collecting_training_and_evaluating_by_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    collect(TASK, episodes=1, data="data", arguments={"observe": ["state"]})
    assert len(sources_in(Path("data"))) == 1
    settings = TrainingSettings(steps=2, val_episodes=0, threads=1)
    plan = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=1, settings=settings)
    train(plan, "data", "runs/one")
    done = [evaluate(run, episodes=1, out=out) for run, out in (("runs/one", "text"), (Path("runs/one"), Path("path")))]
    assert done[0].outcomes == done[1].outcomes
    assert Path("text/test.json").is_file() and Path("path/test.json").is_file()
    agent = StateMlp.load("runs/one/policy")
    agent.save("copy")
    assert Path("copy/weights.safetensors").read_bytes() == Path("runs/one/policy/weights.safetensors").read_bytes()
    assert write_report("runs", "page.html").path == Path("page.html")
    assert view_episode(f"data/{TASK}/train/000000.safetensors", "seen.html") == Path("seen.html")
    assert export("data", "minari", "out")[0].episodes == 1
