"""Episodes under a name that no task has: stored, learned from and looked at; only validation needs an environment."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.cli.main import main
from ravens_suite.data.episode import Episode
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, UnknownNameError
from ravens_suite.insight.cleaning import train_without
from ravens_suite.report.view import view_episode
from ravens_suite.rollout.own_robot import setup_of
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two episodes of states, with nothing said of them."""
    store = EpisodeStore.of(tmp_path / "data", "pour-tea", "train")
    store.claim({}, {})
    rng = np.random.default_rng(0)
    for seed in (11, 12):
        poses = rng.normal(size=(2, 7))
        store.write(
            Episode(
                task="pour-tea",
                split="train",
                seed=seed,
                observations={"state": rng.normal(size=(3, 22)), "state_names": np.array(["cup\npot"] * 3)},
                actions={"pick": poses, "place": poses},
                rewards=np.array([0.0, 1.0]),
                poses={},
                cameras=(),
                success=True,
                metadata={},
            )
        )
    store.finish()
    return tmp_path / "data"


def _plan(task: str = "pour-tea", val_episodes: int = 0) -> TrainingPlan:
    settings = TrainingSettings(steps=2, val_episodes=val_episodes, threads=1)
    return TrainingPlan(agent="state-mlp", tasks=(task,), demos=2, settings=settings)


def test_an_agent_learns_from_own_data(own: Path, tmp_path: Path) -> None:
    train(_plan(), own, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert run.policy.weights.exists()
    assert run.record()["demonstrations"] == {"pour-tea": [11, 12]}


def test_words_of_ones_own_are_not_taken_for_the_suites(own: Path, tmp_path: Path) -> None:
    """Such as who recorded, with which robot: it was taken for episodes of a policy, and for a file robot.json."""
    store = EpisodeStore.of(tmp_path / "said", "pour-tea", "train")
    store.claim({"robot": "franka", "experience": "two years", "scenes": 2}, {})
    for seed in (11, 12):
        store.write(EpisodeStore.of(own, "pour-tea", "train").read(seed))
    store.finish()
    train(_plan(), tmp_path / "said", tmp_path / "run")
    assert setup_of(RunFolder(tmp_path / "run")) is None


def test_validation_without_an_environment_is_refused_with_the_way_out(own: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pour-tea has no environment.*--val-episodes 0"):
        train(_plan(val_episodes=1), own, tmp_path / "run")
    with pytest.raises(UnknownNameError, match="pour-tee"):
        train(_plan("pour-tee"), own, tmp_path / "run")


@pytest.mark.parametrize("said", [{}, {"versions": "3.2", "motion": "smooth"}, {"motion": ["slow", "fast"]}])
def test_an_own_episode_is_shown(own: Path, tmp_path: Path, said: dict[str, Any]) -> None:
    store = EpisodeStore.of(own, "pour-tea", "train")
    path = store.write(replace(store.read(11), metadata=said))
    assert "pour-tea" in view_episode(path, tmp_path / "page.html").read_text()


def test_wrong_demonstrations_of_ones_own_are_found_and_left_out(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both runs cannot be compared in an environment, which ended the command in an error when all was trained."""
    train(replace(_plan(), keep_checkpoints=2), own, tmp_path / "run")
    assert main(["influence", str(tmp_path / "run"), "--drop", "1", "--json"]) == 0
    said = capsys.readouterr()
    assert "pour-tea: trained again without 1. There is no environment" in said.err
    cleaned = json.loads(said.out)["cleaned"]
    assert cleaned.keys() == {"run", "dropped"}
    (dropped,) = cleaned["dropped"]["pour-tea"]
    again = RunFolder(tmp_path / "run-without-1").record()
    assert again["finished"] and again["demonstrations"] == {"pour-tea": [seed for seed in (11, 12) if seed != dropped]}


def test_a_run_made_of_one_that_was_given_more_steps_notes_every_command(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(name: str) -> None:
        monkeypatch.setattr(sys, "argv", ["/bin/ravens-suite", name])

    plan = replace(_plan(), keep_checkpoints=1)
    for steps in (2, 3):
        given(f"train-{steps}")
        train(replace(plan, settings=replace(plan.settings, steps=steps)), own, tmp_path / "run")
    given("influence")
    train_without(tmp_path / "run", None, {"pour-tea": [12]})
    again = RunFolder(tmp_path / "run-without-1").record()["command"]
    assert again == "ravens-suite train-2 && ravens-suite train-3 && ravens-suite influence"
