"""Schemas of tools, compiled: what stands in their place, what is told in words, and what is lost by name."""

from typing import Any

import pytest

from dragoman.protocols.tools.schema.compiler import EVERYTHING, MAX_COUNT, CompiledSchema, compiled
from dragoman.types import SchemaLimit, SchemaSupport

PLAIN = SchemaSupport(limits=frozenset({"plain-root"}))
NONE: frozenset[str] = frozenset()
FEW = frozenset({"type", "properties", "required", "items", "enum", "description", "anyOf", "minimum", "maximum"})


def with_property(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


def closed(*required: str) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {} for name in required}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def of_kind(kind: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]}


def inside(schema: Any, *limits: SchemaLimit, more: frozenset[str] = frozenset()) -> Any:
    """What becomes of the schema of a property."""
    support = SchemaSupport(keywords=FEW | more, limits=frozenset(limits))
    return compiled(with_property(schema), support).schema["properties"]["a"]


SAME: list[tuple[Any, Any]] = [
    ({"const": "x"}, {"enum": ["x"]}),
    ({"const": 2, "description": "Two"}, {"enum": [2], "description": "Two"}),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
    ({"type": ["integer", "number"]}, {"type": "number"}),
    ({"type": "INTEGER"}, {"type": "integer"}),
    ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
    ({"type": "integer", "exclusiveMaximum": 2.5, "maximum": 9}, {"type": "integer", "maximum": 2}),
    ({"allOf": [{"type": "integer", "minimum": 1}, {"minimum": 3}]}, {"type": "integer", "minimum": 3}),
    ({"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, {"enum": [2]}),
    ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ({"type": "string", "$comment": "x", "title": "A"}, {"type": "string", "description": "A"}),
    ({"title": "A", "description": "The a"}, {"description": "The a"}),
    ({"additionalItems": False, "items": {"type": "string"}}, {"items": {"type": "string"}}),
    ({"then": {"type": "string"}}, {}),
    ({"allOf": [{"maximum": 5}, {"maximum": 3}, True]}, {"maximum": 3}),
    ({"allOf": [{"allOf": [{"minimum": 1}]}, {"allOf": [{"minimum": 2}]}]}, {"minimum": 2}),
    ({"allOf": [{"$defs": {"x": {}}}, {"$defs": {"y": {}}}]}, {}),
    ({"allOf": [{"properties": {"b": False}}, {"properties": {"b": {}}}]}, {"properties": {"b": False}}),
    ({"type": ["string", "null"], "nullable": True}, {"type": ["string", "null"]}),
    ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
    ({"type": "string", "minimum": None}, {"type": "string"}),
    ({"type": "array", "items": []}, {"type": "array"}),
    ({"$id": "https://a/b", "$anchor": "x", "type": "string"}, {"type": "string"}),
    ({"properties": []}, {"properties": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), SAME)
def test_what_means_the_same_takes_its_place(schema: Any, expected: Any) -> None:
    assert inside(schema) == expected
    result = compiled(with_property(schema), SchemaSupport(keywords=FEW))
    assert (result.told, result.lost, result.words) == (NONE, NONE, "")


APART: list[tuple[bool, Any, Any]] = [
    (True, {"type": "integer"}, {"type": "string"}),
    (False, {"type": "integer"}, {"type": "number"}),
    (False, {"type": "integer"}, {}),
    (True, closed("x"), closed("y")),
    (True, closed("x"), closed()),
    (False, closed("x"), {"type": "object", "required": ["x"]}),
    (True, closed("x"), {"type": "object", "required": ["y"]}),
    (False, {"type": "object", "required": ["x"]}, {"type": "object", "required": ["y"]}),
    (True, of_kind("a"), of_kind("b")),
    (False, of_kind("a"), of_kind("a")),
    (False, of_kind("a"), of_kind("b") | {"required": []}),
]


@pytest.mark.parametrize(("apart", "one", "other"), APART)
def test_one_of_several_is_any_of_them_if_no_two_can_match(apart: bool, one: Any, other: Any) -> None:
    result = compiled(
        with_property({"oneOf": [one, other]}), SchemaSupport(keywords=FEW | {"const", "additionalProperties"})
    )
    assert result.schema["properties"]["a"]["anyOf"] == [one, other]
    assert ("oneOf" in result.same, "oneOf" in result.told) == (apart, not apart)


TOLD: list[tuple[Any, Any]] = [
    ({"type": "string", "pattern": "^a"}, {"type": "string", "description": "Must match the regular expression ^a."}),
    ({"minLength": 2, "description": "A name"}, {"description": "A name. At least 2 characters."}),
    ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "description": "Greater than 0."}),
    ({"type": "string", "format": "uri"}, {"type": "string", "description": "Format: uri."}),
    ({"additionalProperties": False}, {"description": "No other properties are allowed."}),
    ({"additionalProperties": {"type": "string"}},
     {"description": 'Other properties must match the JSON Schema {"type":"string"}.'}),
    ({"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": False},
     {"description": "No other properties are allowed. "
      'Properties whose names match ^x must match the JSON Schema {"type":"string"}.'}),
    ({"not": {"type": "string"}}, {"description": 'Must not match the JSON Schema {"type":"string"}.'}),
    ({"if": {"type": "string"}, "then": {"minLength": 2}},
     {"description": 'Must match the JSON Schema {"if":{"type":"string"},"then":{"minLength":2}}.'}),
    ({"dependentRequired": {"a": ["b", "c"]}}, {"description": 'If "a" is present, "b" and "c" must be present.'}),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"minimum": 1}]},
     {"type": "array",
      "description": 'The items must match, in this order, the JSON Schemas [{"type":"string"},{"minimum":1}].'}),
    ({"contains": {"const": 1}, "minContains": 2},
     {"description": 'Must match the JSON Schema {"contains":{"const":1},"minContains":2}.'}),
    ({"uniqueItems": True, "default": [], "examples": [[1]]},
     {"description": "No two items may be equal. Default: []. Examples: [1]."}),
    ({"propertyNames": {"pattern": "^a"}},
     {"description": "Names of properties must match the regular expression ^a."}),
    ({"oneOf": [{"type": "integer", "minimum": 1}, {"type": "integer", "maximum": 5}]},
     {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "integer", "maximum": 5}],
      "description": "Exactly one of these forms must match."}),
    ({"allOf": [{"enum": [1]}, {"enum": [2]}]},
     {"enum": [1], "description": 'Must match all of the JSON Schemas [{"enum":[2]}].'}),
    ({"allOf": [False, {"type": "string"}]},
     {"type": "string", "description": "Must match all of the JSON Schemas [false]."}),
    ({"allOf": [{"uniqueItems": True}, {"uniqueItems": False}]}, {"description": "No two items may be equal."}),
    ({"oneOf": [{"type": "string"}, {"type": ["string", "null"]}]},
     {"anyOf": [{"type": "string"}, {"type": ["string", "null"]}],
      "description": "Exactly one of these forms must match."}),
    ({"type": "array", "items": [{"type": "string"}], "additionalItems": False},
     {"type": "array", "items": {"type": "string"},
      "description": 'The items must match, in this order, the JSON Schemas [{"type":"string"}]. At most 1 items.'}),
    ({"prefixItems": [{}], "items": [{}]},
     {"description": "The items must match, in this order, the JSON Schemas [{}]."}),
    ({"allOf": [{"format": "uri"}, {"format": "email"}]},
     {"description": 'Must match all of the JSON Schemas [{"format":"email"}]. Format: uri.'}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), TOLD)
