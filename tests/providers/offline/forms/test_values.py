"""Values for schemas: each fits, by a checker of others; what cannot be filled is said."""

import json
from typing import Any

import pytest
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for

from dragoman.providers.offline.forms import Hints, NoValueError, fitting_value
from dragoman.providers.offline.forms.values import FORMATS
from tests.protocols.tools.schema.corpus import CORPUS
from tests.protocols.tools.schema.values import values

POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}, "required": ["x", "y"]}
NODE = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
    "required": ["value", "next"],
}


def judge(schema: Any) -> Validator:
    return validator_for(schema, default=Draft202012Validator)(schema)


def test_a_value_fits_its_schema_and_is_found_if_there_is_one() -> None:
    wrong, none = [], []
    for name, schema in CORPUS.items():
        try:
            value = fitting_value(schema, Hints())
        except NoValueError:
            if any(judge(schema).is_valid(each) for each in values(schema, 300)):
                none.append(name)
        else:
            if not judge(schema).is_valid(value):
                wrong.append((name, value))
    assert (wrong, none) == ([], [])


@pytest.mark.parametrize("seed", range(3))
def test_hints_never_make_a_value_that_does_not_fit(seed: int) -> None:
    message = f"Use 'abc', \"z\", `2026-01-01` or 'b' with {seed}, -7, 2.5 and 40 of a, x and file."
    for name, schema in CORPUS.items():
        try:
            value = fitting_value(schema, Hints(message))
        except NoValueError:
            continue
        assert judge(schema).is_valid(value), name


FILLED: list[tuple[Any, Any]] = [
    (True, "text"),
    ({}, "text"),
    ({"type": "string"}, "text"),
    ({"type": ["null", "string"]}, None),
    ({"const": {"a": [1]}}, {"a": [1]}),
    ({"enum": ["red", "green"]}, "red"),
    ({"type": "integer"}, 1),
    ({"type": "integer", "minimum": 5}, 5),
    ({"type": "integer", "exclusiveMinimum": 5, "multipleOf": 4}, 8),
    ({"type": "integer", "maximum": -5}, -5),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.25}, 0.125),
    ({"type": "number", "minimum": 4, "exclusiveMinimum": True}, 5),
    ({"type": "boolean"}, True),
    ({"type": "string", "minLength": 6, "maxLength": 6}, "textxx"),
    ({"type": "string", "maxLength": 2}, "te"),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"}, "AA-0000"),
    ({"type": "string", "pattern": "^a+$", "minLength": 3}, "aaa"),
    ({"type": "string", "format": "date"}, "2000-01-01"),
    ({"type": "string", "format": "of a kind of its own"}, "text"),
    ({"type": "array"}, []),
    ({"type": "array", "items": {"type": "integer"}}, [1]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 1, 1]),
    ({"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True}, ["text", "text 2"]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": False}, [1, None]),
    ({"type": "array", "contains": {"const": 4}, "minContains": 2}, [4, 4]),
    ({"type": "object"}, {}),
    (
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]},
        {"b": "b"},
    ),
    ({"type": "object", "properties": {"a": {"type": "string"}, "b": False}}, {"a": "a"}),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "maxProperties": 0}, {}),
    ({"type": "object", "required": ["any"]}, {"any": "any"}),
    ({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer"}}, {"property": 1}),
    ({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^x-"}}, {"x-": "x-"}),
    (
        {"properties": {"a": True, "b": {"const": 2}}, "required": ["a"], "dependentRequired": {"a": ["b"]}},
        {"a": "a", "b": 2},
    ),
    ({"anyOf": [False, POINT]}, {"x": 1, "y": 1}),
    ({"oneOf": [{"type": "integer"}, {"minimum": 0, "type": "integer"}]}, -1),
    ({"allOf": [{"type": "integer"}, {"minimum": 4}]}, 4),
    ({"type": "integer", "not": {"enum": [0, 1]}}, 2),
    ({"$ref": "#/$defs/P", "$defs": {"P": POINT}}, {"x": 1, "y": 1}),
    ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, {"value": "value", "next": None}),
    (
        {
            "properties": {"kind": {"enum": ["file"]}},
            "required": ["kind"],
            "if": {"properties": {"kind": {"const": "file"}}},
            "then": {"properties": {"path": {"type": "string"}}, "required": ["path"]},
        },
        {"kind": "file", "path": "path"},
    ),
]


@pytest.mark.parametrize(("schema", "value"), FILLED, ids=[json.dumps(schema)[:60] for schema, _ in FILLED])
def test_fills(schema: Any, value: Any) -> None:
    assert fitting_value(schema, Hints()) == value


def test_a_schema_that_leads_back_to_itself_in_a_list_ends() -> None:
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["children"],
    }
    assert fitting_value(tree, Hints()) == {"children": []}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_a_text_of_it(name: str) -> None:
    assert name == "url" or Draft202012Validator.FORMAT_CHECKER.conforms(FORMATS[name], name)
    assert fitting_value({"type": "string", "format": name}, Hints()) == FORMATS[name]


def test_what_stands_in_the_message_is_used_in_order_and_if_it_fits() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "title": {"type": "string", "maxLength": 4},
            "note": {"type": "string"},
            "age": {"type": "integer", "maximum": 120},
            "size": {"type": "number"},
            "color": {"enum": ["red", "dark green"]},
        },
        "required": ["name", "title", "note", "age", "size", "color"],
    }
    message = "Make 'Müller' (a 'Professor', \"Dr.\"), 200 or 47, 1.5 tall, in dark green; it isn't 'd."
    assert fitting_value(schema, Hints(message)) == {
        "name": "Müller",
        "title": "Dr.",
        "note": "Professor",
        "age": 47,
        "size": 200,
        "color": "dark green",
    }


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (False, "no value"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no value"),
        ({"type": "string", "pattern": "(?=a)b"}, "no value"),
        ({"$ref": "#/$defs/none"}, "no value"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"], "type": "object"}},
            },
            "no value",
        ),
        ({"type": "string", "minLength": 1_000_000}, "no value"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1_000_000}, "too large"),
        ({"type": "integer", "minimum": 10**400, "multipleOf": 0.5}, "too large"),
    ],
)
def test_says_that_it_found_no_value(schema: Any, why: str) -> None:
    with pytest.raises(NoValueError, match=why):
        fitting_value(schema, Hints())


def test_a_schema_that_is_too_deep_is_said() -> None:
    deep: Any = {"type": "string"}
    for _ in range(400):
        deep = {"type": "array", "items": deep, "minItems": 1}
    with pytest.raises(NoValueError, match="too deep"):
        fitting_value(deep, Hints())


def test_alternatives_that_multiply_are_given_up() -> None:
    pairs = [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(20)]
    with pytest.raises(NoValueError, match="too large"):
        fitting_value({"type": "object", "maxProperties": 1, "allOf": pairs}, Hints())


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [f"v{i}" for i in range(30_000)], "type": "integer"},
        {
            "required": [f"p{i}" for i in range(500)],
            "patternProperties": {f"^(a|p)*{i}$": {} for i in range(500)},
            "type": "object",
        },
        {"required": ["a0"], "dependentRequired": {f"a{i}": [f"a{i + 1}"] for i in range(5_000)}, "type": "object"},
    ],
    ids=["values", "patterns", "names"],
)
def test_no_schema_keeps_the_loop_for_long(schema: Any) -> None:
    with pytest.raises(NoValueError, match="too large"):
        fitting_value(schema, Hints())
