"""Texts of an observation arrive wherever arrays do."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.observations import (
    BYTES,
    INSTRUCTION_BYTES,
    decode_text,
    encode_text,
    instruction_in,
    named_poses,
)
from ravens_suite.errors import ConfigError

ID = "ravens_suite/BlockInsertion-v0"
OBSERVE = ["state", "goal", "instruction"]


def make(**options: Any) -> Any:
    return gymnasium.make(ID, **{"observe": OBSERVE, **options})


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_a_text_comes_back_from_its_bytes(text: str) -> None:
    encoded = encode_text(text, 80)
    assert (encoded.shape, encoded.dtype) == ((80,), np.uint8)
    assert decode_text(encoded) == text


@pytest.mark.parametrize("text", ["x" * 9, "é" * 5, "a\0b"])
def test_a_text_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="8 at most, and no NUL"):
        encode_text(text, 8)


def test_the_bytes_say_what_the_text_says() -> None:
    environment = make()
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    for key in ("instruction", "state_names", "goal_state_names"):
        assert observation[key]
        assert decode_text(observation[key + BYTES]) == observation[key]
    environment.close()


def test_the_text_counts_as_long_as_it_is_one() -> None:
    said = {"instruction_bytes": encode_text("put the ring down", INSTRUCTION_BYTES)}
    assert instruction_in(said) == instruction_in({**said, "instruction": "0" * 512}) == "put the ring down"
    assert instruction_in({**said, "instruction": ""}) == "", "whoever is told nothing is told nothing"
    assert instruction_in({"instruction": "000"}) == "000" and instruction_in({}) is None


@pytest.mark.parametrize("vector", [SyncVectorEnv, AsyncVectorEnv], ids=["sync", "async with shared memory"])
def test_they_arrive_from_vectors(vector: Any) -> None:
    single = make()
    expected, info = single.reset(seed=3)
    environments = vector([make, make])
    observations, _ = environments.reset(seed=[2, 3])
    assert decode_text(observations["instruction_bytes"][1]) == expected["instruction"]
    row = {key: value[1] for key, value in observations.items()}
    assert instruction_in(row) == instruction_in(expected) == expected["instruction"]
    assert named_poses(row).keys() == named_poses(expected).keys() == info["privileged"]["poses"].keys()
    assert named_poses(row, "goal_").keys() == named_poses(expected, "goal_").keys()
    environments.close()
    single.close()


def test_where_no_state_is_observed_it_is_said_how_to_observe_it() -> None:
    with pytest.raises(ConfigError, match="--observe images state"):
        named_poses({"color": np.zeros((1, 4, 4, 3), np.uint8)})


def test_flattened_observations_hold_them() -> None:
    plain = make(observe=["instruction"])
    flat = FlattenObservation(make(observe=["instruction"]))
    expected, row = plain.reset(seed=0)[0], flat.reset(seed=0)[0]
    assert flat.observation_space.contains(row)
    back = gymnasium.spaces.unflatten(plain.observation_space, row)
    assert back["instruction"] == expected["instruction"] == decode_text(back["instruction_bytes"])
    plain.close()
    flat.close()


def test_what_is_said_is_in_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make(observe=["instruction"])
    monkeypatch.setattr(environment.unwrapped.task, "current_instruction", lambda step: "lege den Würfel ab")
    with pytest.raises(ConfigError, match="the character 'ü', which the space"):
        environment.reset(seed=0)
    environment.close()


def test_a_task_may_not_say_more_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make(observe=["instruction"])
    monkeypatch.setattr(environment.unwrapped.task, "current_instruction", lambda step: "x" * (INSTRUCTION_BYTES + 1))
    with pytest.raises(ConfigError, match=f"{INSTRUCTION_BYTES} at most"):
        environment.reset(seed=0)
    environment.close()
