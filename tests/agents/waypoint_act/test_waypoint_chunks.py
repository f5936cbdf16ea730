"""Ends of straight moves, and the windows that the agent learns from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.waypoint_act.chunks import CELL, MAP, read_windows, straight_moves, to_cells, to_pose
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect

_START = np.array([40.0, 80.0, 0.3, 0.0])


def _line(start: Array, end: Array, count: int, gripper: float, last: float) -> list[Array]:
    """Way-points that divide a straight line."""
    parts = [start + (end - start) * i / count for i in range(1, count + 1)]
    return [np.append(part, last if i == count - 1 else gripper) for i, part in enumerate(parts)]


def test_only_the_ends_of_straight_moves_are_kept_and_where_the_gripper_switches() -> None:
    over, down = np.array([10.0, 20.0, 0.27, 0.0]), np.array([10.0, 20.0, 0.03, 0.0])
    goal = np.array([60.0, 120.0, 0.27, 2.0])
    actions = [
        *_line(_START, over, 2, 0, 0),
        *_line(over, down, 3, 0, 1),
        *_line(down, over, 2, 1, 1),
        *_line(over, goal, 4, 1, 1),
    ]
    assert straight_moves(_START, np.stack(actions), grips=True) == [1, 4, 6, 10]


def test_a_tool_that_works_on_its_way_keeps_where_the_work_begins() -> None:
    start, end = np.array([10.0, 20.0, 0.005, 0.0]), np.array([30.0, 20.0, 0.005, 0.0])
    actions = [*_line(_START, start, 2, 0, 0), *_line(start, end, 2, 1, 1)]
    assert straight_moves(_START, np.stack(actions), grips=False) == [1, 3]


def test_a_gripper_that_switches_on_the_way_is_no_straight_move() -> None:
    end = np.array([40.0, 80.0, 0.1, 0.0])
    actions = np.stack(_line(_START, end, 3, 0, 0))
    actions[1, 4] = 1
    assert straight_moves(_START, actions, grips=True) == [1, 2]


@given(st.lists(st.tuples(*[st.floats(0, 80)] * 2, st.floats(0, 0.3), st.floats(-3, 3)), min_size=1, max_size=12))
def test_the_path_through_what_is_kept_passes_all_way_points(points: list[tuple[float, ...]]) -> None:
    actions = np.column_stack([np.array(points), np.zeros(len(points))])
    kept = straight_moves(_START, actions, grips=True)
    assert kept[-1] == len(points) - 1 and kept == sorted(set(kept))
    scale, start = np.array([CELL, CELL, 1.0]), _START[:3]
    for first, last in zip([-1, *kept], kept, strict=False):
        end = actions[last, :3]
        for between in actions[first + 1 : last, :3]:
            way, passed = (end - start) * scale, (between - start) * scale
            part = np.clip(passed @ way / max(way @ way, 1e-12), 0, 1)
            assert np.linalg.norm(passed - part * way) < 0.003
        start = end


@given(st.floats(0.25, 0.75), st.floats(-0.5, 0.5), st.floats(0, 0.37), st.floats(-math.pi, math.pi))
def test_poses_and_cells_are_inverses(x: float, y: float, z: float, yaw: float) -> None:
    pose = Pose.planar(x, y, z, yaw).vector()
    back = to_pose(to_cells(pose))
    np.testing.assert_allclose(back[:3], pose[:3], atol=1e-12)
    assert abs(float(back[3:] @ pose[3:])) == pytest.approx(1, abs=1e-9)


def test_windows_of_an_episode_say_the_way_points_to_come(tmp_path: Path) -> None:
    arguments = {"image_size": [48, 64], "observe": ["images", "proprioception"]}
    collect("block-insertion-continuous", episodes=1, data=tmp_path, arguments=arguments)
    store = EpisodeStore.of(tmp_path, "block-insertion-continuous", "train")
    demonstrations = Demonstrations([store.path(seed) for seed in store.seeds()])
    windows = read_windows(demonstrations, chunk=5)
    assert (demonstrations[0].summary.steps, len(windows)) == (10, 5)
    assert [window.step for window in windows] == [0, 2, 4, 6, 8]
    first, last = windows[0], windows[-1]
    assert first.color.shape == (*MAP.shape, 3) and first.height.shape == MAP.shape
    # Over the block, down to it, up, over the fixture, down and let go: every midway point is dropped.
    assert first.valid.all() and first.chunk[:, 4].tolist() == [0, 1, 1, 1, 0]
    assert last.valid.tolist() == [True, False, False, False, False] and last.chunk[0, 4] == 0
    assert not first.holds and last.holds
    # It has not moved yet; it has come from over the block.
    assert first.came.tolist() == [0, 0] and last.came[1] > 0.05 and last.came[0] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(first.chunk[0, :2], first.chunk[1, :2], atol=0.1)
    np.testing.assert_allclose(last.chunk[0], first.chunk[4])
