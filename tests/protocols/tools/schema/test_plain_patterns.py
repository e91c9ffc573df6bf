"""Regular expressions that services cannot read."""

import json
import subprocess
import sys
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.tools.schema.compiler import CompiledSchema, compiled, compiled_form
from dragoman.protocols.tools.schema.plain_patterns import is_plain
from dragoman.providers.profiles import OPENAI_LIMITS
from dragoman.types import ChatRequest, Message, ModelProfile, SchemaSupport, Text, Tool
from dragoman.types.schemas import SchemaLimit
from tests.support.env import fixed_env

ODD = r"^[^\p{Cc}]+$"
TOLD = rf"Must match the regular expression {ODD}."
PLAIN = SchemaSupport(limits=frozenset({"plain-patterns"}))


def of(schema: Any, *limits: SchemaLimit) -> CompiledSchema:
    return compiled(
        {"type": "object", "properties": {"a": schema}}, SchemaSupport(limits=frozenset({"plain-patterns", *limits}))
    )


def inside(found: CompiledSchema) -> Any:
    return found.schema["properties"]["a"]


@pytest.mark.parametrize("pattern", [r"^a+$", r"(?!__)x", r"(?<=a)b", r"[\w.-]{1,64}", r"\\0", r"\x00", "[[a]", ""])
def test_what_python_reads_is_plain(pattern: str) -> None:
    assert is_plain(pattern)


def test_what_a_later_python_may_read_otherwise_warns_nobody() -> None:
    code = f"from {is_plain.__module__} import is_plain; print(is_plain('[[a]'))"
    ran = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    "pattern", [ODD, r"\P{L}", r"(?<name>a)", r"\u{1F600}", r"a\z", "(", r"[^\0]", r"\\\0", r"\N{DASH}"]
)
def test_what_services_cannot_read_is_not(pattern: str) -> None:
    assert not is_plain(pattern)


def test_a_schema_with_plain_ones_is_the_same_object() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "pattern": "a"}}}
    assert compiled(schema, PLAIN).schema is schema


@pytest.mark.parametrize("limits", [(), OPENAI_LIMITS])
def test_one_that_is_not_is_told_in_words(limits: tuple[SchemaLimit, ...]) -> None:
    found = of({"type": "string", "description": "Its name", "pattern": ODD, "maxLength": 9}, *limits)
    assert inside(found) == {"type": "string", "description": f"Its name. {TOLD}", "maxLength": 9}
    assert (found.told, found.lost) == (frozenset({"pattern"}), frozenset())


def test_properties_that_one_names_are_told_with_what_depends_on_them() -> None:
    found = of({"type": "object", "patternProperties": {ODD: {"type": "string"}}, "additionalProperties": False})
    assert inside(found) == {
        "type": "object",
        "description": f'Properties whose names match {ODD} must match the JSON Schema {{"type":"string"}}.'
        " No other properties are allowed.",
    }


@pytest.mark.parametrize("name", ["not", "oneOf", "contains"])
def test_where_less_demanded_would_be_more_refused_all_of_it_is_told(name: str) -> None:
    value: Any = [{"pattern": ODD}, {"type": "null"}] if name == "oneOf" else {"pattern": ODD}
    told = inside(of({name: value, "minItems": 1}))
    assert told.keys() == {"minItems", "description"}
    assert r"\\p{Cc}" in told["description"]


def test_a_condition_is_told_as_a_whole() -> None:
    told = inside(of({"if": {"pattern": ODD}, "then": {"minLength": 2}, "else": {"maxLength": 1}}))
    assert told.keys() == {"description"}


def test_what_the_whole_demands_stands_beside_the_schema() -> None:
    found = compiled_form({"type": "string", "pattern": ODD}, PLAIN)
    assert (found.schema, found.words) == ({"type": "string"}, TOLD)


def test_a_schema_may_be_deep() -> None:
    schema: dict[str, Any] = {"type": "string", "pattern": "a"}
    for _ in range(200):
        schema = {"type": "object", "properties": {"a": schema}}
    assert compiled(schema, PLAIN).schema is schema


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "gemini"])
def test_services_that_refuse_it_are_sent_none(name: str) -> None:
    tool = Tool("f", parameters={"type": "object", "properties": {"a": {"type": "string", "pattern": ODD}}})
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="a"),)),), tools=(tool,))
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    sent = json.loads(codec.encode_request(codec.fit(request, ModelProfile()), fixed_env()).body)
    assert "pattern" not in json.dumps(sent)
    assert json.dumps(TOLD) in json.dumps(sent)
