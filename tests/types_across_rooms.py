"""Read by mypy in `make lint`, never run: the rooms above the agents know their types, none of which is Any there."""

from __future__ import annotations

from typing import assert_type

import torch

from ravens_suite.registry import load_agent
from ravens_suite.training.validation import Validator


def the_registry_gives_agents() -> None:
    agent = load_agent("transporter")()
    assert_type(agent.name, str)
    assert_type(agent.weights(), dict[str, torch.Tensor])


def training_takes_nothing_else(validator: Validator) -> None:
    validator("the name of an agent", "val", [0])  # type: ignore[arg-type]
