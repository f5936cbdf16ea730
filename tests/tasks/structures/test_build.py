import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.rollout.environments import checked_arguments, make_environment
from ravens_suite.tasks.structures._cells import (
    HELD_OUT,
    LEARNT,
    MOST_CUBES,
    STRUCTURES,
    checked_cells,
    footprint,
    overhang,
)
from ravens_suite.tasks.structures.build import Build

GATE = [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]


def test_six_to_learn_from_and_eight_held_out_are_tasks_that_could_stand() -> None:
    assert (len(LEARNT), len(HELD_OUT)) == (6, 8)
    assert set(Build.variants) == set(STRUCTURES)
    for name, cells in STRUCTURES.items():
        own = checked_cells([list(cell) for cell in cells])
        assert {cell.layer for cell in own} == set(range(own[-1].layer + 1)), name
        assert len(own) == len(cells)


@pytest.mark.parametrize("name", STRUCTURES)
def test_goals_are_layers_from_the_stand_up_and_any_cube_may_go_anywhere(build: Callable[..., Any], name: str) -> None:
    start, cells = build(f"build-{name}", 0), STRUCTURES[name]
    assert start.task.max_steps == len(cells) + 2
    assert [len(goal.targets) for goal in start.goals] == [
        len([cell for cell in cells if cell.layer == layer]) for layer in range(cells[-1].layer + 1)
    ]
    assert math.fsum(goal.share for goal in start.goals) == pytest.approx(1)
    stand = start.scene.pose("stand")
    for layer, goal in enumerate(start.goals):
        assert len(goal.objects) == len(cells)
        for place in goal.targets:
            assert place.position[2] - stand.position[2] == pytest.approx(0.0025 + 0.04 * (layer + 0.5))


def test_a_place_counts_for_any_cube_at_its_height_turned_by_quarters(build: Callable[..., Any]) -> None:
    first, second, _ = build("build-tower", 1).goals
    foot, middle = first.targets[0], second.targets[0]
    for name in first.objects:
        assert first.progress({name: foot @ Pose.planar(0.005, 0, 0, math.pi / 2)}) == 1
        assert first.progress({name: foot @ Pose.planar(0, 0, 0, math.pi / 4)}) == 0
        assert first.progress({name: foot @ Pose.planar(0.011, 0, 0, 0)}) == 0
        assert second.progress({name: foot}) == 0, "a cube at the foot is not in the layer above it"
        assert second.progress({name: middle}) == 1
    assert list(second.met({"cube 1": foot, "cube 2": middle}).values()) == [True, True, False]


def test_the_oracle_fills_what_has_fallen_out_below_first(build: Callable[..., Any]) -> None:
    first, second, _ = build("build-tower", 1).goals
    foot, middle, loose = first.targets[0], second.targets[0], Pose((0.3, 0.4, 0.02))
    assert second.moves({"cube 1": foot, "cube 2": loose}) == [("cube 2", middle)]
    assert second.moves({"cube 1": loose, "cube 2": middle}) == [("cube 1", foot)]
    assert second.moves({"cube 1": foot, "cube 2": middle, "cube 3": loose}) == []


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_oracle_builds_it_with_one_action_a_cube(rollout: Callable[..., Any], name: str) -> None:
    end = rollout(f"build-{name}", 2, "test")
    assert end.success
    assert end.score == pytest.approx(1)
    assert end.steps == len(STRUCTURES[name])


def test_a_structure_of_the_users_own_is_built_and_its_goal_is_seen() -> None:
    environment = RavensEnv("build", observe=["state", "goal"], structure=json.loads(json.dumps(GATE)))
    observation, _ = environment.reset(seed=3)
    goal = observation["goal_state"].reshape(-1, 11)
    assert sorted(row[3] for row in goal if row[0])[1:] == pytest.approx([0.025, 0.025, 0.065], abs=2e-3)
    for _ in range(3):
        _, _, terminated, _, info = environment.step(environment.oracle_action())
    environment.close()
    assert terminated
    assert info["success"]