def test_what_cannot_be_kept_is_told_in_words(schema: Any, expected: Any) -> None:
    assert inside(schema) == expected
    result = compiled(with_property(schema), SchemaSupport(keywords=FEW))
    assert result.told
    assert result.lost == set()


LOST: list[tuple[Any, Any, str]] = [
    ({"type": "string", "x-unit": "m"}, {"type": "string"}, "x-unit"),
    ({"not": {"enum": ["x" * 600]}}, {}, "not"),
    ({"type": "uuid4"}, {}, "type"),
    ({"required": True}, {}, "required"),
    ({"anyOf": "x"}, {}, "anyOf"),
]


@pytest.mark.parametrize(("schema", "expected", "name"), LOST)
def test_what_words_cannot_say_is_lost_by_name(schema: Any, expected: Any, name: str) -> None:
    assert inside(schema) == expected
    assert compiled(with_property(schema), SchemaSupport(keywords=FEW)).lost == {name}


def test_where_nothing_can_be_described_all_is_lost() -> None:
    schema = with_property({"type": "string", "pattern": "^a", "description": "A name"})
    result = compiled(schema, SchemaSupport(keywords=frozenset({"type", "properties"})))
    assert result.schema == with_property({"type": "string"})
    assert (result.told, result.lost) == (NONE, frozenset({"pattern", "description"}))


