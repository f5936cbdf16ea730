"""How options are read and shown: names of values that a reader understands, lists with spaces or with commas.

``--tasks a b`` and ``--tasks a,b`` mean the same, and so do ``--demos 1 10`` and ``--demos 1,10``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

METAVARS = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "NAME"}
"""What stands for a value of each type in help texts."""


def argument_rules() -> ConstructorRegistry:
    """What tyro is to do with the types of options; a context."""
    registry = ConstructorRegistry()
    registry.primitive_rule(_rule)
    return registry


def _rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    kind, optional = _without_none(info.type)
    if get_origin(kind) is tuple:
        return _list_of(kind, optional)
    if kind not in METAVARS:
        return None

    def read(words: list[str]) -> Any:
        return None if optional and words == ["None"] else _read(kind, words[0])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=METAVARS[kind],
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, kind) or (optional and value is None),
        str_from_instance=lambda value: ["none" if value is None else str(value)],
    )


def _list_of(kind: Any, optional: bool) -> PrimitiveConstructorSpec[Any]:
    """A list, of any length or of as many items as the type has."""
    items = get_args(kind)
    count = None if items[-1] is Ellipsis else len(items)
    choices = get_args(items[0]) if get_origin(items[0]) is Literal else ()
    shown = f"{{{','.join(choices)}}}" if choices else METAVARS[items[0]]

    def read(words: list[str]) -> Any:
        if optional and words == ["None"]:
            return None
        parts = [part for word in words for part in word.split(",") if part.strip()]
        if count is not None and len(parts) != count:
            raise ValueError(f"takes {count} values, not {len(parts)}")
        return tuple(_choose(choices, part) if choices else _read(items[0], part.strip()) for part in parts)

    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=" ".join([shown] * count) if count else f"{shown} ...",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, tuple) or (optional and value is None),
        str_from_instance=lambda value: [str(part) for part in value or ("none",)],
    )


def _without_none(kind: Any) -> tuple[Any, bool]:
    """The type in an optional one, and whether it is optional."""
    if get_origin(kind) in (Union, UnionType):
        others = [part for part in get_args(kind) if part is not NoneType]
        if len(others) == 1 and len(others) < len(get_args(kind)):
            return others[0], True
    return kind, False


def _read(kind: Callable[[str], Any], text: str) -> Any:
    if not text:
        raise ValueError("is empty: give a value, or leave the option out")
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no {'whole ' if kind is int else ''}number") from None


def _choose(choices: tuple[str, ...], text: str) -> str:
    if text not in choices:
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    return text
