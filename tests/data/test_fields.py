"""Dataclasses of JSON objects, whose fields are checked for what they are annotated with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest

from ravens_suite.data.fields import object_in, object_of


@dataclass(frozen=True)
class _Part:
    share: float


@dataclass(frozen=True)
class _Whole:
    name: str
    count: int
    kind: Literal["one", "two"] = "one"
    flag: bool = False
    pair: tuple[float, int] = (0.5, 1)
    parts: tuple[_Part, ...] = ()
    by_name: Mapping[str, _Part] = field(default_factory=dict)
    maybe: Sequence[float | None] = ()
    rest: Any = None


_RIGHT = _Whole("a", 3, "two", True, (0.25, 2), (_Part(1.0),), {"b": _Part(0.0)}, (None, 0.5), [1, "x"])


def test_what_asdict_makes_comes_back() -> None:
    assert object_of(_Whole, json.loads(json.dumps(asdict(_RIGHT)))) == _RIGHT
    assert object_of(_Whole, {"name": "a", "count": 3}) == _Whole("a", 3)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": None}, "name"),
        ({"count": True}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": "1"}, "count"),
        ({"kind": "three"}, "kind"),
        ({"kind": []}, "kind"),
        ({"flag": 1}, "flag"),
        ({"pair": [0.5]}, "pair"),
        ({"pair": 0.5}, "pair"),
        ({"parts": {}}, "parts"),
        ({"parts": [{"share": "1"}]}, "parts.share"),
        ({"parts": [{"share": float("nan")}]}, "parts.share"),
        ({"parts": [{"share": 10**400}]}, "parts.share"),
        ({"parts": [{}]}, "parts lacks 'share'"),
        ({"by_name": [["b", 1]]}, "by_name"),
        ({"by_name": {"b": {"share": False}}}, "by_name.b.share"),
        ({"maybe": [None, "x"]}, "maybe"),
        ({"more": 1}, "unknown field 'more'"),
    ],
)
def test_a_field_of_another_kind_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        object_of(_Whole, {**asdict(_RIGHT), **change})


def test_what_is_no_object_is_refused() -> None:
    for value in (None, [], "x", 3):
        with pytest.raises(TypeError, match="not a JSON object"):
            object_of(_Whole, value)
    with pytest.raises(TypeError, match="lacks 'count'"):
        object_of(_Whole, {"name": "a"})
    with pytest.raises(TypeError, match="arguments is"):
        object_in({"arguments": []}, "arguments", {})
    assert object_in({"arguments": None}, "arguments", None) is None
    assert object_in({"arguments": {"a": 1}}, "arguments", None) == {"a": 1}