LIMITED: list[tuple[SchemaLimit, Any, Any]] = [
    ("single-type", {"type": ["string", "integer"], "minimum": 1},
     {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]}),
    ("string-enums", {"enum": ["a", "b"]}, {"enum": ["a", "b"], "type": "string"}),
    ("string-enums", {"type": "integer", "enum": [1, 2]}, {"type": "integer", "description": "One of: 1, 2."}),
    ("string-enums", {"type": "string", "enum": ["", "a"]}, {"type": "string", "description": 'One of: "", "a".'}),
    ("lone-any-of", {"description": "Either", "anyOf": [{"type": "string"}, {"type": "integer", "description": "n"}]},
     {"anyOf": [{"type": "string", "description": "Either"}, {"type": "integer", "description": "Either. n"}]}),
    ("lone-any-of", {"type": "string", "anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]},
     {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["b"]}]}),
    ("lone-any-of", {"properties": {"b": {}}, "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
     {"properties": {"b": {}},
      "description": 'Must match one of the JSON Schemas [{"required":["b"]},{"required":["c"]}].'}),
    ("no-booleans", True, {}),
    ("no-booleans", False, {"description": "No value is allowed here."}),
    ("array-items", {"type": "array"}, {"type": "array", "items": {}}),
    ("declared-required", {"required": ["b"]}, {"required": ["b"], "properties": {"b": {}}}),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "schema", "expected"), LIMITED)
def test_a_form_that_is_refused_is_said_in_another(limit: SchemaLimit, schema: Any, expected: Any) -> None:
    assert inside(schema, limit) == expected
    assert inside(expected, limit) == expected


NULLABLE: list[tuple[Any, Any]] = [
    ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
    ({"type": ["string", "null"], "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    ({"type": ["string", "null"], "enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
    ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "description": "n"},
     {"type": "integer", "minimum": 1, "description": "n", "nullable": True}),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}, {"const": None}]},
     {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True}),
    ({"type": "null"}, {"type": "null"}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), NULLABLE)
def test_null_is_said_in_the_word_that_the_target_has(schema: Any, expected: Any) -> None:
    assert inside(schema, more=frozenset({"nullable"})) == expected


def test_a_format_is_kept_if_the_target_takes_it() -> None:
    support = SchemaSupport(keywords=FEW | {"format"}, formats=frozenset({"date"}))
    schema = {"type": "object", "properties": {"a": {"format": "date"}, "b": {"format": "uri"}}}
    assert compiled(schema, support).schema["properties"] == {
        "a": {"format": "date"},
        "b": {"description": "Format: uri."},
    }


