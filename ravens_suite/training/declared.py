"""What a user's own agent says about itself, checked before anything is read for it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ravens_suite.agents.base import Trainee
from ravens_suite.errors import ConfigError, RavensWarning

_LISTS: Mapping[str, tuple[str, ...]] = {
    "observation_keys": (),
    "controls": ("primitive", "waypoint"),
    "action_keys": (),
    "conditions": ("goal", "instruction"),
    "acting_settings": (),
}
"""Attributes that are lists of names, with the names that there are; none where these are free."""


def check_declared(trainee: type[Trainee[Any]], name: str) -> None:
    """Refuse an agent or a forecaster whose attributes are not what they have to be.

    A list of one name without its comma is a text, of which each letter would be taken for a name.

    Args:
        trainee: the class.
        name: that a user gave it by.

    Raises:
        ConfigError: the message names the attribute, and what it should be.
    """
    config_type = getattr(trainee, "config_type", None)
    if not (isinstance(config_type, type) and is_dataclass(config_type)):
        raise ConfigError(
            f"config_type of {name} must be a dataclass of its settings, with steps among them; it is "
            f"{config_type!r:.60} (docs/own_agent.md)."
        )
    for attribute, known in _LISTS.items():
        value: Any = getattr(trainee, attribute, None)
        names = isinstance(value, Collection) and not isinstance(value, str)
        if not names or not all(isinstance(item, str) for item in value):
            example = f"({value!r:.60},)" if isinstance(value, str) else '("color", "depth")'
            wanted = example if isinstance(value, str) or not known else f"out of {', '.join(known)}"
            raise ConfigError(f"{attribute} of {name} must be a tuple of names, {wanted}; it is {value!r:.60}.")
        if other := [item for item in value if known and item not in known]:
            raise ConfigError(f"{attribute} of {name} has {other[0]!r}: there are {' and '.join(known)}.")


def warn_of_device(trainee: type[Trainee[Any]], name: str, device: str) -> None:
    """Say that a device was chosen for an agent that has no setting for it.

    Args:
        trainee: the class.
        name: that a user gave it by.
        device: as of ``TrainingSettings``.

    Warns:
        RavensWarning: it computes on the CPU all the same.
    """
    if device == "cuda" and "device" not in {item.name for item in fields(trainee.config_type)}:
        warnings.warn(
            f"--device {device} changes nothing: the settings of {name} have no device. Add device: str to its "
            "config_type, and let the agent compute there.",
            RavensWarning,
            stacklevel=4,
        )
