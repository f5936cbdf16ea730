"""Training as a job: killed runs go on to the same bytes, validation chooses, plans do not mix."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import make_dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite import registry
from ravens_suite.agents.base import SETTINGS, WEIGHTS, Agent
from ravens_suite.cli.commands import train as commands
from ravens_suite.cli.main import main
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.episode import Episode
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DivergedError, MissingDataError
from ravens_suite.registry import load_agent
from ravens_suite.training.loop import (
    POLICY,
    RUN,
    TrainingPlan,
    candidate_steps,
    choose_demonstrations,
    train,
)

SMALL = {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4, "precision": "float32"}
PLAN = TrainingPlan("transporter", "block-insertion", demos=2, steps=6, threads=1, device="cpu", config=SMALL)


class KilledError(Exception):
    """Stands for a kill -9: nothing in the library catches it."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    size = (24, 32)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        poses = np.array([[0.4, 0.1 * seed, 0, 0, 0, 0, 1], [0.6, -0.1, 0, 0, 0, 0, 1]])
        episode = Episode(
            task="block-insertion",
            split="train",
            seed=seed,
            observations={
                "color": rng.integers(0, 255, (2, 3, *size, 3)).astype(np.uint8),
                "depth": np.full((2, 3, *size), 0.8, np.float32),
            },
            actions={"pick": poses[:1], "place": poses[1:]},
            rewards=np.ones(1),
            poses={},
            cameras=published_cameras(size),
            success=True,
            metadata={},
        )
        EpisodeStore.of(folder, "block-insertion", "train").write(episode)
    return folder


def weights(run: Path) -> bytes:
    data: bytes = (run / POLICY / WEIGHTS).read_bytes()
    return data


def test_a_killed_run_goes_on_to_the_same_bytes(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 5:
            raise KilledError

    whole = train(PLAN, data, tmp_path / "whole", save_every=2)
    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path / "killed", save_every=2, progress=kill)
    steps: list[int] = []
    train(PLAN, data, tmp_path / "killed", save_every=2, progress=lambda done, total, note="": steps.append(done))
    assert steps == [5, 6]
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert whole.steps == 6 and whole.val_score is None


def test_a_run_that_diverges_stops_and_says_so(data: Path, tmp_path: Path) -> None:
    diverging = replace(PLAN, steps=200, config={**SMALL, "learning_rate": 1e30})
    with pytest.raises(DivergedError, match="learning_rate"):
        train(diverging, data, tmp_path / "run")
    assert not read_json(tmp_path / "run" / RUN)["finished"]


def test_a_finished_run_is_left_as_it_is(data: Path, tmp_path: Path) -> None:
    first = train(PLAN, data, tmp_path)

    def never(done: int, total: int, note: str = "") -> None:
        raise AssertionError("trained again")

    assert train(PLAN, data, tmp_path, progress=never) == first
    record = read_json(tmp_path / RUN)
    assert record["finished"] and len(record["demonstrations"]) == 2 and record["command"]
    assert record["selection"] == "last weights"


@pytest.mark.parametrize(("killed_at", "commit"), [(1, "new"), (5, "old and new")])
def test_a_run_that_newer_code_finished_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int, commit: str
) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == killed_at:
            raise KilledError

    monkeypatch.setattr("ravens_suite.training.loop.provenance", lambda: {"commit": "old", "command": "first"})
    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path, save_every=2, progress=kill)
    monkeypatch.setattr("ravens_suite.training.loop.provenance", lambda: {"commit": "new", "command": "second"})
    train(PLAN, data, tmp_path, save_every=2)
    assert read_json(tmp_path / RUN)["commit"] == commit