def test_what_is_too_deep_is_told_in_words() -> None:
    schema = with_property({"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]})
    result = compiled(schema, SchemaSupport(depth=2))
    told = 'Its properties: {"b":{"type":"string"}}.'
    assert result.schema == with_property({"type": "object", "required": ["b"], "description": told})


def test_a_reference_is_replaced_with_what_it_leads_to() -> None:
    leaf = {"type": "string", "description": "A leaf"}
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Leaf"}, "b": {"$ref": "#/$defs/Leaf", "description": "Mine"}},
        "$defs": {"Leaf": leaf},
    }
    result = compiled(schema, SchemaSupport(keywords=FEW))
    assert result.schema == {"type": "object", "properties": {"a": leaf, "b": leaf | {"description": "Mine"}}}
    assert (result.same, result.told, result.lost) == (frozenset({"$ref", "$defs"}), NONE, NONE)


def test_a_schema_that_leads_back_to_itself_ends_somewhere_and_says_so() -> None:
    schema = with_property({"$ref": "#/$defs/Node"}) | {"$defs": {"Node": {"items": {"$ref": "#/$defs/Node"}}}}
    result = compiled(schema, SchemaSupport(keywords=FEW))
    assert result.schema == with_property({"items": {"items": {"items": {"description": 'The same form as "Node".'}}}})
    assert result.lost == {"$ref"}


def test_references_that_double_do_not_grow_without_end() -> None:
    definitions = {f"L{i}": {"properties": {name: {"$ref": f"#/$defs/L{i + 1}"} for name in "ab"}} for i in range(40)}
    schema = with_property({"$ref": "#/$defs/L0"}) | {"$defs": definitions | {"L40": {}}}
    result = compiled(schema, SchemaSupport(keywords=FEW))
    assert len(str(result.schema)) < 100_000
    assert result.lost == {"$ref"}


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf", "allOf", "if", "not", "contains"])
def test_what_is_nested_deeply_is_tried_once_on_each_level(keyword: str) -> None:
    schema: dict[str, Any] = {"type": "string", "pattern": "a"}
    for i in range(30):  # twice on each level would be a thousand million times
        inner = schema if keyword in {"if", "not", "contains"} else [schema, {"type": "integer", "minimum": i}]
        schema = {keyword: inner, "maxContains": 2}
    support = SchemaSupport(keywords=FEW | {"oneOf", "if", "not", "contains", "maxContains"}, limits=PLAIN.limits)
    assert compiled(with_property(schema), support).broken is None


def one_of_kind(kind: Any) -> dict[str, Any]:
    return {"properties": {"k": kind}, "required": ["k"], "additionalProperties": False}


ROOTS: list[tuple[Any, Any, str]] = [
    ({"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}, {},
     'At least one of these sets of properties must be present: "a"; or "b" and "c".'),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {},
     'Exactly one of these sets of properties must be present: "a"; or "b".'),
    ({"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"required": ["b"]}]},
     {"properties": {"a": {"type": "string"}}, "required": ["a", "b"]}, ""),
    ({"not": {"required": ["a"]}}, {}, 'Must not match the JSON Schema {"required":["a"]}.'),
    ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {}}}}},
     {"properties": {"a": {}}, "$defs": {"A": {"type": "object", "properties": {"a": {}}}}}, ""),
    ({"oneOf": [
        {"properties": {"k": {"const": "a"}, "x": {}}, "required": ["k"], "additionalProperties": False},
        {"properties": {"k": {"const": "b"}}, "required": ["k"], "additionalProperties": False}]},
     {"properties": {"k": {"enum": ["a", "b"]}, "x": {}}, "required": ["k"], "additionalProperties": False},
     'The properties go together in one of these forms: "k", ["x"]; or "k".'),
    ({"allOf": [True, {"properties": {"a": {}}}]}, {"properties": {"a": {}}}, ""),
    ({"anyOf": [True, {"properties": {"a": {}}}]}, {"properties": {"a": {}}},
     'The properties go together in one of these forms: no properties; or ["a"].'),
    ({"anyOf": [{"type": "string"}, {"properties": {"a": {}}}]}, {"properties": {"a": {}}}, ""),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {}, ""),
    ({"anyOf": [False, {"properties": {"a": {}}}]}, {"properties": {"a": {}}}, ""),
    ({"anyOf": [{"required": ["a"]}, {"required": []}]}, {}, ""),
    ({"allOf": [{"if": {"required": ["a"]}}, {"if": {"required": ["b"]}, "then": {"required": ["c"]}}]},
     {"if": {"required": ["a"]}},
     'Must also match the JSON Schema {"if":{"required":["b"]},"then":{"required":["c"]}}.'),
    ({"anyOf": [one_of_kind({"const": "a", "type": "string"}),
                one_of_kind({"enum": ["b"], "type": "string", "description": "B"})]},
     one_of_kind({"enum": ["a", "b"], "type": "string", "description": "B"}),
     'The properties go together in one of these forms: "k"; or "k".'),
    ({"anyOf": [one_of_kind(False), one_of_kind({"enum": ["b"]})]}, one_of_kind({"enum": ["b"]}),
     'The properties go together in one of these forms: "k"; or "k".'),
    ({"anyOf": [one_of_kind(False), one_of_kind(False)]}, one_of_kind(False),
     'The properties go together in one of these forms: "k"; or "k".'),
    ({"anyOf": [{"properties": {"k": {}}, "minProperties": 1}, {"properties": {"k": {}}, "minProperties": 2}]},
     {"properties": {"k": {}}}, 'The properties go together in one of these forms: ["k"]; or ["k"].'),
    # The second form takes anything in the place of the first one's property.
    ({"anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"title": "B"}}}]},
     {"properties": {"a": {"description": 'Usually: {"type":"string"}.'}, "b": {}}},
     'The properties go together in one of these forms: "a"; or ["b"].'),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected", "words"), ROOTS)
def test_the_top_becomes_a_plain_object(schema: Any, expected: Any, words: str) -> None:
    result = compiled(schema, PLAIN)
    assert result.schema == {"type": "object", "properties": {}} | expected
    assert result.words == words
    assert result.lost == set()


BROKEN: list[tuple[Any, str]] = [
    ([], "it is not an object"),
    ("x", "it is not an object"),
    ({"type": "array"}, "it describes no object"),
    (with_property({"$ref": "#/$defs/gone"}), "#/$defs/gone leads nowhere"),
    (with_property({"$ref": "https://example.org/schema"}), "https://example.org/schema leads nowhere"),
    (with_property({"$ref": "#anchor"}), "#anchor leads nowhere"),
    (with_property({"$ref": 1}), "1 leads nowhere"),
    (with_property({"$ref": "#/type"}), "#/type leads nowhere"),
]


@pytest.mark.parametrize("support", [EVERYTHING, SchemaSupport(keywords=FEW)])
@pytest.mark.parametrize(("schema", "reason"), BROKEN)
def test_a_schema_that_cannot_be_understood_takes_any_object(schema: Any, reason: str, support: SchemaSupport) -> None:
    assert compiled(schema, support) == CompiledSchema({"type": "object"}, broken=reason)


def test_a_huge_schema_takes_any_object() -> None:
    huge = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(MAX_COUNT)}}
    assert compiled(huge, EVERYTHING).schema is huge
    assert compiled(huge, SchemaSupport(keywords=FEW)).broken is not None


