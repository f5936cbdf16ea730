"""Settings of agents are checked where they enter: every agent's, for type and range."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.base import config_from_json
from ravens_suite.agents.common.settings import check_settings, setting
from ravens_suite.errors import ConfigError
from ravens_suite.registry import agent_names, load_agent
from ravens_suite.training.loop import check_plan
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

_WRONG = {
    "int": ["2", 1.5, True, None, [], float("nan"), -(10**30), 10**30],
    "float": ["x", True, None, [], float("nan"), float("inf"), "1.0", 10**400],
    "bool": [1, "true", None, []],
    "str": [1, None, []],
    "tuple[int, ...]": [5, "8", [1.5], [True], None, {}],
}


def _wrong_values() -> list[tuple[str, str, Any]]:
    return [
        (name, item.name, value)
        for name in agent_names()
        for item in fields(load_agent(name).config_type)
        for value in _WRONG[str(item.type)]
        if (item.name, value) != ("steps", None)
    ]


@pytest.mark.parametrize(("agent", "name", "value"), _wrong_values())
def test_a_setting_of_another_kind_is_refused_by_name(agent: str, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must be"):
        config_from_json(load_agent(agent).config_type, {name: value})


@pytest.mark.parametrize(
    ("agent", "name", "value"),
    [
        ("transporter", "angles", 0),
        ("transporter", "train_angles", 0),
        ("transporter", "batch", 0),
        ("transporter", "batch", -1),
        ("transporter", "learning_rate", -1),
        ("transporter", "learning_rate", 0),
        ("transporter", "widths", []),
        ("transporter", "widths", [4]),
        ("transporter", "widths", [0, 0, 0]),
        ("transporter", "scatter", 5),
        ("transporter", "average", 2),
        ("transporter", "average", 1),
        ("transporter", "coarse_outputs", 3),
        ("transporter", "stretch", 0.5),
        ("transporter", "precision", "float64"),
        ("transporter-2020", "widths", [64, 64]),
        ("transporter-2020", "crop", 50),
        ("transporter-2020", "angles", 0),
        ("waypoint-mlp", "window", 0),
        ("state-mlp", "width", 0),
        ("image-cnn", "batch", 0),
    ],
)
def test_a_setting_out_of_range_is_refused_before_data_are_looked_for(agent: str, name: str, value: Any) -> None:
    task = "block-insertion-continuous" if agent == "waypoint-mlp" else "block-insertion"
    with pytest.raises(ConfigError, match=rf"Config: {name} must be"):
        check_plan(TrainingPlan(agent=agent, tasks=(task,), config={name: value}))


@pytest.mark.parametrize("agent", agent_names())
def test_an_agent_made_in_python_is_checked_too_and_every_number_has_a_limit(agent: str) -> None:
    kind = load_agent(agent)
    check_settings(kind.config_type())
    with pytest.raises(ConfigError, match="steps must be"):
        kind(replace(kind.config_type(), steps=-1))
    # Texts without limits are names, such as that of a device or of a class, which are looked up where they are used.
    plain = [item.name for item in fields(kind.config_type) if item.type not in ("bool", "str") and not item.metadata]
    assert plain == []


def test_json_numbers_and_numpy_numbers_are_taken() -> None:
    config = config_from_json(load_agent("transporter").config_type, {"learning_rate": 1, "batch": np.int64(3)})
    assert (config.learning_rate, config.batch) == (1, 3)


@dataclass(frozen=True)
class PlainConfig:
    """As of a user who has never heard of limits."""

    needed: int
    steps: int = 10
    mode: Literal["a", "b"] = "a"
    limit: float | None = None
    sizes: tuple[float, ...] = setting((1.0,), above=0, items=(1, 3))
    anything: Any = None


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({}, "needs a value of 'needed'"),
        ({"needed": "1"}, "needed must be a whole number, not '1'"),
        ({"needed": 1, "mode": "c"}, "mode must be one of 'a', 'b', not 'c'"),
        ({"needed": 1, "limit": "x"}, "limit must be a finite number or null, not 'x'"),
        (
            {"needed": 1, "sizes": [1, 0]},
            r"sizes must be a list of 1 to 3 values, each above 0 \(a finite number\)",
        ),
        ({"needed": 1, "sizes": [1, 2, 3, 4]}, "sizes must be"),
    ],
)
def test_plain_settings_are_checked_for_their_type(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config_from_json(PlainConfig, given_)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"neede": 1}, r"has no setting 'neede'\. Did you mean 'needed'\? Its settings: .*needed"),
        ({"x": 1}, r"has no setting 'x'\. Its settings: "),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config_from_json(PlainConfig, given_)


def test_a_word_that_names_no_code_is_refused_although_nothing_is_told() -> None:
    config_type = load_agent("transporter").config_type
    with pytest.raises(
        ConfigError, match=r"words must be one of own, minilm, or package\.module:name or file\.py:name of yours"
    ):
        config_from_json(config_type, {"words": "clipp"})
    assert config_from_json(config_type, {"words": "mine.py:vectors"}).words == "mine.py:vectors"


@given(st.integers(-3, 5) | st.floats() | st.text(max_size=2) | st.none() | st.booleans())
def test_whatever_is_given_is_taken_or_refused_by_name(value: Any) -> None:
    for item in fields(PlainConfig):
        try:
            config = config_from_json(PlainConfig, {"needed": 1, item.name: value})
        except ConfigError as error:
            assert f"{item.name} must be" in str(error)
        else:
            assert getattr(config, item.name) is value or item.default is MISSING


def test_steps_on_the_command_line_are_checked_with_the_rest() -> None:
    plan = TrainingPlan(agent="state-mlp", tasks=("block-insertion",), settings=TrainingSettings(steps=10**12))
    with pytest.raises(ConfigError, match="steps must be"):
        check_plan(plan)
