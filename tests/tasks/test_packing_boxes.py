import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import rotate_vector
from ravens_suite.core.goals import Scorer, ZoneGoal
from ravens_suite.tasks._packing import GAP, HEIGHT, RIM, Cell, divide
from ravens_suite.tasks.packing_boxes import SIDES

TASK = "packing-boxes"
sides = st.floats(*SIDES)


def contents(width: float, depth: float) -> Cell:
    return Cell((RIM - width / 2, RIM - depth / 2), (width / 2 - RIM, depth / 2 - RIM))


@given(sides, sides, st.integers(0, 2**32))
def test_cells_are_no_longer_than_ten_centimetres_and_keep_their_distance(
    width: float, depth: float, seed: int
) -> None:
    whole = contents(width, depth)
    cells = divide(whole, np.random.default_rng(seed))
    for cell in cells:
        for axis in (0, 1):
            assert cell.size[axis] <= 0.10 + 1e-9
            assert cell.size[axis] >= min(0.045, whole.size[axis]) - 1e-9
            assert whole.low[axis] - 1e-9 <= cell.low[axis] < cell.high[axis] <= whole.high[axis] + 1e-9
    for a, b in itertools.combinations(cells, 2):
        assert max(max(b.low[i] - a.high[i], a.low[i] - b.high[i]) for i in (0, 1)) >= GAP - 1e-9


def test_as_many_boxes_as_the_published_rule_gives() -> None:
    rng = np.random.default_rng(0)
    counts = [len(divide(contents(*rng.uniform(*SIDES, size=2)), rng)) for _ in range(4000)]
    assert np.mean(counts) == pytest.approx(5.1, abs=0.2)
    assert np.median(counts) == 4
    assert np.percentile(counts, 90) == pytest.approx(10, abs=1)


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


def test_boxes_start_outside_of_the_container_and_would_fit_in_it(build: Callable[..., Any]) -> None:
    for seed in range(3):
        start = build(TASK, seed)
        (goal,) = start.goals
        assert isinstance(goal, ZoneGoal)
        poses = start.scene.poses()
        scorer = Scorer(start.goals)
        assert scorer.update(poses) == 0
        assert scorer.update(poses | dict(zip(goal.objects, goal.targets, strict=True))) == pytest.approx(1)
        assert scorer.done
        for name in goal.objects:
            low, high = start.scene.bounds(name)
            assert low[2] == pytest.approx(-0.001, abs=5e-4)
            assert high[2] - low[2] == pytest.approx(HEIGHT, abs=1e-3)


@pytest.mark.parametrize(
    ("seed", "split", "motion"), [(0, "train", "fast"), (1, "test", "fast"), (2, "train", "simulated")]
)
def test_the_oracle_packs_every_box_upright(rollout: Callable[..., Any], seed: int, split: str, motion: str) -> None:
    end = rollout(TASK, seed, split, motion)
    assert end.success
    assert end.score == pytest.approx(1)
    for name, pose in end.poses.items():
        assert rotate_vector(pose.quaternion, (0.0, 0.0, 1.0))[2] > 0.99, name
        assert 0 < pose.position[2] < 0.2


def test_resets_keep_memory(growth: Callable[..., float]) -> None:
    assert growth(TASK, 20) < 5
