"""What a JSON schema refuses, in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.data.json_schema import schema_faults

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "rows"],
    "additionalProperties": False,
    "properties": {
        "name": {"description": "Who.", "type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]*$"},
        "version": {"const": 1},
        "rows": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"$ref": "#/$defs/row"}},
        "free": {},
    },
    "$defs": {
        "row": {
            "type": "object",
            "properties": {"count": {"type": "integer", "minimum": 0}, "share": {"type": "number", "maximum": 1}},
        },
    },
}
GOOD = {"name": "ab", "rows": [{"count": 3, "share": 0.5, "more": None}]}
KEYS = st.sampled_from(["name", "version", "rows", "count", "share", "free", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "a", "abcd", "A"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "version", "rows", "count", "share", "free", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


def faults(value: Any) -> list[str]:
    return list(schema_faults(value, SCHEMA))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "[] is not an object"),
        ({"rows": [{}]}, "'name' is missing (Who.)"),
        ({**GOOD, "nmae": 1}, 'there is no field "nmae"; known are name, version, rows, free'),
        ({**GOOD, "name": "abcd"}, "name: 4 characters are more than 3"),
        ({**GOOD, "name": "A"}, 'name: "A" is not of the form ^[a-z]*$'),
        ({**GOOD, "name": "a\n"}, 'name: "a\\n" is not of the form ^[a-z]*$'),
        ({**GOOD, "version": True}, "version: true must be 1"),
        ({**GOOD, "rows": []}, "rows: 0 items are fewer than 1"),
        ({**GOOD, "rows": [{}, {"count": -1}]}, "rows[1].count: -1 is less than 0"),
        ({**GOOD, "rows": [{"count": 1.5}]}, "rows[0].count: 1.5 is not a whole number"),
        ({**GOOD, "rows": [{"count": True}]}, "rows[0].count: true is not a whole number"),
        ({**GOOD, "rows": [{"share": 10**400}]}, f"rows[0].share: {str(10**400)[:37]}... is not a number"),
    ],
)
def test_a_fault_says_where_and_what(value: Any, said: str) -> None:
    assert faults(value) == [said]


def test_what_holds_to_the_schema_has_no_faults() -> None:
    assert faults(GOOD) == []
    assert faults({**GOOD, "version": 1.0, "rows": [{"count": 2.0}]}) == []
    assert faults({**GOOD, "version": 1, "free": [{"anything": None}]}) == []


def test_a_schema_that_asks_for_more_than_is_known_here_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="oneOf"):
        list(schema_faults(1, {"oneOf": []}))


@given(JSON | st.builds(lambda more: {**GOOD, **more}, st.dictionaries(st.sampled_from([*GOOD, "free", "x"]), JSON)))
def test_it_agrees_with_the_library_that_knows_all_of_json_schema(value: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = faults(value)
    assert (not found) == jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    assert not [fault for fault in found if "\n" in fault]
