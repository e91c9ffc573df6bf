"""Properties whose names a service refuses are told in words, and the others stay."""

import pytest

from dragoman.protocols.tools.schema.compiler import compiled
from dragoman.types import SchemaSupport

SUPPORT = SchemaSupport(limits=frozenset({"plain-root", "plain-names"}))
TEXT = {"type": "string"}


def test_a_property_with_another_name_is_told_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {"path": TEXT, "$top": {"type": "integer"}, "filter[id]": TEXT, "a" * 65: TEXT},
        "required": ["path", "$top"],
        "additionalProperties": False,
    }
    found = compiled(schema, SUPPORT)
    assert found.schema == {"type": "object", "properties": {"path": TEXT}, "required": ["path"]}
    assert 'A property "$top" must be given too, of the JSON Schema {"type":"integer"}.' in found.words
    assert 'A property "filter[id]" may be given too' in found.words
    assert "a" * 65 in found.words
    assert found.words.endswith("There are no other properties.")
    assert found.told == frozenset({"properties"})
    assert not found.lost


@pytest.mark.parametrize("required", [True, "$top", None, 3])
def test_what_is_no_list_of_names_is_passed_as_it_is(required: object) -> None:
    found = compiled({"type": "object", "properties": {"path": TEXT, "$top": TEXT}, "required": required}, SUPPORT)
    assert found.schema == {"type": "object", "properties": {"path": TEXT}, "required": required}
    assert 'A property "$top" may be given too' in found.words


def test_below_the_top_any_name_is_taken() -> None:
    inner = {"type": "object", "properties": {"$top": TEXT}}
    schema = {"type": "object", "properties": {"a.b-c_1": inner}}
    assert compiled(schema, SUPPORT).schema is schema


def test_names_in_alternatives_at_the_top_are_looked_at_too() -> None:
    schema = {"type": "object", "anyOf": [{"properties": {"$a": TEXT}}, {"properties": {"b": TEXT}}]}
    found = compiled(schema, SUPPORT)
    assert found.schema["properties"].keys() == {"b"}
    assert '"$a"' in found.words
