"""What is left of a request for a family of models, and what is named for it."""

from functools import partial
from typing import Any

import pytest

from dragoman.errors import UnsupportedFeatureError
from dragoman.protocols.losses import losses, refuse
from dragoman.protocols.profiles import Compilers, changes, fitted, supported, untaken
from dragoman.protocols.tools.schema.compiler import CompiledSchema, compiled
from dragoman.types import (
    AnyPart,
    ChangedSchema,
    ChatRequest,
    Image,
    LostSchema,
    Message,
    ModelProfile,
    RefusedPrefill,
    RewrittenSchema,
    SchemaSupport,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    UntakenField,
    UntakenPart,
    assistant,
    user,
)

LOOK, PICTURE = Text(text="look"), Image(url="https://example.org/a.png")


def as_it_is(schema: Any) -> CompiledSchema:
    return CompiledSchema(schema)


def request_with(*parts: AnyPart) -> ChatRequest:
    return ChatRequest(
        model="m",
        messages=(Message("user", parts),),
        tools=(Tool("f", parameters={"type": "object", "title": "F"}), Tool("g")),
        tool_choice=ToolChoice("required"),
        temperature=0.5,
    )


EVERYTHING = frozenset(ChatRequest.__struct_fields__) | {
    "image",
    "image.url",
    "image.data",
    "tool_result",
    "tool_result.image",
}


def test_nothing_changes_for_a_family_of_which_nothing_is_known() -> None:
    request, unknown = request_with(LOOK, PICTURE), ModelProfile()
    assert untaken(unknown) == frozenset()
    assert fitted(request, frozenset(), Compilers(as_it_is)) is request
    assert list(changes(request, unknown, Compilers(as_it_is))) == []


def test_pictures_are_left_out_wherever_they_stand() -> None:
    result = ToolResult(id="1", parts=(LOOK, PICTURE))
    request, blind = request_with(PICTURE, LOOK, result), ModelProfile(images=False)
    message = fitted(request, untaken(blind), Compilers(as_it_is)).messages[0]
    assert message.parts == (LOOK, ToolResult(id="1", parts=(LOOK,)))
    assert losses(request, EVERYTHING, "own", untaken(blind)) == (
        UntakenPart("messages[0].parts[0] (image)"),
        UntakenPart("messages[0].parts[2].parts[1] (image)"),
    )


def test_a_message_without_what_is_left_out_stays_the_same_value() -> None:
    request, blind = request_with(LOOK, ToolResult(id="1", parts=(LOOK,))), ModelProfile(images=False)
    assert fitted(request, untaken(blind), Compilers(as_it_is)) == request


def test_tools_go_with_their_choice() -> None:
    request, bare = request_with(LOOK), ModelProfile(tools=False, schema_keywords=("type",))
    left = fitted(request, untaken(bare), Compilers(as_it_is))
    assert (left.tools, left.tool_choice, left.temperature) == ((), None, 0.5)
    assert losses(request, EVERYTHING, "own", untaken(bare)) == (UntakenField("tools"), UntakenField("tool_choice"))
    assert list(changes(request, bare, Compilers(as_it_is))) == []


def with_schemas(*schemas: Any) -> ChatRequest:
    tools = tuple(Tool(f"t{i}", parameters=schema) for i, schema in enumerate(schemas))
    return ChatRequest(model="m", messages=(user("hi"),), tools=tools)


PLAIN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
FEW = partial(compiled, support=SchemaSupport(keywords=frozenset({"type", "properties", "description"})))


def test_keywords_of_a_schema_are_named() -> None:
    request = with_schemas(PLAIN | {"x-own": 1, "required": ["a"]}, None)
    assert fitted(request, frozenset(), Compilers(FEW)).tools == (Tool("t0", 'Required: "a".', PLAIN), Tool("t1"))
    assert list(changes(request, ModelProfile(), Compilers(FEW))) == [
        ChangedSchema("tools[0].parameters (x-own)"),
        RewrittenSchema("tools[0].parameters (required)"),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}, "#/$defs/gone leads nowhere"),
        ({"type": "string"}, "it describes no object"),
        (["a"], "it is not an object"),
    ],
)
def test_one_bad_schema_does_not_cost_the_other_tools(bad: Any, reason: str) -> None:
    request = with_schemas(PLAIN, bad, PLAIN)
    for compile_ in (FEW, partial(compiled, support=SchemaSupport())):
        tools = fitted(request, frozenset(), Compilers(compile_)).tools
        assert tools == (request.tools[0], Tool("t1", parameters={"type": "object"}), request.tools[2])
        lost = tuple(changes(request, ModelProfile(), Compilers(compile_)))
        assert lost == (LostSchema("tools[1].parameters", reason),)
        refuse(lost, "up", strict=False)
        with pytest.raises(UnsupportedFeatureError, match=r"tools\[1\]\.parameters"):
            refuse(lost, "up", strict=True)


def test_what_a_profile_knows_of_schemas_holds_over_what_the_protocol_says() -> None:
    own = SchemaSupport(keywords=frozenset({"type"}), formats=frozenset({"date"}), depth=3)
    assert supported(ModelProfile(), own) == own
    profile = ModelProfile(schema_keywords=("enum",), schema_formats=(), schema_limits=("plain-root",), schema_depth=1)
    assert supported(profile, own) == SchemaSupport(
        keywords=frozenset({"enum"}), formats=frozenset(), limits=frozenset({"plain-root"}), depth=1
    )


@pytest.mark.parametrize("prefill", [True, None])
def test_the_beginning_of_an_answer_is_refused_only_if_the_family_is_known_to_refuse_it(prefill: bool | None) -> None:
    begun = ChatRequest(model="m", messages=(user("hi"), assistant("Well,")))
    assert list(changes(begun, ModelProfile(prefill=prefill), Compilers(as_it_is))) == []
    assert list(changes(begun, ModelProfile(prefill=False), Compilers(as_it_is))) == [RefusedPrefill("messages[1]")]
    assert (
        list(changes(ChatRequest(model="m", messages=(user("hi"),)), ModelProfile(prefill=False), Compilers(as_it_is)))
        == []
    )
    assert list(changes(ChatRequest(model="m", messages=()), ModelProfile(prefill=False), Compilers(as_it_is))) == []
