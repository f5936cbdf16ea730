"""JSON values against a JSON schema, every fault named with where it is, in words.

It knows the part of JSON Schema (draft 2020-12) that the files of this package use, and refuses a schema that asks for
more. Libraries that know all of it say less well what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ravens_suite.data.fields import is_number

_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "number": ("a number", is_number),
    "integer": ("a whole number", lambda value: is_number(value) and float(value).is_integer()),
}
_NOTES = {"$schema", "$defs", "title", "description"}
_KEYWORDS = {
    *("type", "const", "required", "additionalProperties", "properties", "items"),
    *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern"),
}
_SHOWN = 40
"""Characters of a value in a message."""


def schema_faults(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a value, one line each, such as ``results[3].demos: -1 is less than 0``.

    Args:
        value: as it was read from JSON.
        schema: of it.

    Raises:
        NotImplementedError: the schema has a keyword that is not known here.
    """
    yield from _faults(value, schema, schema, "")


def _faults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if unknown := schema.keys() - _KEYWORDS - _NOTES:
        raise NotImplementedError(f"The schema asks for {sorted(unknown)}, which is not known here.")
    at = f"{where}: " if where else ""
    if "const" in schema and (isinstance(value, bool) != isinstance(schema["const"], bool) or value != schema["const"]):
        yield f"{at}{_shown(value)} must be {_shown(schema['const'])}"
        return
    if "type" in schema:
        words, fits = _TYPES[schema["type"]]
        if not fits(value):
            yield f"{at}{_shown(value)} is not {words}"
            return
    if isinstance(value, dict):
        yield from _object_faults(value, schema, root, where)
    elif isinstance(value, list):
        yield from (f"{at}{fault}" for fault in _size_faults(len(value), schema, "Items", "items"))
        for index, item in enumerate(value):
            yield from _faults(item, schema.get("items", {}), root, f"{where}[{index}]")
    elif isinstance(value, str):
        yield from (f"{at}{fault}" for fault in _size_faults(len(value), schema, "Length", "characters"))
        # In JSON Schema, $ is the end of the text; in Python it is also before a last line break.
        if "pattern" in schema and not re.search(re.sub(r"\$$", r"\\Z", schema["pattern"]), value):
            yield f"{at}{_shown(value)} is not of the form {schema['pattern']}"
    elif not isinstance(value, bool) and isinstance(value, int | float):
        if value < schema.get("minimum", value):
            yield f"{at}{_shown(value)} is less than {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{at}{_shown(value)} is more than {schema['maximum']}"


def _object_faults(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], where: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    at = f"{where}: " if where else ""
    for name in schema.get("required", ()):
        if name not in value:
            meaning = known.get(name, {}).get("description", "")
            yield f"{at}{name!r} is missing{f' ({meaning})' if meaning else ''}"
    for name, item in value.items():
        if name in known:
            yield from _faults(item, known[name], root, f"{where}.{name}" if where else name)
        elif schema.get("additionalProperties", True) is False:
            yield f"{at}there is no field {_shown(name)}; known are {', '.join(known)}"


def _size_faults(size: int, schema: Mapping[str, Any], kind: str, words: str) -> Iterator[str]:
    if size < schema.get(f"min{kind}", size):
        yield f"{size} {words} are fewer than {schema[f'min{kind}']}"
    if size > schema.get(f"max{kind}", size):
        yield f"{size} {words} are more than {schema[f'max{kind}']}"


def _shown(value: Any) -> str:
    """A value as JSON, cut, in one line."""
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
