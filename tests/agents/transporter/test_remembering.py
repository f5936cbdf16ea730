"""The agent that remembers the first scene of the episode: shown beside the scene of now, and moved with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import UNCHANGED, Augmentation, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.steps import Step, step_from_maps, with_later_objects
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.losses import make_batch
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings
from tests.agents import scenes

TINY = TransporterConfig(
    widths=(2, 2, 2, 2),
    depth=1,
    coarse_radius=6,
    fine_radius=6,
    angles=12,
    steps=8,
    precision="float32",
    device="cpu",
    remembers=True,
)
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_STARTS = ((0.35, -0.3), (0.4, 0.0))
_PLACES = ((0.6, -0.1), (0.6, 0.2))
_COLORS = ((200, 60, 60), (60, 60, 200))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _cubes(positions: tuple[tuple[float, float], ...]) -> Heightmap:
    """A red and a blue cube."""
    empty = scenes.Scene(_SQUARE, 0.04, _COLORS[0], np.zeros(3), (), ()).draw(np.array([9.0, 9.0, 0.0]))
    color, height = empty.color.copy(), empty.height.copy()
    for (x, y), paint in zip(positions, _COLORS, strict=True):
        mask = scenes.fill(scenes.place(_SQUARE, np.array([x, y, 0.0])))
        color[mask], height[mask] = paint, 0.04
    return Heightmap(color, height)


def _moves() -> list[Step]:
    """The red cube is moved, then the blue one."""
    maps = [_cubes(_STARTS), _cubes((_PLACES[0], _STARTS[1])), _cubes(_PLACES)]
    ends = list(zip(_STARTS, _PLACES, strict=True))
    steps = [
        step_from_maps(maps[t], maps[t + 1], Pose((*ends[t][0], 0.04)), Pose.planar(*ends[t][1], 0.04, 1e-3))
        for t in range(2)
    ]
    return with_later_objects([replace(step, first=maps[0]) for step in steps])


def _area(scene: Heightmap, paint: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return (scene.color == paint).all(axis=-1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scatter=st.sampled_from([0.0, 1.0]))
def test_what_has_not_moved_since_lies_at_the_same_place_in_both_scenes(seed: int, scatter: float) -> None:
    first_step, second_step = _moves()
    changes = Augmentation(scatter=scatter, stretch=1.6, altered=1, shift=20, flips=True, height=2.0, bent=0.5)
    example = augment(first_step, changes, np.random.default_rng(seed))
    assert example.first is not None
    for paint in _COLORS:
        np.testing.assert_array_equal(
            _area(example.first, paint), _area(Heightmap(example.color, example.height), paint)
        )
    example = augment(second_step, changes, np.random.default_rng(seed))
    assert example.first is not None
    now = Heightmap(example.color, example.height)
    np.testing.assert_array_equal(_area(example.first, _COLORS[1]), _area(now, _COLORS[1]))


def test_what_has_been_moved_is_remembered_where_it_was() -> None:
    step = _moves()[1]
    example = augment(step, UNCHANGED, np.random.default_rng(0))
    assert example.first is not None
    assert step.first is not None
    np.testing.assert_array_equal(_area(example.first, _COLORS[0]), _area(step.first, _COLORS[0]))
    assert not (_area(example.first, _COLORS[0]) & _area(step.scene, _COLORS[0])).any()


def test_the_first_scene_is_five_further_channels() -> None:
    example = augment(_moves()[1], UNCHANGED, np.random.default_rng(0))
    image = make_batch([example]).image
    assert image.shape == (1, 10, 320, 160)
    assert example.first is not None
    swapped = replace(example, color=example.first.color, height=example.first.height, first=None)
    torch.testing.assert_close(image[:, 5:], make_batch([swapped]).image, rtol=0, atol=0)
    both = replace(example, goal=example.first)
    assert make_batch([both]).image.shape == (1, 15, 320, 160)


def test_its_next_decision_depends_on_what_it_saw_first_also_when_loaded_until_an_episode_begins(
    tmp_path: Path,
) -> None:
    agent = Transporter(TINY, seed=1)
    dataset = PickPlaceDataset([_moves()])
    losses = [agent.fit_step(dataset, step) for step in range(2)]
    assert all(np.isfinite(list(each.values())).all() for each in losses)
    agent.save(tmp_path)
    loaded = Transporter.load(tmp_path)
    assert isinstance(loaded, Transporter)
    now = _cubes((_PLACES[0], _STARTS[1]))

    def logits(of: Transporter, first: Heightmap) -> torch.Tensor:
        of.reset()
        of.action(first)
        return of.decide(now).pick_logits

    here, elsewhere = _cubes(_STARTS), _cubes((_PLACES[1], _STARTS[1]))
    torch.testing.assert_close(logits(loaded, here), logits(agent, here), rtol=0, atol=0)
    assert not torch.equal(logits(agent, here), logits(agent, elsewhere))
    agent.reset()
    fresh = agent.decide(now).pick_logits
    loaded.reset()
    torch.testing.assert_close(loaded.decide(now).pick_logits, fresh, rtol=0, atol=0)


def test_it_is_trained_and_evaluated_on_a_task_of_memory(tmp_path: Path) -> None:
    task = "visit-in-order-then-restore"
    arguments: dict[str, Any] = {"image_size": [48, 64], "observe": ["images", "instruction"]}
    collect(task, episodes=1, data=tmp_path / "data", arguments=arguments)
    config = {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4, "remembers": True}
    plan = TrainingPlan(
        agent="transporter",
        tasks=(task,),
        demos=1,
        config=config,
        settings=TrainingSettings(steps=2, val_episodes=0, device="cpu", threads=1),
    )
    train(plan, data=tmp_path / "data", out=tmp_path / "run")
    found = evaluate(str(tmp_path / "run"), task, episodes=1, out=tmp_path / "eval")
    assert len(found.outcomes) == 1