def test_a_schema_that_is_taken_as_it_is_stays_the_same_object() -> None:
    plain = with_property({"oneOf": [{"$ref": "#/$defs/x"}, {"const": 1}]}) | {"$defs": {"x": {"type": "string"}}}
    for support in (EVERYTHING, PLAIN):
        assert compiled(plain, support).schema is plain


def test_an_array_gets_items_and_all_else_stays_as_it_is() -> None:
    openai = SchemaSupport(limits=frozenset({"plain-root", "array-items"}))
    bare, kept = {"type": ["array", "null"]}, {"$ref": "#/$defs/pair"}
    pair = {"type": "array", "prefixItems": [{"type": "array"}, {"const": 1}], "maxItems": 2}
    schema = with_property({"anyOf": [bare, kept, {"type": "array", "items": False}]}) | {"$defs": {"pair": pair}}
    full = {"type": "array", "items": {}}
    found = compiled(schema, openai)
    assert found.schema["properties"]["a"]["anyOf"] == [bare | {"items": {}}, kept, {"type": "array", "items": False}]
    assert found.schema["$defs"]["pair"] == pair | {"prefixItems": [full, {"const": 1}], "items": {}}
    assert (found.same, found.told, found.lost) == (NONE, NONE, NONE)
    assert compiled(found.schema, openai).schema is found.schema
    rest = {"type": "array", "unevaluatedItems": {"type": "string"}}
    assert compiled(with_property(rest), openai).schema["properties"]["a"]["items"] == {"type": "string"}
    found = compiled(with_property(rest | {"anyOf": [{"prefixItems": [{"const": 1}]}]}), openai)
    assert (found.schema["properties"]["a"]["items"], found.lost) == ({}, frozenset({"unevaluatedItems"}))


