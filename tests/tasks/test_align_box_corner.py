import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose, tilt_error
from ravens_suite.core.goals import FULL_TURN
from ravens_suite.core.palette import PALETTE
from ravens_suite.tasks.align_box_corner import HEIGHT_RANGE, SIDE_RANGE, resting_poses

TASK = "align-box-corner"
sides = st.floats(*SIDE_RANGE)


@given(sides, sides, st.floats(0.3, 0.7), st.floats(-0.4, 0.4), st.floats(0, 2 * math.pi))
def test_in_each_resting_pose_another_corner_of_the_box_lies_in_the_marker(
    width: float, depth: float, x: float, y: float, yaw: float
) -> None:
    outline = Pose.planar(x, y, 0.02, yaw)
    corners = np.array([(a * width / 2, b * depth / 2, 0) for a in (-1, 1) for b in (-1, 1)])
    nested = set()
    for pose in resting_poses(outline, width, depth):
        local = (outline.inverse() @ pose).apply(corners)
        assert local.max(axis=0)[:2] == pytest.approx((width / 2, depth / 2))
        nested.add(int(np.argmax(local[:, 0] + local[:, 1])))
        assert pose.position[2] == pytest.approx(0.02)
    assert len(nested) == 4


def test_the_box_and_its_marker(build: Callable[..., Any]) -> None:
    for seed in range(6):
        start = build(TASK, seed)
        (goal,) = start.goals
        assert goal.symmetries == (FULL_TURN,)
        assert goal.position_tolerance == 0.01
        assert start.task.max_steps == 3
        body = start.scene.body("box")
        width, depth, height = body.collisions[0].size
        assert SIDE_RANGE[0] <= min(width, depth) <= max(width, depth) <= SIDE_RANGE[1]
        assert HEIGHT_RANGE[0] <= height <= HEIGHT_RANGE[1]
        assert body.mass == 0.1
        shade = np.array(body.visuals[0].color) / PALETTE["brown"]
        assert 0.5 <= shade[0] <= 1.5
        assert shade == pytest.approx(shade[0])
        assert not start.scene.body("corner marker").collisions
        assert {visual.color for visual in start.scene.body("corner marker").visuals} == {PALETTE["green"]}
        assert start.scene.pose("corner marker").yaw == pytest.approx(goal.targets[0].yaw)


def test_every_one_of_the_four_poses_scores_and_half_way_between_does_not(build: Callable[..., Any]) -> None:
    (goal,) = build(TASK, 0).goals
    for target in goal.targets:
        assert goal.progress({"box": target}) == 1
        assert goal.progress({"box": target @ Pose.planar(0, 0, 0, math.radians(20))}) == 0
        assert goal.progress({"box": target @ Pose.planar(0.011, 0)}) == 0


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


@pytest.mark.parametrize(
    ("seed", "split", "motion"), [(0, "train", "fast"), (1, "test", "fast"), (2, "train", "simulated")]
)
def test_the_oracle_aligns_the_box_at_once(rollout: Callable[..., Any], seed: int, split: str, motion: str) -> None:
    end = rollout(TASK, seed, split, motion)
    assert end.success
    assert end.steps == 1
    assert tilt_error(end.poses["box"], Pose()) < 0.02
