"""What is left of a request for a family of models, and what is named for it."""

import pytest

from dragoman.protocols.losses import losses
from dragoman.protocols.profiles import changes, fitted, untaken
from dragoman.types import (
    AnyPart,
    ChangedSchema,
    ChatRequest,
    Image,
    Message,
    ModelProfile,
    RefusedPrefill,
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
    assert fitted(request, unknown, frozenset()) is request
    assert list(changes(request, unknown)) == []


def test_pictures_are_left_out_wherever_they_stand() -> None:
    result = ToolResult(id="1", parts=(LOOK, PICTURE))
    request, blind = request_with(PICTURE, LOOK, result), ModelProfile(images=False)
    message = fitted(request, blind, untaken(blind)).messages[0]
    assert message.parts == (LOOK, ToolResult(id="1", parts=(LOOK,)))
    assert losses(request, EVERYTHING, "own", untaken(blind)) == (
        UntakenPart("messages[0].parts[0] (image)"),
        UntakenPart("messages[0].parts[2].parts[1] (image)"),
    )


def test_a_message_without_what_is_left_out_stays_the_same_value() -> None:
    request, blind = request_with(LOOK, ToolResult(id="1", parts=(LOOK,))), ModelProfile(images=False)
    assert fitted(request, blind, untaken(blind)) == request


def test_tools_go_with_their_choice() -> None:
    request, bare = request_with(LOOK), ModelProfile(tools=False, schema_keywords=("type",))
    left = fitted(request, bare, untaken(bare))
    assert (left.tools, left.tool_choice, left.temperature) == ((), None, 0.5)
    assert losses(request, EVERYTHING, "own", untaken(bare)) == (UntakenField("tools"), UntakenField("tool_choice"))
    assert list(changes(request, bare)) == []


def test_keywords_of_a_schema_are_left_out_by_name() -> None:
    request, plain = request_with(LOOK), ModelProfile(schema_keywords=("type",))
    assert fitted(request, plain, untaken(plain)).tools == (Tool("f", parameters={"type": "object"}), Tool("g"))
    assert list(changes(request, plain)) == [ChangedSchema("tools[0].parameters (title)")]


@pytest.mark.parametrize("prefill", [True, None])
def test_the_beginning_of_an_answer_is_refused_only_if_the_family_is_known_to_refuse_it(prefill: bool | None) -> None:
    begun = ChatRequest(model="m", messages=(user("hi"), assistant("Well,")))
    assert list(changes(begun, ModelProfile(prefill=prefill))) == []
    assert list(changes(begun, ModelProfile(prefill=False))) == [RefusedPrefill("messages[1]")]
    assert list(changes(ChatRequest(model="m", messages=(user("hi"),)), ModelProfile(prefill=False))) == []
    assert list(changes(ChatRequest(model="m", messages=()), ModelProfile(prefill=False))) == []
