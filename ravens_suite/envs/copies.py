"""Copies of environments, by ``copy.deepcopy`` and by pickling.

A simulator cannot be copied, so a copy is a new environment of the same arguments that is brought to the same state;
see ``states.py``. It goes on as the original does, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, Protocol

from ravens_suite.envs.lifecycle import Lifecycle
from ravens_suite.envs.states import EnvironmentState
from ravens_suite.errors import ConfigError, ResetNeededError

P = ParamSpec("P")


class Copyable(Protocol):
    """What a copy needs of an environment."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def close(self) -> None:
        """Free what it holds."""

    def save_state(self) -> EnvironmentState:
        """Where its episode is."""

    def restore_state(self, state: EnvironmentState) -> Any:
        """Bring its episode there."""


@dataclass(frozen=True, eq=False)
class Arguments:
    """What an environment was made with."""

    kind: Callable[..., Copyable]
    positional: tuple[Any, ...]
    named: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Remembered:
    """All else of an environment.

    Attributes:
        state: of its episode; None before the first reset, and after one that failed.
        lifecycle: whether it can act, and else why not.
        attributes: what plays no part in an episode: specification, spaces with their random generators, the random
            generator of seeds, frames that wait for ``render``.
        closed: whether it was closed.
    """

    state: EnvironmentState | None
    lifecycle: Lifecycle
    attributes: Mapping[str, Any]
    closed: bool


_ARGUMENTS = "_made_with"
_ATTRIBUTES = ("_spec", "_np_random", "_np_random_seed", "observation_space", "action_space", "_frames")


def knows_its_arguments(init: Callable[P, None]) -> Callable[P, None]:
    """Decorates ``__init__`` of an environment: it keeps what it was called with.

    What cannot be kept is refused by name, as a ``ConfigError``: values of the arguments are JSON's.
    """

    @wraps(init)
    def wrapped(*given: P.args, **named: P.kwargs) -> None:
        own: Any = given[0]
        positional = tuple(_kept(f"argument {number}", value) for number, value in enumerate(given[1:], 1))
        kept = {name: _kept(name, value) for name, value in named.items()}
        setattr(own, _ARGUMENTS, Arguments(type(own), positional, kept))
        init(*given, **named)

    return wrapped


def _kept(name: str, value: Any) -> Any:
    """A copy of an argument; of a generator or of a view of a dictionary, for one, there is none."""
    try:
        return deepcopy(value)
    except Exception as error:
        raise ConfigError(
            f"{name} must be a JSON value, such as a list or a dictionary; got {value!r:.80}, which cannot be copied: "
            "write list(...) or dict(...) around it, or around what is in it."
        ) from error


def arguments_of(environment: Copyable) -> Arguments:
    """What an environment was made with."""
    arguments: Arguments = getattr(environment, _ARGUMENTS)
    return arguments


def remember(environment: Copyable) -> Remembered:
    """What a copy has to know of an environment beside its arguments."""
    own = vars(environment)
    try:
        state = None if environment.closed else environment.save_state()
    except ResetNeededError:
        state = None
    attributes = {name: own[name] for name in _ATTRIBUTES if name in own}
    return Remembered(state, own["_lifecycle"], attributes, environment.closed)


def remake(arguments: Arguments, remembered: Remembered) -> Copyable:
    """A copy.

    Raises:
        ReplayError: its episode came out otherwise, for instance because bodies of the original were moved by hand.
    """
    environment = arguments.kind(*arguments.positional, **arguments.named)
    try:
        if remembered.state is not None:
            environment.restore_state(remembered.state)
    except BaseException:
        environment.close()
        raise
    if remembered.closed:
        environment.close()
    vars(environment).update(deepcopy(dict(remembered.attributes)), _lifecycle=deepcopy(remembered.lifecycle))
    return environment
