"""What an environment draws, and that drawing changes nothing else."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.errors import OracleGaveUpError
from ravens_suite.rollout.environments import make_environment


def demonstration(task: str, steps: int, **arguments: Any) -> list[np.ndarray[Any, Any]]:
    """Actions of the oracle and poses of all bodies, step by step."""
    environment: gymnasium.Env[Any, Any] = make_environment(task, "train", arguments)
    _, info = environment.reset(seed=3)
    seen = [*info["privileged"]["poses"].values()]
    for _ in range(steps):
        try:
            action = environment.get_wrapper_attr("oracle_action")()
        except OracleGaveUpError:
            break
        *_, terminated, truncated, info = environment.step(action)
        seen += [*action.values(), *info["privileged"]["poses"].values()]
        if terminated or truncated:
            break
    environment.close()
    return seen


@pytest.mark.parametrize(
    "task",
    ["place-red-in-green", "stack-block-pyramid", "assembling-kits", "packing-boxes", "manipulating-rope"],
)
def test_demonstrations_do_not_depend_on_the_renderer(task: str) -> None:
    drawn = demonstration(task, 2, renderer="tiny", image_size=[6, 8])
    blind = demonstration(task, 2, observe=["state"])
    assert len(drawn) == len(blind) > 8
    for one, other in zip(drawn, blind, strict=True):
        np.testing.assert_array_equal(one, other)
