"""The settings of a plan's agent, and the code of a user's own that they name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ravens_suite.agents.base import config_from_json
from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_trainee
from ravens_suite.rollout.policy_code import outside_code
from ravens_suite.training.settings import TrainingPlan


def resolve_config(plan: TrainingPlan) -> Any:
    """The config of a plan's agent."""
    config_type = load_trainee(plan.agent).config_class()
    known = {item.name for item in fields(config_type)}
    if "steps" not in known:
        raise ConfigError(f"{config_type.__name__} needs a field steps: int, the gradient steps of a run.")
    values = dict(plan.config)
    options = {"steps": plan.settings.steps, "device": plan.settings.device if "device" in known else None}
    for name, value in options.items():
        if value is not None and values.setdefault(name, value) != value:
            raise ConfigError(
                f"{name} is {value} by --{name} and {values[name]!r} in --config: give it once, by --{name}."
            )
    config = config_from_json(config_type, values)
    if not isinstance(config.steps, int) or config.steps < 1:
        raise ConfigError(f"steps must be at least 1, not {config.steps}.")
    return config


def named_code(plan: TrainingPlan) -> dict[str, str]:
    """What ``run.json`` notes of a user's own code that the settings of a plan name: its digest, if there is any.

    Raises:
        ConfigError: there is no such file or module.
    """
    digest = outside_code(code_named_by(plan))
    return {"outside": digest} if digest else {}


def code_named_by(plan: TrainingPlan) -> list[str]:
    """Where the code of a user's own lies that the settings of a plan name."""
    return load_trainee(plan.agent).named_outside(resolve_config(plan))["code"]
