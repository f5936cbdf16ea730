"""The agent that is shown a goal: made by its interface, told by the picture; without one it is the plain agent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.augmentation import augment
from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.losses import make_batch
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import GOAL, ArraySpec, Interface
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.replay import decisions_of
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings
from tests.agents import scenes

TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)
SPECS = {key: ArraySpec((3, 48, 64), "float32") for key in KEYS}
SHOWN = Interface({**SPECS, **{GOAL + key: spec for key, spec in SPECS.items()}})
HIDDEN = Interface(SPECS)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def shown_step() -> tuple[scenes.Scene, PickPlaceDataset, Heightmap]:
    rng = np.random.default_rng(0)
    scene = scenes.insertion(rng)
    goal = scene.draw(scene.targets[0])
    return scene, PickPlaceDataset([[replace(scene.step(rng), goal=goal)]]), goal


def test_it_reads_the_goal_where_one_is_observed() -> None:
    assert set(Transporter.reads(SHOWN)) == {*KEYS, *(GOAL + key for key in KEYS)}
    assert set(Transporter.reads(HIDDEN)) == set(KEYS)
    assert Transporter(TINY, interface=SHOWN).shows_goal
    assert not Transporter(TINY, interface=HIDDEN).shows_goal
    assert not Transporter(TINY).shows_goal


def test_a_search_needs_a_goal_but_what_was_saved_before_that_was_refused_still_acts(tmp_path: Path) -> None:
    searching = replace(TINY, lookahead=1)
    with pytest.raises(ConfigError, match="lookahead searches for what leads to a goal picture"):
        Transporter(searching, interface=HIDDEN)
    Transporter(searching, interface=SHOWN).save(tmp_path / "shown")
    assert Transporter.load(tmp_path / "shown").config.lookahead == 1

    agent = Transporter(TINY, interface=HIDDEN)
    agent.save(tmp_path / "old")
    settings = tmp_path / "old" / "agent.json"
    saved = json.loads(settings.read_text())
    saved["config"]["lookahead"] = 1
    settings.write_text(json.dumps(saved))
    old = Transporter.load(tmp_path / "old")
    assert old.config.lookahead == 0, "it never searched"
    scene = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0)).scene
    assert torch.equal(old.decide(scene).pick_logits, agent.decide(scene).pick_logits)


def test_the_goal_is_five_further_channels_of_the_same_example() -> None:
    _, dataset, _ = shown_step()
    example = augment(
        dataset.sample(np.random.default_rng(0)), Transporter(TINY).augmentation(1), np.random.default_rng(1)
    )
    batch = make_batch([example, example])
    assert batch.image.shape == (2, 10, 320, 160)
    plain = make_batch([replace(example, goal=None)] * 2)
    torch.testing.assert_close(batch.image[:, :5], plain.image, rtol=0, atol=0)
    assert example.goal is not None
    swapped = replace(example, color=example.goal.color, height=example.goal.height, goal=None)
    torch.testing.assert_close(batch.image[:1, 5:], make_batch([swapped]).image, rtol=0, atol=0)


def test_it_learns_from_goals_and_acts_by_them_also_when_loaded(tmp_path: Path) -> None:
    scene, dataset, goal = shown_step()
    agent = Transporter(TINY, seed=1, interface=SHOWN)
    losses = [agent.fit_step(dataset, step) for step in range(2)]
    assert all(np.isfinite(list(each.values())).all() for each in losses)
    agent.save(tmp_path)
    loaded = Transporter.load(tmp_path)
    assert isinstance(loaded, Transporter)
    table = scene.draw(scene.start)
    decision = loaded.decide(table, goal)
    torch.testing.assert_close(decision.pick_logits, agent.decide(table, goal).pick_logits, rtol=0, atol=0)
    other = loaded.decide(table, scene.draw(scene.start))
    assert not torch.equal(decision.pick_logits, other.pick_logits)


def test_one_agent_for_several_structures_is_trained_and_evaluated_by_its_pictures(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"image_size": [48, 64], "observe": ["images", "goal"]}
    tasks = ("build-tower", "build-row")
    for task in tasks:
        collect(task, episodes=1, data=tmp_path / "data", arguments=arguments)
    plan = TrainingPlan(
        agent="transporter",
        tasks=tasks,
        demos=1,
        config={"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4},
        settings=TrainingSettings(steps=2, val_episodes=0, device="cpu", threads=1),
    )
    train(plan, data=tmp_path / "data", out=tmp_path / "run")
    # Of a structure that it was never shown, too.
    found = evaluate(str(tmp_path / "run"), "build-stair", episodes=1, out=tmp_path / "eval")
    assert len(found.outcomes) == 1
    collect("build-tower", episodes=1, data=tmp_path / "plain", arguments={"image_size": [48, 64]})
    episode = EpisodeStore.of(tmp_path / "plain", "build-tower", "train").read(0)
    with pytest.raises(ConfigError, match=r"reads what this episode lacks.*goal"):
        decisions_of(PolicySpec.parse(str(tmp_path / "run")), episode)
