"""JSON that was read from a file: every field is checked for its kind before anything is made of it.

Files come from other machines and other people. A checksum says that a file is whole, not that its author meant well,
so a header is taken to say anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from ravens_suite.core.observations import Interface

Damaged = Callable[[str], NoReturn]
"""Raises the error of a file for a reason."""


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


def _all(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(fits, value))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
