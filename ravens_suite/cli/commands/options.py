"""Options that several commands share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from ravens_suite.core.numbers import check_number
from ravens_suite.core.observations import ObservationGroup, checked_groups
from ravens_suite.errors import ConfigError
from ravens_suite.execution.pool import MOST_WORKERS, available_cores

SplitName = Literal["train", "val", "test"]
JsonText = Annotated[str, tyro.conf.arg(metavar="JSON")]
"""An option that takes a JSON object."""


def json_object(option: str, text: str, example: str = '{"key": value}') -> dict[str, Any]:
    """The value of an option that takes a JSON object, which an error shows an example of.

    Raises:
        ConfigError: it is none.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{option} is not JSON ({error}): write it as '{example}'.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{option} must be a JSON object: write it as '{example}'.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are named once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"{twice!r} is named twice")
    return found


@dataclass(frozen=True, kw_only=True)
class EnvironmentOptions:
    """How the environments are made."""

    renderer: Literal["auto", "moderngl", "tiny"] = "auto"
    """What draws the images: auto takes moderngl where it runs, else Bullet's TinyRenderer."""

    image_size: Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="ROWS COLUMNS")] = None
    """Rows and columns of every camera. Unless given: those of the training run that acts; without one, 480 640."""

    observe: tuple[ObservationGroup, ...] = ()
    """What is observed. Unless given: what the training run that acts observed; without one, images. Agents say what
    they need (see: ravens-suite agents)."""

    environment: JsonText = "{}"
    """Further keyword arguments of the environment, as a JSON object (what there is: python -m pydoc
    ravens_suite.envs.environment.RavensEnv)."""

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

    def processes(self, jobs: int) -> int:
        """How many processes are needed.

        Args:
            jobs: the most that there are to do.

        Raises:
            ConfigError: ``workers`` is not a number of processes.
        """
        check_number("--workers", self.workers, 1, MOST_WORKERS)
        return min(self.workers, max(jobs, 1))


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How the result is printed."""

    json: bool = False
    """Print the result as one JSON object, last on standard output."""
