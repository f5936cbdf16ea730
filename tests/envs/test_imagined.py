"""What is imagined of an action, beside what it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ravens_suite.errors import ConfigError, InvalidActionError
from ravens_suite.rollout.environments import make_environment


def made(task: str) -> Any:
    environment = make_environment(task, "test", {"observe": ["state"]})
    environment.reset(seed=4)
    return environment.unwrapped


@pytest.mark.parametrize("task", ["block-insertion", "place-red-in-green", "stack-block-pyramid", "packing-boxes"])
def test_the_oracle_earns_what_was_imagined(task: str) -> None:
    environment = made(task)
    imagined, earned = [], []
    for _ in range(4):
        action = environment.oracle_action()
        seen = environment.imagine(action)
        assert seen.object and seen.wanted
        imagined.append(seen.reward)
        assert environment.imagine(action) == seen  # Nothing has changed.
        _, reward, terminated, truncated, _ = environment.step(action)
        earned.append(reward)
        if terminated or truncated:
            break
    np.testing.assert_allclose(imagined, earned, atol=0.02)
    environment.close()


def test_wrong_actions_are_told_by_what_is_wrong() -> None:
    environment = made("block-insertion")
    action = environment.oracle_action()
    right = environment.imagine(action)
    assert right.distance < 0.01 and right.turn < math.radians(15) and right.reward == pytest.approx(1.0)
    shifted = {**action, "place": action["place"] + [0.05, 0, 0, 0, 0, 0, 0]}
    off = environment.imagine(shifted)
    assert off.object == right.object and off.reward == 0
    assert off.distance == pytest.approx(0.05, abs=0.01)
    turned = {**action, "place": np.concatenate([action["place"][:3], [0, 0, 1, 0]])}
    assert environment.imagine(turned).reward == 0
    empty = {**action, "pick": np.array([0.26, 0.49, 0, 0, 0, 0, 1.0])}
    assert environment.imagine(empty).object == "" and environment.imagine(empty).reward == 0
    with pytest.raises(InvalidActionError, match="the key 'place'"):
        environment.imagine({"pick": action["pick"]})
    environment.close()


def test_pushes_are_not_imagined() -> None:
    environment = made("sweeping-piles")
    with pytest.raises(ConfigError, match="picks and places"):
        environment.imagine(environment.oracle_action())
    environment.close()
