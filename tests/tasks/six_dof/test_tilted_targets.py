import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose, tilt_error
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.errors import ConfigError, PlacementError
from ravens_suite.sim import kinematics
from ravens_suite.sim.bodies import triangles
from ravens_suite.sim.objects import l_block
from ravens_suite.tasks.six_dof._tilts import Tilts, check_clear, check_reach
from ravens_suite.tasks.six_dof.block_insertion_six_dof_ood import TILTS as INSERTION
from ravens_suite.tasks.six_dof.hanging_discs import TILTS as HANGING
from ravens_suite.tasks.six_dof.hanging_discs import HangingDiscs
from ravens_suite.tasks.six_dof.place_red_in_green_six_dof import TILTS as BOWLS
from ravens_suite.tasks.six_dof.place_red_in_green_six_dof import PlaceRedInGreenSixDof
from ravens_suite.tasks.six_dof.stacking_shapes import TILTS as STACKING
from ravens_suite.tasks.six_dof.stacking_shapes import StackingShapes

TILTED: dict[str, Tilts] = {
    "block-insertion-six-dof-ood": INSERTION,
    "hanging-discs-ood": HANGING,
    "stacking-shapes-ood": STACKING,
    "place-red-in-green-six-dof-ood": BOWLS,
}
STANDARD = ("hanging-discs", "stacking-shapes", "place-red-in-green-six-dof")


def most_tilts(build: Callable[..., Any], name: str, split: str) -> list[float]:
    """The greater of roll and pitch of every target of some scenes."""
    found = []
    for seed in range(8):
        for goal in build(name, seed, split).goals:
            assert goal.full_pose
            found += [max(abs(angle) for angle in target.roll_pitch) for target in goal.targets]
    return found


@pytest.mark.parametrize("name", TILTED)
def test_tilts_beyond_training_are_in_tests_alone(build: Callable[..., Any], name: str) -> None:
    tilts, slack = TILTED[name], 1e-6
    for split in ("train", "val"):
        assert max(most_tilts(build, name, split)) <= tilts.most + slack
    beyond = most_tilts(build, name, "test")
    assert tilts.most - slack < min(beyond) and max(beyond) <= tilts.beyond + slack


@pytest.mark.parametrize("name", STANDARD)
def test_the_standard_form_never_goes_beyond_and_trains_on_the_same_scenes(
    build: Callable[..., Any], name: str
) -> None:
    assert max(most_tilts(build, name, "test")) <= TILTED[f"{name}-ood"].most + 1e-6
    assert build(name, 3).scene.poses() == build(f"{name}-ood", 3).scene.poses()


@pytest.mark.parametrize("name", [*STANDARD, *TILTED])
@pytest.mark.parametrize(("seed", "split"), [(0, "train"), (1, "test"), (2, "test")])
def test_the_oracle_reaches_the_full_pose(rollout: Callable[..., Any], name: str, seed: int, split: str) -> None:
    end = rollout(name, seed, split)
    assert end.success
    assert end.score == pytest.approx(1)


@pytest.mark.parametrize("name", TILTED)
def test_a_body_that_lies_level_or_too_low_scores_but_is_no_strict_success(
    build: Callable[..., Any], name: str
) -> None:
    for seed in range(3):
        (goal, *_) = build(name, seed, "test").goals
        target, body = goal.targets[0], goal.objects[0]
        assert goal.met({body: target})[body]
        level = target.level()
        if tilt_error(level, target) > goal.rotation_tolerance:
            assert goal.progress({body: level}) == pytest.approx(goal.weights()[0])
            assert not goal.met({body: level})[body]
        lowered = target.at(z=target.position[2] - goal.position_tolerance - 1e-3)
        assert goal.progress({body: lowered}) > 0
        assert not goal.met({body: lowered})[body]


def test_what_the_arm_cannot_reach_and_what_the_table_would_cut_is_drawn_again() -> None:
    leaning = Tilts(math.radians(45), math.radians(50), (0.05, 0.15))
    rng, refused = np.random.default_rng(0), 0
    corners = np.concatenate([triangles(shape).reshape(-1, 3) for shape in l_block().collisions])
    for _ in range(100):
        pose = leaning.draw(Pose.planar(0.7, 0.4, 0.02, rng.uniform(0, 6)), rng, beyond=False)
        try:
            check_reach(pose, [(0.0, 0.0, 0.02)])
            check_clear(l_block(), pose)
        except PlacementError:
            refused += 1
            continue
        assert kinematics.reachable(kinematics.tool_to_flange(pose @ Pose((0.0, 0.0, 0.02))))
        assert pose.apply(corners)[:, 2].min() >= PLANE_HEIGHT
    assert 0 < refused < 100


@pytest.mark.parametrize("task", [HangingDiscs, StackingShapes, PlaceRedInGreenSixDof])
def test_a_wrong_option_is_named(task: Any) -> None:
    with pytest.raises(ConfigError, match="ood must be true or false; got 'yes'"):
        task(ood="yes")
