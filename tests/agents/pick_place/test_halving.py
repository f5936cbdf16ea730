"""Examples that show part of the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Example, augment
from ravens_suite.agents.pick_place.augmentation_settings import UNCHANGED
from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.pick_place.halving import part_of
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import ArraySpec, Interface
from tests.agents import scenes

_STEP = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
_ROWS, _COLUMNS = _STEP.height.shape
_MARGIN = 24
_SMALL, _LARGE = 160, 224
TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)


def example(pick_row: float, *place_rows: float) -> Example:
    """Every pixel has a colour and a height of its own; the pick is known to one pixel."""
    rng = np.random.default_rng(0)
    affinity = np.zeros((_ROWS, _COLUMNS), np.float32)
    affinity[int(pick_row), 70] = 1
    whole = augment(_STEP, UNCHANGED, rng)
    return replace(
        whole,
        color=rng.integers(0, 256, (_ROWS, _COLUMNS, 3), np.uint8),
        height=0.005 * rng.random((_ROWS, _COLUMNS), np.float32),
        pick=np.array([70.5, pick_row]),
        place=np.array([[90.5, row] for row in place_rows]),
        yaw=np.zeros(len(place_rows)),
        pick_affinity=affinity,
    )


@settings(max_examples=200, deadline=None)
@given(
    pick=st.floats(0, _ROWS - 1e-3),
    places=st.lists(st.floats(0, _ROWS - 1e-3), min_size=1, max_size=3),
    shown=st.sampled_from([128, 160, 224]),
    seed=st.integers(0, 1000),
)
def test_a_part_shows_pick_and_places_away_from_where_the_table_is_cut(
    pick: float, places: list[float], shown: int, seed: int
) -> None:
    whole = example(pick, *places)
    seen = Heightmap(whole.color, whole.height)
    whole = replace(whole, goal=seen, first=seen, numbers=whole.color[..., 0])
    part = part_of(whole, shown, np.random.default_rng(seed))
    rows = [pick, *places]
    if part is None:
        assert max(rows) - min(rows) > shown - 2 * _MARGIN - 2
        return
    assert part.height.shape == (shown, _COLUMNS) and part.color.shape == (shown, _COLUMNS, 3)
    first = whole.pick[1] - part.pick[1]
    np.testing.assert_allclose(part.place, whole.place - np.array([0, first]))
    kept = slice(int(first), int(first) + shown)
    assert first == kept.start and np.array_equal(part.color, whole.color[kept])
    for scene in (part, part.goal, part.first):
        assert scene is not None and np.array_equal(scene.height, whole.height[kept])
    assert part.numbers is not None and np.array_equal(part.numbers, whole.color[kept, :, 0])
    assert part.pick_affinity.sum() == pytest.approx(1)
    for _, row in (part.pick, *part.place):
        assert row >= _MARGIN or kept.start == 0
        assert row <= shown - _MARGIN or kept.stop == _ROWS


def test_where_no_place_is_known_only_the_pick_has_to_be_seen() -> None:
    apart = example(10.0, _ROWS - 10.0)
    assert part_of(apart, 160, np.random.default_rng(0)) is None
    assert part_of(replace(apart, place_known=False), 160, np.random.default_rng(0)) is not None


@given(first=st.integers(0, _ROWS - 1), length=st.integers(1, _ROWS), seed=st.integers(0, 1000))
def test_nothing_that_stands_on_the_table_is_cut(first: int, length: int, seed: int) -> None:
    whole = example(150.0, 170.0)
    rope = slice(first, first + length)
    height = whole.height.copy()
    height[rope, 30:33] = 0.02
    part = part_of(replace(whole, height=height), 160, np.random.default_rng(seed))
    kept = 0 if part is None else int((part.height[:, 31] > 0.01).sum())
    assert kept in (0, len(height[rope]))
    if len(height[rope]) <= 24:
        assert part is not None


def test_all_cuts_that_are_possible_are_drawn() -> None:
    whole, rng = example(150.0, 170.0), np.random.default_rng(0)
    firsts = {150.0 - part.pick[1] for part in (part_of(whole, 160, rng) for _ in range(2000)) if part is not None}
    assert firsts == set(range(170 + _MARGIN - _ROWS // 2, 150 - _MARGIN + 1))


@pytest.mark.parametrize(("told", "parts"), [(False, 4), (True, 0)])
def test_the_first_steps_show_part_of_the_table(told: bool, parts: int) -> None:
    keys = [*KEYS, *(["instruction"] if told else [])]
    interface = Interface({key: ArraySpec((1,), "uint8") for key in keys})
    agent = Transporter(replace(TINY, halves=0.5), interface=interface)
    data = PickPlaceDataset([[replace(_STEP, instruction="put it in" if told else None)]])
    shown = [agent.step_inputs(data, agent.augmentation(1), step).batch.image.shape[2] for step in range(8)]
    assert shown == [_SMALL] * parts + [_ROWS] * (8 - parts)
    for step in (0, 7):
        assert np.isfinite(sum(agent.fit_step(data, step).values()))


def test_the_last_steps_before_a_run_may_end_show_all_of_the_table() -> None:
    agent = Transporter(replace(TINY, halves=1.0))
    data = PickPlaceDataset([[_STEP]])
    agent.wind_down([(1, 5), (6, 8)])
    shown = [agent.step_inputs(data, agent.augmentation(1), step).batch.image.shape[2] for step in range(8)]
    part, whole = _SMALL, _ROWS
    assert shown == [part, part, part, whole, whole, part, part, whole]


def test_examples_that_were_made_ahead_are_made_again_where_a_run_may_end() -> None:
    data, agents = PickPlaceDataset([[_STEP]]), [Transporter(replace(TINY, halves=1.0, workers=n)) for n in (0, 1)]
    for agent in agents:
        for step in range(8):
            if step == 2:
                agent.wind_down([(2, 6)])  # A worker has made the examples of the next steps, as if nothing ended.
            agent.fit_step(data, step)
    first, second = (agent.weights() for agent in agents)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize(("apart", "shown"), [(0.2, _SMALL), (0.5, _LARGE), (0.9, _ROWS)])
def test_the_farther_pick_and_place_are_apart_the_more_is_shown(apart: float, shown: int) -> None:
    pose = np.array([0.5, -apart / 2, 0.0]), np.array([0.5, apart / 2, 0.0])
    square = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
    step = scenes.Scene(square, 0.03, (255, 87, 89), pose[0], (pose[1],), ()).step(np.random.default_rng(0))
    agent = Transporter(replace(TINY, halves=1.0, scatter=0.0))
    still = replace(UNCHANGED, counts=False)
    assert len(agent.step_inputs(PickPlaceDataset([[step]]), still, 0).batch.image[0, 0]) == shown
