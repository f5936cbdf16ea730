"""Options that several commands share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from ravens_suite.core.observations import ObservationGroup, checked_groups
from ravens_suite.errors import ConfigError
from ravens_suite.execution.pool import available_cores

SplitName = Literal["train", "val", "test"]


def json_object(option: str, text: str, example: str = '{"key": value}') -> dict[str, Any]:
    """The value of an option that takes a JSON object, which an error shows an example of.

    Raises:
        ConfigError: it is none.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{option} is not JSON ({error}): write it as '{example}'.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{option} must be a JSON object: write it as '{example}'.")
    return value


@dataclass(frozen=True, kw_only=True)
class EnvironmentOptions:
    """How the environments are made."""

    renderer: Literal["auto", "moderngl", "tiny"] = "auto"
    """What draws the images: auto takes moderngl where it runs, else Bullet's TinyRenderer."""

    image_size: tuple[int, int] | None = None
    """Rows and columns of every camera; 480 640 unless given."""

    observe: tuple[ObservationGroup, ...] = ()
    """What is observed; images unless given. Agents say what they need (see: ravens-suite agents)."""

    environment: str = "{}"
    """Further keyword arguments of the environment, as a JSON object."""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the environment that were given.

        Raises:
            ConfigError: ``environment`` is not a JSON object, or repeats an option.
        """
        given: dict[str, Any] = {}
        if self.renderer != "auto":
            given["renderer"] = self.renderer
        if self.image_size is not None:
            given["image_size"] = list(self.image_size)
        if self.observe:
            given["observe"] = list(checked_groups(self.observe))
        more = json_object("--environment", self.environment)
        if twice := sorted(given.keys() & more.keys()):
            raise ConfigError(f"{twice[0]} is given as an option and in --environment: give it once.")
        return {**given, **more}


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """Where the work is done."""

    workers: int = available_cores()
    """Processes that share the work; the result is the same for any number."""


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How the result is printed."""

    json: bool = False
    """Print the result as one JSON object, last on standard output."""