def test_validation_chooses_the_best_and_only_sees_validation_seeds(data: Path, tmp_path: Path) -> None:
    scores = iter([90.0, 40.0])
    asked: list[tuple[str, list[int]]] = []

    def evaluate(agent: Agent, split: Split, seeds: Sequence[int]) -> float:
        asked.append((split, list(seeds)))
        return next(scores)

    plan = replace(PLAN, candidates=2, val_episodes=3)
    result = train(plan, data, tmp_path, evaluate=evaluate)
    assert asked == [("val", [0, 1, 2])] * 2
    assert result.val_score == 90 and result.steps == min(candidate_steps(6, 2))
    assert load_agent("transporter").load(tmp_path / POLICY).weights().keys()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"demos": -1}, "--demos must be at least 1"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"config": {"stpes": 5}}, "no setting 'stpes'"),
        ({"config": {"steps": 0}, "steps": None}, "steps must be at least 1"),
        ({"candidates": 0}, "--candidates must be at least 1"),
        ({"val_episodes": -1}, "--val-episodes must be at least 0"),
        ({"threads": 0}, "--threads must be at least 1"),
        ({"task": "block-insertion-continuous"}, "pick and place poses"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_before_anything_is_begun(
    data: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(replace(PLAN, **changes), data, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_is_asked_for_where_there_is_one_only(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--device cpu"):
        train(replace(PLAN, device="cuda"), data, tmp_path / "gpu")
    train(PLAN, data, tmp_path / "cpu")
    policy = tmp_path / "cpu" / POLICY
    settings = read_json(policy / SETTINGS)
    settings["config"]["device"] = "cuda"
    write_json(policy / SETTINGS, settings)
    assert load_agent("transporter").load(policy).config.device == "auto"
    record = read_json(tmp_path / "cpu" / RUN)
    write_json(tmp_path / "cpu" / RUN, {**record, "plan": {**record["plan"], "device": "cuda"}})
    assert train(replace(PLAN, device="cuda"), data, tmp_path / "cpu").steps == 6, "what is finished needs no GPU"


def test_demonstrations_are_drawn_from_the_pool_and_stay(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path, pool=2, progress=kill)
    assert read_json(tmp_path / RUN)["demonstrations"] == [0, 1]
    train(PLAN, data, tmp_path, pool=3)
    assert (read_json(tmp_path / RUN)["demonstrations"], read_json(tmp_path / RUN)["pool"]) == ([0, 1], 2)


def test_an_agent_of_another_package_needs_a_number_of_steps_only(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_from_file_location("own_agent", Path(__file__).parents[2] / "demos" / "own_agent.py")
    assert spec is not None and spec.loader is not None
    own_agent = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "own_agent", own_agent)
    spec.loader.exec_module(own_agent)
    entry = registry.Entry("color-seeker", "own_agent", "ColorSeeker")
    monkeypatch.setitem(registry._agents(), "color-seeker", entry)
    plan = replace(PLAN, agent="color-seeker", config={}, steps=3)
    assert train(plan, data, tmp_path / "run").steps == 3
    monkeypatch.setattr(own_agent.ColorSeeker, "config_type", make_dataclass("Nothing", []))
    with pytest.raises(ConfigError, match="Nothing needs a field steps: int"):
        train(plan, data, tmp_path / "other")


def test_a_run_goes_on_with_the_threads_it_was_begun_with(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--config", json.dumps(SMALL)]
    words = ["train", "transporter", "block-insertion", *options, "--data", str(data), "--out", str(tmp_path)]
    real, saved = Agent.save_training, []

    def save_once(agent: Agent, folder: Path, step: int) -> None:
        real(agent, folder, step)
        saved.append(step)
        if len(saved) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Agent, "save_training", save_once)
    monkeypatch.setattr(commands, "available_cores", lambda: 5)
    assert main([*words, "--threads", "1"]) == 130
    assert main(words) == 0
    assert read_json(tmp_path / RUN)["plan"]["threads"] == 1 and saved == [2]
    assert main([*words, "--threads", "2"]) == 1


def test_another_plan_is_refused(data: Path, tmp_path: Path) -> None:
    train(PLAN, data, tmp_path)
    with pytest.raises(ConflictError, match="seed 0, not 1"):
        train(replace(PLAN, seed=1), data, tmp_path)


def test_demonstrations_are_a_random_subset_without_replacement() -> None:
    seeds = range(0, 100, 3)
    chosen = choose_demonstrations(seeds, 10, seed=1)
    assert len(set(chosen)) == 10 and set(chosen) <= set(seeds)
    assert chosen == choose_demonstrations(list(reversed(seeds)), 10, seed=1)
    assert chosen != choose_demonstrations(seeds, 10, seed=2)
    with pytest.raises(MissingDataError, match="collect more"):
        choose_demonstrations(seeds, 35, seed=0)
