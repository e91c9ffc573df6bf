"""The schema of a tool's result, which need not be an object."""

from dragoman.protocols.tools.schema.compiler import CompiledSchema, compiled, compiled_output
from dragoman.types import SchemaSupport

OBJECTS = SchemaSupport(limits=frozenset({"plain-root", "open-objects", "references"}))
LIST = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}


def test_limits_of_objects_do_not_hold_for_it() -> None:
    assert compiled(LIST, OBJECTS).broken is not None
    assert compiled_output(LIST, OBJECTS) == CompiledSchema(LIST)


def test_one_that_takes_too_long_to_compile_is_broken() -> None:
    many = {"anyOf": [{"type": "string"}] * 6_000}
    assert compiled_output(many, SchemaSupport()).broken == "it has more than 5000 schemas inside"


def test_keywords_that_the_target_does_not_take_are_said_otherwise() -> None:
    found = compiled_output(
        {"type": "string", "title": "T", "minLength": 3}, SchemaSupport(keywords=frozenset({"type"}))
    )
    assert (found.schema["type"], found.told | found.lost >= {"minLength"}) == ("string", True)