OLD: list[tuple[dict[str, Any], dict[str, Any], frozenset[str]]] = [
    ({"type": "array", "items": [{"type": "number"}, {}], "additionalItems": False, "maxItems": 2},
     {"type": "array", "prefixItems": [{"type": "number"}, {}], "items": False, "maxItems": 2}, NONE),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 0}, NONE),
    ({"type": "str", "description": None}, {"type": "string"}, NONE),
    ({"type": "any"}, {}, frozenset({"type"})),
    ({"type": "object", "properties": {"type": "object"}},
     {"type": "object", "properties": {"type": {}}}, frozenset({"schema"})),
    ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
     {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}}}, NONE),
    ({"additionalProperties": [], "required": ["a", "a"]}, {"additionalProperties": {}, "required": ["a"]}, NONE),
    ({"type": "array", "items": "string", "uniqueItems": "true"}, {"type": "array"},
     frozenset({"items", "uniqueItems"})),
    ({"type": "string", "examples": {"one": {"value": "x"}}, "minLength": -1}, {"type": "string"},
     frozenset({"examples", "minLength"})),
    ({"$id": "#/properties/a", "$comment": 1, "type": "string"}, {"type": "string"}, NONE),
    ({"additionalProperties": "false", "multipleOf": 0, "maxLength": 1.5}, {},
     frozenset({"additionalProperties", "multipleOf", "maxLength"})),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lost"), OLD)
def test_what_the_newest_draft_does_not_have_is_said_in_its_words(
    old: dict[str, Any], new: dict[str, Any], lost: frozenset[str]
) -> None:
    # vercel/ai#2271, hyperdxio/hyperdx#2925, oomkapwn/enquire-mcp#360, smallmain/vscode-unify-chat-provider#162
    strict = SchemaSupport(limits=frozenset({"plain-root", "old-drafts"}))
    draft = "http://json-schema.org/draft-07/schema#"
    found = compiled(with_property(old) | {"$schema": draft}, strict)
    assert found.schema == with_property(new)
    assert (found.same, found.told, found.lost) == (frozenset({"$schema"}), NONE, lost)
    fine = with_property(new) | {"$schema": draft}
    assert compiled(fine, strict).schema is fine


def test_a_reference_into_what_has_another_place_in_the_newest_draft_leads_there() -> None:
    strict = SchemaSupport(limits=frozenset({"old-drafts"}))
    pair = {"type": "array", "items": [{"type": "number"}]}
    schema = {"type": "object", "properties": {"a": pair, "b": {"$ref": "#/properties/a/items/0"}}}
    assert compiled(schema, strict).schema["properties"]["b"] == {"type": "number"}


def test_an_original_is_not_changed() -> None:
    schema = {"allOf": [with_property({"anyOf": [{"const": 1}, {"type": ["string", "null"]}]})], "x": {"y": [1]}}
    before = repr(schema)
    compiled(schema, SchemaSupport(keywords=FEW | {"nullable"}, limits=frozenset({"plain-root", "lone-any-of"})))
    assert repr(schema) == before
