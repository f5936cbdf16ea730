"""One more object in another colour, in some examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.examples import augmentation_for
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_RED, _GREEN = (255, 87, 89), (89, 169, 79)
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_GOAL = np.array([0.6, 0.2, 0.7])
_STEP = scenes.Scene(
    _SQUARE, 0.03, _RED, np.array([0.4, -0.2, 0.0]), (_GOAL,), ((scenes.place(1.3 * _SQUARE, _GOAL), 0.002, _GREEN),)
).step(np.random.default_rng(0))
_OFTEN = Augmentation(scatter=1, distractors=1, shift=0, yaw=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_a_distractor_lies_on_bare_table_and_what_goes_where_stays_as_it_was(seed: int) -> None:
    example = augment(_STEP, _OFTEN, np.random.default_rng(seed))
    red = (example.color == _RED).all(axis=-1)
    strange = (example.height > 0.02) & ~red
    assert strange.sum() > 60 and red.sum() > 60, "as large as the object"
    assert np.linalg.norm(example.color[strange].astype(float) - _GREEN, axis=1).min() > 55
    column, row = example.pick.astype(int)
    assert red[row - 1 : row + 2, column - 1 : column + 2].any(), "a pick on its edge may be half a pixel beside it"
    column, row = example.place[0].astype(int)
    assert tuple(example.color[row, column]) == _GREEN
    assert not example.pick_affinity.any(), "nobody has shown whether it is to be picked"


def test_half_of_them_are_nearly_of_the_colour_of_the_goal() -> None:
    bowl = (scenes.place(1.3 * _SQUARE, _GOAL), 0.002, _RED)
    start = np.array([0.4, -0.2, 0.0])
    step = scenes.Scene(_SQUARE, 0.03, _GREEN, start, (_GOAL,), (bowl,)).step(np.random.default_rng(0))
    distances = []
    for seed in range(150):
        example = augment(step, _OFTEN, np.random.default_rng(seed))
        strange = (example.height > 0.02) & (example.color != _GREEN).any(axis=-1)
        distances.append(np.linalg.norm(example.color[strange].astype(float).mean(axis=0) - _RED))
    near = np.mean(np.array(distances) < 140)
    assert 0.5 < near < 0.8, "of colours drawn at random alone, three in ten are"


def test_they_are_as_bright_as_they_were_drawn() -> None:
    """A darker orange would be the brown of the goal."""
    shaded = replace(_OFTEN, shade=3.0, altered=1.0)
    for seed in range(40):
        example = augment(_STEP, shaded, np.random.default_rng(seed))
        colors = example.color[example.height > 0.02].astype(float)
        off = np.linalg.norm(np.cross(colors, _RED), axis=1) / np.linalg.norm(colors, axis=1) / np.linalg.norm(_RED)
        strange = colors[off > 0.05]
        assert len(strange) > 60
        assert strange.max(axis=1).min() >= 99, "none is darker than any is drawn"


def test_other_pictures_would_not_show_it() -> None:
    goal = Heightmap(_STEP.color, _STEP.height)
    for step in (replace(_STEP, goal=goal), replace(_STEP, first=goal)):
        example = augment(step, _OFTEN, np.random.default_rng(0))
        assert example.pick_affinity.any()


def test_the_agent_is_shown_them_where_few_colours_are_demonstrated_and_none_is_named() -> None:
    agent = Transporter(TransporterConfig(distractors=0.3))
    assert [agent.augmentation(demos).distractors for demos in (1, 10, 100)] == [0.3, 0, 0]
    assert 0 < agent.augmentation(3).distractors < 0.3
    assert augmentation_for(TransporterConfig(), 1, listens=True).distractors == 0
