"""The settings of an agent for a person: what there is to set, what it may be, and what it is for.

What a setting is for stands in the ``Attributes`` section of the config's docstring; a config that is derived from
another one need only describe what it adds.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from .settings import Limits, is_required, kinds_of, limits_of, names_code

_SECTION = re.compile(r"(Attributes|Args):\s*")
_ENTRY = re.compile(r"(\w+)(?: \([^)]*\))?:\s*(.*)")
_KINDS = {int: "whole number", float: "number", str: "text", bool: "true or false", NoneType: "null"}
_SEVERAL = {int: "whole numbers", float: "numbers", str: "texts"}


@dataclass(frozen=True)
class DescribedSetting:
    """One setting.

    Attributes:
        name: as ``--config`` takes it.
        kind: its type, in words.
        default: its value unless another is given, a value of JSON; ``None`` where it has none.
        required: whether it has no default.
        allowed: which values of that type it may have, in words; empty where all.
        limits: the same as numbers and names.
        text: what it is for; empty where the config does not say.
    """

    name: str
    kind: str
    default: Any
    required: bool
    allowed: str
    limits: Limits
    text: str

    def to_json(self) -> dict[str, Any]:
        """JSON values; of the limits those that there are, under their own names (see ``Limits``)."""
        limits = self.limits
        numbers = {name: getattr(limits, name) for name in ("least", "above", "most", "below")}
        given = {name: value for name, value in numbers.items() if value is not None}
        given |= {"multiple": limits.multiple} if limits.multiple != 1 else {}
        given |= {"choices": list(limits.choices)} if limits.choices else {}
        given |= {"items": list(limits.items)} if limits.items != (0, None) else {}
        return {
            "name": self.name,
            "type": self.kind,
            "default": self.default,
            "required": self.required,
            "range": self.allowed,
            "limits": given,
            "text": self.text,
        }


def described_settings(config_type: type[Any]) -> tuple[DescribedSetting, ...]:
    """All settings that a config dataclass takes, in its order.

    Args:
        config_type: a dataclass.
    """
    kinds, texts = kinds_of(config_type), setting_texts(config_type)
    return tuple(
        _described(item, kinds.get(item.name, Any), texts.get(item.name, ""))
        for item in fields(config_type)
        if item.init
    )


def setting_texts(config_type: type[Any]) -> dict[str, str]:
    """What the docstring of a class, and of those that it is derived from, says of its attributes, each in one line."""
    found: dict[str, str] = {}
    for base in reversed(config_type.__mro__):
        found |= dict(_entries(vars(base).get("__doc__") or ""))
    return found


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the section about attributes."""
    name, words, inside, depth = "", [""], False, 0
    for line in inspect.cleandoc(docstring).splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() and not indent:
            inside, depth = _SECTION.fullmatch(line) is not None, 0
        elif inside and line.strip():
            depth = depth or indent
            if indent == depth and (entry := _ENTRY.match(line.strip())):
                if name:
                    yield name, _in_one_line(words)
                name, words = entry[1], [entry[2]]
            else:
                words.append(line)
    if name:
        yield name, _in_one_line(words)


def _in_one_line(words: list[str]) -> str:
    """Running text, without the marks of names of code."""
    return " ".join(" ".join(words).split()).replace("``", "")


def _described(item: Field[Any], kind: Any, text: str) -> DescribedSetting:
    limits = limits_of(item)
    allowed = [*_bounds(kind, limits)]
    if limits.choices and names_code(item):
        allowed.append("or package.module:name or file.py:name of yours")
    return DescribedSetting(
        item.name, _in_words(kind), _default(item), is_required(item), ", ".join(allowed), limits, text
    )


def _default(item: Field[Any]) -> Any:
    if item.default_factory is not MISSING:
        return _plain(item.default_factory())
    return None if item.default is MISSING else _plain(item.default)


def _plain(value: Any) -> Any:
    """A value of JSON: lists for tuples, and in words what JSON has not."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _in_words(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(dict.fromkeys(_in_words(part) for part in get_args(kind)))
    if get_origin(kind) is Literal:
        return " or ".join(dict.fromkeys(_in_words(type(part)) for part in get_args(kind)))
    if get_origin(kind) in (list, tuple):
        each = get_args(kind)[0]
        return f"list of {_SEVERAL.get(each, 'values')}"
    return _KINDS.get(kind, "value")


def _bounds(kind: Any, limits: Limits) -> Iterator[str]:
    if get_origin(kind) in (Union, UnionType):
        # Its limits are those of whichever part has any.
        yield from dict.fromkeys(bound for part in get_args(kind) for bound in _bounds(part, limits))
    elif get_origin(kind) is Literal:
        yield f"one of {', '.join(map(str, get_args(kind)))}"
    elif get_origin(kind) in (list, tuple):
        if limits.items != (0, None):
            least, most = limits.items
            yield f"at least {least} of them" if most is None else f"{least} to {most} of them"
        yield from (f"each {bound}" for bound in _bounds(get_args(kind)[0], limits))
    elif limits.choices:
        yield f"one of {', '.join(limits.choices)}"
    elif kind in (int, float) and (bounds := limits.describe()):
        yield bounds
