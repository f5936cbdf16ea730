"""Gymnasium spaces as Minari's JSON, without what makes that large.

Minari 0.5.4 writes both bounds of every element of a Box (``minari/serialization.py``), reads them back in that form
only, and reads the whole text again for most attributes of a data set. Images of the published cameras have 3.7 million
elements. Here whole bounds are written as whole numbers and without spaces, which Minari reads as the same space.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

_LONGEST_TEXT = 4096


def space_text(space: gymnasium.Space[Any]) -> str:
    """A space as Minari's ``serialize_space`` writes it, in fewer letters.

    Args:
        space: of Dict, Box, Text and whatever else Minari knows.
    """
    if isinstance(space, gymnasium.spaces.Dict):
        parts = ",".join(f"{json.dumps(key)}:{space_text(part)}" for key, part in space.items())
        return f'{{"type":"Dict","subspaces":{{{parts}}}}}'
    if isinstance(space, gymnasium.spaces.Box):
        return (
            f'{{"type":"Box","dtype":{json.dumps(str(space.dtype))},"shape":{_compact(list(space.shape))},'
            f'"low":{_bounds(space.low)},"high":{_bounds(space.high)}}}'
        )
    from minari.serialization import serialize_space

    return _compact(serialize_space(space, to_string=False))


def space_of(arrays: Mapping[str, NDArray[Any]], given: gymnasium.Space[Any] | None) -> gymnasium.spaces.Dict:
    """The space of an episode's observations or actions.

    Args:
        arrays: by key, (steps, ...) of any dtype.
        given: of the environment; its parts are taken where they have the arrays' shapes and dtypes. Others get the
            bounds of their dtype.
    """
    known = dict(given.items()) if isinstance(given, gymnasium.spaces.Dict) else {}
    return gymnasium.spaces.Dict({key: _part(array, known.get(key)) for key, array in sorted(arrays.items())})


def widened(space: gymnasium.spaces.Dict, arrays: Mapping[str, NDArray[Any]]) -> gymnasium.spaces.Dict:
    """The same space, whose texts may be such as those of another episode, too.

    Args:
        space: of ``space_of``.
        arrays: by key, (steps, ...) of any dtype.
    """
    parts = dict(space.items())
    for key, array in arrays.items():
        part = parts.get(key)
        if array.dtype.kind == "U" and isinstance(part, gymnasium.spaces.Text):
            texts = array.ravel().tolist()
            longest, characters = max([part.max_length, *map(len, texts)]), {*part.characters}.union(*texts)
            if (longest, len(characters)) != (part.max_length, len(part.character_set)):
                parts[key] = _text(longest, "".join(sorted(characters)))
    return gymnasium.spaces.Dict(parts)


def _text(longest: int, characters: str) -> gymnasium.spaces.Text:
    return gymnasium.spaces.Text(longest, min_length=0, charset=characters)


def _part(array: NDArray[Any], known: gymnasium.Space[Any] | None) -> gymnasium.Space[Any]:
    if array.dtype.kind == "U":
        return known if isinstance(known, gymnasium.spaces.Text) else _text(_LONGEST_TEXT, string.printable)
    if known is not None and (known.shape, known.dtype) == (array.shape[1:], array.dtype):
        return known
    if array.dtype.kind == "f":
        return gymnasium.spaces.Box(-np.inf, np.inf, array.shape[1:], array.dtype.type)
    low, high = (0, 1) if array.dtype.kind == "b" else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
    return gymnasium.spaces.Box(low, high, array.shape[1:], array.dtype.type)


def _bounds(values: NDArray[Any]) -> str:
    """Nested lists of numbers; those of equal numbers are written without making the lists."""
    if values.size and (values == values.flat[0]).all():
        text = _compact(_whole(values.flat[0].item()))
        for length in reversed(values.shape):
            text = f"[{','.join([text] * length)}]"
        return text
    return _compact(values.tolist())


def _whole(value: float) -> float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
