"""JSON that was read from a file: every field is checked for its kind before anything is made of it.

Files come from other machines and other people. A checksum says that a file is whole, not that its author meant well,
so a header is taken to say anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from ravens_suite.core.observations import Interface

Damaged = Callable[[str], NoReturn]
"""Raises the error of a file for a reason."""

T = TypeVar("T")


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; NaN and infinities, which are not JSON, are refused.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Fields:
    """The fields of a JSON object in a file.

    Args:
        value: the object.
        damaged: called with a reason when a field is missing or of another kind.
        name: of the object within the file, for the reason; empty for the outermost one.
    """

    def __init__(self, value: Any, damaged: Damaged, name: str = "") -> None:
        self._damaged = damaged
        self._name = name
        if not isinstance(value, Mapping):
            damaged(f"{name or 'its content'} is not a JSON object")
        self._value: Mapping[str, Any] = value

    def __contains__(self, name: object) -> bool:
        """Whether there is a field of that name."""
        return name in self._value

    def only(self, known: Collection[str]) -> None:
        """Refuse fields that are not among ``known``."""
        if unknown := sorted(set(self._value).difference(known)):
            self._damaged(f"{self._name or 'it'} has an unknown field {unknown[0]!r}")

    def text(self, name: str) -> str:
        """A string."""
        return str(self._get(name, "a text", lambda value: isinstance(value, str)))

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._get(name, "true or false", lambda value: isinstance(value, bool)))

    def whole(self, name: str) -> int:
        """A whole number, not negative."""
        return int(self._get(name, "a whole number, not negative", is_whole))

    def number(self, name: str) -> float:
        """A finite number."""
        return float(self._get(name, "a finite number", is_number))

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers, none negative."""
        return list(self._get(name, "a list of whole numbers", lambda value: _all(value, is_whole)))

    def texts(self, name: str) -> list[str]:
        """A list of different strings."""
        value = self._get(name, "a list of texts", lambda value: _all(value, lambda item: isinstance(item, str)))
        if len(set(value)) != len(value):
            self._damaged(f"{self._path(name)} names one twice")
        return list(value)

    def items(self, name: str) -> list[Any]:
        """A list of anything."""
        return list(self._get(name, "a list", lambda value: isinstance(value, list)))

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object."""
        return dict(self._get(name, "a JSON object", lambda value: isinstance(value, dict)))

    def interface(self, name: str) -> Interface:
        """What an environment gives and takes."""
        fields = Fields(self.mapping(name), self._damaged, self._path(name))
        fields.text("control")
        for group in ("observation", "action"):
            for key, value in fields.mapping(group).items():
                spec = Fields(value, self._damaged, f"{group} {key!r}")
                spec.text("dtype")
                spec.wholes("shape")
        return Interface.from_json(self.mapping(name))

    def _get(self, name: str, kind: str, fits: Callable[[Any], bool]) -> Any:
        if name not in self._value:
            self._damaged(f"{self._path(name)} is missing")
        if not fits(self._value[name]):
            self._damaged(f"{self._path(name)} is not {kind}")
        return self._value[name]

    def _path(self, name: str) -> str:
        return f"{name!r} of {self._name}" if self._name else repr(name)


def object_of(kind: type[T], value: Any, name: str = "") -> T:
    """A dataclass from the JSON object that ``asdict`` makes of it, every field of which is of its kind.

    Numbers are finite, and lists are tuples. What a class is annotated with is what its fields may be: texts, numbers,
    truth values, sequences, mappings of texts, choices, other dataclasses, and ``None`` beside one of these.

    Args:
        kind: the dataclass.
        value: as it was read from JSON.
        name: of the object within the file, for the message.

    Raises:
        TypeError: a field is missing, unknown or of another kind; the message says which.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name or kind.__name__} is not a JSON object")
    anything: Any = kind
    hints, needed = _hints_of(anything)
    for wrong, words in ((needed - value.keys(), "lacks"), (value.keys() - hints.keys(), "has an unknown field")):
        if wrong:
            raise TypeError(f"{name or kind.__name__} {words} {min(wrong, key=str)!r}")
    return kind(**{key: _of_kind(hints[key], item, f"{name}.{key}" if name else key) for key, item in value.items()})


def object_in(value: Mapping[str, Any], name: str, missing: T) -> Mapping[str, Any] | T:
    """The object under a name of another one; what is ``missing`` where there is none, or nothing.

    Raises:
        TypeError: it is something else.
    """
    found = value.get(name)
    if found is None:
        return missing
    if not isinstance(found, Mapping):
        raise TypeError(f"{name} is {found!r:.60}")
    return found


@lru_cache
def _hints_of(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    """What the fields of a dataclass are annotated with, and those without a default."""
    hints = get_type_hints(kind)
    needed = [item.name for item in fields(kind) if item.default is item.default_factory is MISSING]
    return {item.name: hints[item.name] for item in fields(kind)}, frozenset(needed)


def _of_kind(hint: Any, value: Any, name: str) -> Any:
    """A value as an annotation has it; TypeError for one of another kind."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        rest = [part for part in parts if part is not NoneType]
        return None if value is None and len(rest) < len(parts) else _of_kind(rest[0], value, name)
    if is_dataclass(hint):
        return object_of(hint, value, name)  # type: ignore[arg-type]  # It is a class.
    if origin in (tuple, Sequence) and isinstance(value, list | tuple):
        kinds = parts if origin is tuple and parts[-1] is not Ellipsis else [parts[0]] * len(value)
        if len(kinds) == len(value):
            return tuple(_of_kind(part, item, name) for part, item in zip(kinds, value, strict=True))
    elif origin is Mapping and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _of_kind(parts[1], item, f"{name}.{key}") for key, item in value.items()}
    elif hint is Any or _PLAIN.get(hint, partial(_is_one_of, parts if origin is Literal else ()))(value):
        return value
    raise TypeError(f"{name} is {value!r:.60}")


def is_whole(value: Any) -> bool:
    """Whether a JSON value is a whole number, not negative; true and false are none."""
    return type(value) is int and value >= 0


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number that float64 can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_one_of(choices: tuple[Any, ...], value: Any) -> bool:
    return isinstance(value, str) and value in choices


_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    int: lambda value: type(value) is int,
    float: is_number,
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
}


def _all(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(fits, value))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