def test_the_step_limit_is_that_of_the_structure() -> None:
    assert checked_arguments("build-pallet", "test", {"max_episode_steps": 10}) == {}
    own = {"structure": GATE}
    environment = make_environment("build-continuous", "test", {**own, "observe": ["state"]})
    limit = environment.spec.max_episode_steps  # type: ignore[union-attr]
    environment.close()
    assert limit
    assert checked_arguments("build-continuous", "test", {**own, "max_episode_steps": limit}) == own
    with pytest.raises(ConflictError, match=rf"max_episode_steps is 5, .* {limit}"):
        checked_arguments("build-continuous", "test", {**own, "max_episode_steps": 5})


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ("twin-tower", "Did you mean 'twin-towers'"),
        ([], "list of cells"),
        ({"cells": GATE}, "list of cells"),
        ([[0, 0]], r"\[0, 0\] is no cell"),
        ([[0, 0, 0.5]], "is no cell"),
        ([[0, "1", 0]], "is no cell"),
        ([[0, math.nan, 0]], "is no cell"),
        ([[0, 0, -1]], "from 0"),
        ([[0, 0, layer] for layer in range(6)], r"\[0, 0, 5\] is no cell .* to 4, above which the arm cannot build"),
        (b"tower", "list of cells"),
        ([[0, 0, 0], [0, 0.5, 0]], r"\[0, 0, 0\] and \[0, 0.5, 0\] of structure are too close: .* a pitch of 5 cm"),
        ([[0, 0, 0], [0, 0, 0]], "too close"),
        ([[0, 0, 0], [0, 0.5, 1]], "would fall"),
        ([[0, 0, 0], [0, 0, 2]], "put cubes under its middle, in layer 1"),
        ([[0, y, 0] for y in range(7)], "wider than 6"),
        ([[x, y, 0] for x in range(5) for y in range(5)], "25 cells"),
        ([[0, 0, 0], [0.3, 0, 1], [0.6, 0, 2]], r"\[0.6, 0, 2\] of structure would fall, or tip over"),
        ([[0, 0, 0], [0.39, 0, 1]], "2 mm"),
        ([[1e308, 0, 0]], "is no cell"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(structure: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Build(structure=structure)


@pytest.mark.parametrize(
    "structure",
    [
        [[0, 0, 0], [0.2, 0, 1], [0.35, 0, 2]],
        [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 1], [0.5, 0.5, 2]],
        [[0, 0, 0], [0, 1.5, 0], [0, 0.75, 1]],
        [[0, 0, 0], [1, 0, 0], [0.3, 0, 1], [1.3, 0, 1], [0.8, 0, 2]],
        [[0, 0, layer] for layer in range(5)],
    ],
)
def test_what_leans_and_stands_is_built(structure: Any) -> None:
    environment = RavensEnv("build", observe=["state"], structure=structure)
    environment.reset(seed=4)
    for _ in structure:
        *_, info = environment.step(environment.oracle_action())
    environment.close()
    assert info["success"]


def test_no_loose_cube_lies_under_what_reaches_out() -> None:
    structure = [[0, 0, 0], [0.35, 0, 1]]
    cells = checked_cells(structure)
    assert (overhang(cells), footprint(cells)) == (pytest.approx((0.35, 0)), pytest.approx((0.085, 0.05)))
    environment = RavensEnv("build", observe=["state"], structure=structure)
    for seed in range(20):
        observation, _ = environment.reset(seed=seed)
        names = observation["state_names"].split("\n")
        rows = zip(names, observation["state"].reshape(-1, 11), strict=False)
        poses = {name: Pose.from_vector(row[1:8]) for name, row in rows if name}
        assert set(poses) == {"stand", "cube 1", "cube 2"}
        for cube in ("cube 1", "cube 2"):
            x, y, _ = (poses["stand"].inverse() @ poses[cube]).position
            assert abs(x) > 0.05 * 0.85 or abs(y) > 0.05 / 2
    environment.close()


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 4)), max_size=MOST_CUBES + 1))
@settings(max_examples=200, deadline=None)
def test_any_list_of_cells_is_centred_and_kept_or_refused(halves: list[tuple[int, int, int]]) -> None:
    structure = [[x / 2, y / 2, layer] for x, y, layer in halves]
    try:
        cells = checked_cells(structure)
    except ConfigError:
        return
    assert len(cells) == len(structure)
    assert [cell.layer for cell in cells] == sorted(cell.layer for cell in cells)
    for axis in (0, 1):
        foot = [cell[axis] for cell in cells if cell.layer == 0]
        assert min(foot) + max(foot) == pytest.approx(0)
