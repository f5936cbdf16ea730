"""What the settings of an agent may be: declared beside each of them, and checked in one place.

A field of a config dataclass says its limits with ``setting``; its type says the rest::

    @dataclass(frozen=True)
    class MyConfig:
        steps: int = setting(2000, least=1)
        learning_rate: float = setting(1e-3, above=0)

Settings are checked where they enter, before any data are read: when they are read from JSON, and when an agent is
made. A plain field is checked for its type alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ravens_suite.core.numbers import is_finite
from ravens_suite.errors import ConfigError

_LIMITS, _NAMES = "limits", "names"


@dataclass(frozen=True)
class Limits:
    """What the value of a setting, or each item of a list, may be.

    Attributes:
        least: smallest value.
        above: the value is larger.
        most: largest value.
        below: the value is smaller.
        multiple: the value is a multiple of it.
        choices: the values there are.
        items: least and largest number of items of a list.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    multiple: int = 1
    choices: tuple[str, ...] = ()
    items: tuple[int, int | None] = (0, None)

    def allow(self, value: Any) -> bool:
        """Whether a number or a word of the right type is within them."""
        if self.choices:
            return value in self.choices
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
            and (self.multiple == 1 or value % self.multiple == 0)
        )

    def describe(self) -> str:
        """In words that follow "must be"; empty without limits."""
        bounds = ((self.least, "at least"), (self.above, "above"), (self.most, "at most"), (self.below, "below"))
        words = [f"{text} {bound:,}" for bound, text in bounds if bound is not None]
        if self.multiple != 1:
            words.append(f"a multiple of {self.multiple}")
        return " and ".join(words)


def setting(
    default: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    multiple: int = 1,
    choices: tuple[str, ...] = (),
    items: tuple[int, int | None] = (0, None),
    names: Literal["", "code", "policies", "data"] = "",
) -> Any:
    """A field of a config dataclass with its default and its limits.

    Args:
        default: its value unless another is given.
        least: this and the following see ``Limits``.
        above: see ``Limits``.
        most: see ``Limits``.
        below: see ``Limits``.
        multiple: see ``Limits``.
        choices: see ``Limits``. Where a text names code, a place of a user's own is a choice, too.
        items: see ``Limits``.
        names: what a text names outside the agent's own folder, so that a change there is noticed: ``code``, where it
            is ``package.module:name`` or ``file.py:name``; ``policies``, the folder of another trained agent. What
            ``data`` folders in a list hold is learned from, too: see ``named_data``.
    """
    limits = Limits(least, above, most, below, multiple, choices, items)
    return field(default=default, metadata={_LIMITS: limits, _NAMES: names})


def named_outside(config: Any) -> dict[str, list[str]]:
    """What settings name outside the agent's own folder: ``code`` and ``policies``; see ``setting``."""
    named: dict[str, list[str]] = {"code": [], "policies": []}
    for item in fields(config):
        kind, value = item.metadata.get(_NAMES, ""), getattr(config, item.name)
        if kind in named and value and (kind != "code" or ":" in value):
            named[kind].append(value)
    return named


def named_data(config: Any) -> dict[str, tuple[str, ...]]:
    """Settings that name further data folders, with these folders.

    As many episodes of each task are read of each of them as there are demonstrations, and handed to ``make_dataset``
    after those. A run notes which, and keeps to them.

    Args:
        config: a config dataclass.
    """
    named = (item.name for item in fields(config) if item.metadata.get(_NAMES) == "data")
    return {name: tuple(getattr(config, name)) for name in named}


def check_settings(config: Any) -> None:
    """Refuse settings that cannot work.

    Args:
        config: a config dataclass.

    Raises:
        ConfigError: a value has another type than its field, or is beyond its limits; the message says what it may be.
    """
    kinds = kinds_of(type(config))
    for item in fields(config):
        value, limits = getattr(config, item.name), limits_of(item)
        kind = kinds.get(item.name, Any)
        of_a_user = names_code(item)
        if _fits(value, kind, limits) or (of_a_user and isinstance(value, str) and ":" in value):
            continue
        elsewhere = ", or package.module:name or file.py:name of yours" if of_a_user else ""
        raise ConfigError(
            f"{type(config).__name__}: {item.name} must be {_wanted(kind, limits)}{elsewhere}, not {value!r}."
        )


def is_required(item: Field[Any]) -> bool:
    """Whether a setting has no default."""
    return item.init and item.default is MISSING and item.default_factory is MISSING


def limits_of(item: Field[Any]) -> Limits:
    """What the value of a setting may be, beside its type."""
    limits: Limits = item.metadata.get(_LIMITS, Limits())
    return limits


def names_code(item: Field[Any]) -> bool:
    """Whether the text of a setting may name code of a user's own."""
    return item.metadata.get(_NAMES) == "code"


def kinds_of(config_type: type[Any]) -> Mapping[str, Any]:
    """The types of all fields; none where an annotation cannot be read, as of a class within a function."""
    try:
        return get_type_hints(config_type)
    except Exception:
        return {}


def _fits(value: Any, kind: Any, limits: Limits) -> bool:
    if get_origin(kind) in (Union, UnionType):
        return any(_fits(value, part, limits) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis:
        least, most = limits.items
        return (
            isinstance(value, tuple)
            and least <= len(value) <= (len(value) if most is None else most)
            and all(_fits(part, get_args(kind)[0], limits) for part in value)
        )
    if kind in (int, float):
        wanted = Integral if kind is int else Real
        return isinstance(value, wanted) and is_finite(value) and limits.allow(value)
    if kind is str:
        return isinstance(value, str) and limits.allow(value)
    if kind is bool:
        return isinstance(value, bool)
    if kind is NoneType:
        return value is None
    return True


def _wanted(kind: Any, limits: Limits) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_wanted(part, limits) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis:
        least, most = limits.items
        several = f"{least} to {most} " if most is not None else f"at least {least} " if least else ""
        count = f"{least} " if least == most else several
        return f"a list of {count}values, each {_wanted(get_args(kind)[0], limits)}"
    if limits.choices:
        return f"one of {', '.join(limits.choices)}"
    names = {int: "a whole number", float: "a finite number", str: "a text", bool: "true or false", NoneType: "null"}
    name, bounds = names.get(kind, "something else"), limits.describe()
    return f"{bounds} ({name})" if bounds else name
