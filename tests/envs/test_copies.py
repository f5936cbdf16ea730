"""A copy of an environment is one of the same arguments in the same state, and goes on as the original does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.geometry import Pose
from ravens_suite.errors import InvalidActionError, PlacementError, ReplayError, ResetNeededError

ID = "ravens_suite/StackBlockPyramid-v0"
SMALL: dict[str, Any] = {"image_size": [24, 32]}

Copy = Callable[[Any], Any]
WAYS = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


@pytest.fixture(params=WAYS)
def copied(request: pytest.FixtureRequest) -> Copy:
    way: Copy = WAYS[request.param]
    return way


def make(identifier: str = ID, **options: Any) -> Any:
    return gymnasium.make(identifier, **{**SMALL, **options})


def oracle(env: Any) -> Any:
    return env.get_wrapper_attr("oracle_action")()


def assert_same(a: Any, b: Any) -> None:
    """Equal to the bit, however deep."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {"camera_noise": 1.0, "randomize": ["color", "camera"], "distractors": 1},
        {"observe": ["state", "proprioception", "instruction"], "split": "test"},
    ],
    ids=repr,
)
def test_a_copy_goes_on_as_the_original(copied: Copy, options: dict[str, Any]) -> None:
    env = make(**options)
    env.reset(seed=3)
    env.action_space.seed(5)
    env.step(oracle(env))
    twin = copied(env)
    assert twin.unwrapped is not env.unwrapped
    assert twin.spec == env.spec
    for _ in range(2):
        action = oracle(env)
        assert_same(oracle(twin), action)
        after, twin_after = env.step(action), twin.step(action)
        assert_same(twin_after[0], after[0])
        assert twin_after[1:4] == after[1:4]
        assert_same(twin_after[4], after[4])
    assert_same(twin.action_space.sample(), env.action_space.sample())
    assert_same(twin.reset()[0], env.reset()[0])  # The seed of the next episode is drawn.
    env.close()
    twin.step(oracle(twin))
    twin.close()


def test_a_copy_in_the_middle_of_a_path_of_way_points(copied: Copy) -> None:
    env = make("ravens_suite/BlockInsertionContinuous-v0", observe=["state", "proprioception"])
    env.reset(seed=1)
    for _ in range(5):
        env.step(oracle(env))
    twin = copied(env)
    rewards = []
    while not rewards or not (rewards[-1] or len(rewards) > 20):
        action = oracle(env)
        assert_same(oracle(twin), action)
        after, twin_after = env.step(action), twin.step(action)
        assert_same(twin_after[0], after[0])
        rewards.append(after[1])
    assert rewards[-1] == 1.0
    env.close()
    twin.close()


def test_a_copy_before_the_first_episode_and_after_its_end(copied: Copy) -> None:
    env = make("ravens_suite/BlockInsertion-v0", observe=["state"])
    fresh = copied(env.unwrapped)
    with pytest.raises(ResetNeededError, match="No episode has begun"):
        fresh.step({})
    assert_same(fresh.reset(seed=0)[0], env.reset(seed=0)[0])
    assert env.step(oracle(env))[2]
    over = copied(env)
    with pytest.raises(ResetNeededError, match="is over"):
        over.step({})
    env.close()
    closed = copied(env)
    with pytest.raises(ResetNeededError, match="closed"):
        closed.step({})
    fresh.close()
    over.close()


def test_a_copy_after_a_reset_that_failed_has_no_episode_either(copied: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    env = make("ravens_suite/BlockInsertion-v0", observe=["state"]).unwrapped

    def crowded(*arguments: Any) -> Any:
        raise PlacementError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(type(env.task), "build", crowded)
        with pytest.raises(PlacementError):
            env.reset(seed=0)
    twin = copied(env)
    with pytest.raises(ResetNeededError, match="The last reset failed"):
        twin.step({})
    assert_same(twin.reset(seed=0)[0], env.reset(seed=0)[0])
    with pytest.raises(InvalidActionError):
        twin.step({})
    env.close()
    twin.close()


def test_frames_that_wait_are_copied(copied: Copy) -> None:
    env = make("ravens_suite/BlockInsertion-v0", render_mode="rgb_array_list", render_size=[24, 32])
    env.reset(seed=0)
    env.step(oracle(env))
    twin = copied(env)
    assert_same(np.stack(twin.render()), np.stack(env.render()))
    env.close()
    twin.close()


def test_a_scene_that_was_changed_by_hand_is_not_copied_silently(copied: Copy) -> None:
    env = make("ravens_suite/BlockInsertion-v0", observe=["state"]).unwrapped
    env.reset(seed=0)
    env._scene.move("block", Pose((0.4, 0.2, 0.02)))
    with pytest.raises(ReplayError, match=r"'block' is .* mm from where it was"):
        copied(env)
    env.close()
