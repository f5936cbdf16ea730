"""Random colours for things that a step does not involve."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.recoloring import recolor, with_other_hues
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE
from tests.agents import scenes

_RED, _GREEN, _YELLOW = (255, 87, 89), (89, 169, 79), (237, 201, 72)
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000


def _bowls() -> tuple[Heightmap, np.ndarray]:
    """A scene with a green and a yellow bowl, half of the latter in shade, and a goal region in the green one."""
    color = np.full((*AGENT_WORKSPACE.shape, 3), 51, np.uint8)
    height = np.zeros(AGENT_WORKSPACE.shape, np.float32)
    color[40:60, 40:60], height[40:60, 40:60] = _GREEN, 0.02
    color[100:120, 40:60], height[100:120, 40:60] = _YELLOW, 0.02
    color[100:110, 40:60] //= 2
    goal = np.zeros(height.shape, bool)
    goal[45:50, 45:50] = True
    return Heightmap(color, height), goal


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_only_things_outside_the_goal_change_and_to_a_colour_unlike_the_others(seed: int) -> None:
    scene, goal = _bowls()
    before = scene.color.copy()
    after = recolor(scene, goal, np.array(_RED, dtype=np.float64), np.random.default_rng(seed))
    np.testing.assert_array_equal(scene.color, before, err_msg="the scene itself is shared by examples")
    thing = np.zeros(goal.shape, bool)
    thing[100:120, 40:60] = True
    np.testing.assert_array_equal(after[~thing], before[~thing])
    bright, dark = after[115, 50].astype(float), after[105, 50].astype(float)
    np.testing.assert_allclose(dark, bright / 2, atol=2)
    for other in (_RED, _GREEN):
        assert np.linalg.norm(bright / np.linalg.norm(bright) - other / np.linalg.norm(other)) > 0.2


def test_colours_vary_and_half_of_them_stay() -> None:
    scene, goal = _bowls()
    seen = [
        tuple(recolor(scene, goal, np.array(_RED, float), np.random.default_rng(seed))[115, 50]) for seed in range(60)
    ]
    assert 15 < seen.count(_YELLOW) < 45
    assert len(set(seen)) > 10


def test_examples_show_a_thing_in_other_colours() -> None:
    """The object keeps its own, as does what it goes to."""
    goal = np.array([0.6, 0.2, 0.7])
    decor = (
        (scenes.place(1.3 * _SQUARE, goal), 0.002, _GREEN),
        (scenes.place(_SQUARE, np.array([0.4, 0.3, 0.0])), 0.02, _YELLOW),
    )
    step = scenes.Scene(_SQUARE, 0.03, _RED, np.array([0.4, -0.2, 0.0]), (goal,), decor).step(np.random.default_rng(0))
    counts = []
    for seed in range(20):
        example = augment(step, Augmentation(scatter=1, recolored=1, shift=0, yaw=0), np.random.default_rng(seed))
        assert (example.color == _RED).all(axis=-1).sum() > 60 and (example.color == _GREEN).all(axis=-1).sum() > 100
        counts.append((example.color == _YELLOW).all(axis=-1).sum() > 60)
    assert 3 < sum(counts) < 17


def test_other_hues_keep_greys_and_change_colours() -> None:
    rng = np.random.default_rng(0)
    image = np.array([[[120, 120, 120], [200, 40, 40]]], np.uint8)
    seen = np.stack([with_other_hues(image, rng)[0] for _ in range(50)])
    assert np.abs(seen[:, 0].astype(int) - 120).max() <= 1
    assert {int(row.argmax()) for row in seen[:, 1]} == {0, 1, 2}
