"""Turns of which nothing is left: of the system, which only set something in one protocol, and of others."""

import json
from typing import Any

import pytest

from dragoman.engine.question import question
from dragoman.errors import UnsupportedFeatureError
from dragoman.protocols.anthropic import AnthropicServer
from dragoman.protocols.losses import refuse
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.wordless import without_emptied, without_wordless
from dragoman.types import (
    AnyPart,
    ChatRequest,
    HostedCall,
    Image,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    Role,
    ServerRequest,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tests.support.env import fixed_env

SETTING = {"role": "system", "output_config": {"effort": "low"}}
CHANGE = {
    "role": "system",
    "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}],
}
ASKED = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "missed"),
    [
        ([ASKED, SETTING], "messages[1].output_config"),
        ([SETTING, ASKED], "messages[0].output_config"),
        ([ASKED, CHANGE], "messages[1].parts[0] (unknown)"),
    ],
)
@pytest.mark.parametrize("name", ["anthropic", "openai-chat", "openai-responses", "gemini", "ollama"])
def test_a_turn_without_words_is_sent_to_no_service_of_another_protocol(
    name: str, messages: list[Any], missed: str
) -> None:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()
    request = AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    sent = codec.encode_request(codec.fit(request, ModelProfile()), fixed_env()).body
    if name == "anthropic":
        assert json.loads(sent)["messages"] == messages
        return
    assert b'"system"' not in sent
    assert missed in {loss.name for loss in codec.losses(request, ModelProfile())}


def test_a_message_in_which_a_caller_says_nothing_stays() -> None:
    silent = Message("system", ())
    request = ChatRequest(model="m", messages=(silent, Message("user", (Text(text="hi"),))))
    assert without_wordless(request, "openai-chat") is request


LISTS = {
    "openai-chat": "messages",
    "openai-responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
    "ollama": "messages",
}
STRANGE = Unknown(protocol="theirs", data={"type": "strange"})
HIDDEN = Reasoning(text="", form="redacted", opaque=OpaqueState("theirs", "data", "origin"))
BLANK = Text(text=" ")


def said(role: Role, *parts: AnyPart | str) -> Message:
    return Message(role, tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def sent(name: str, *messages: Message, profile: ModelProfile = ModelProfile()) -> list[Any]:  # noqa: B008  # frozen
    """The turns that a service of the protocol `name` is sent. Raises what the caller is told instead."""
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    asked = question(ChatRequest(model="m", messages=messages), codec, profile)
    refuse(asked.losses, "up", strict=False)
    found: list[Any] = json.loads(codec.encode_request(codec.fit(asked.request, profile), fixed_env()).body)[
        LISTS[name]
    ]
    return found


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("role", "parts"),
    [
        ("user", (STRANGE,)),
        ("user", (BLANK, STRANGE)),
        ("assistant", (STRANGE,)),
        ("assistant", (HIDDEN,)),
        ("assistant", (HostedCall(id="1", tool="web_search", arguments="{}"),)),
        ("assistant", (HostedCall(id="1", tool="web_search", arguments="{}"), Reasoning(text="", item="rs_1"))),
    ],
)
def test_a_turn_of_which_nothing_is_left_is_left_out(name: str, role: Role, parts: tuple[AnyPart, ...]) -> None:
    before, after = said("user", "a"), said("user", "b")
    assert sent(name, before, said(role, *parts), after) == sent(name, before, after)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("profile", [ModelProfile(), ModelProfile(reasoning_returns=True)])
@pytest.mark.parametrize("item", [None, "rs_1"])
def test_so_is_one_that_says_only_that_the_model_thought(name: str, profile: ModelProfile, item: str | None) -> None:
    before, after = said("user", "a"), said("user", "b")
    thought = said("assistant", Reasoning(text="", form="redacted", item=item))
    assert sent(name, before, thought, after, profile=profile) == sent(name, before, after, profile=profile)


@pytest.mark.parametrize("name", LISTS)
def test_and_one_of_the_system(name: str) -> None:
    blind, picture = ModelProfile(images=False), Image(data="iVBORw0KGgoA")
    before, after = said("user", "a"), said("user", "b")
    assert sent(name, before, said("system", picture), after, profile=blind) == sent(name, before, after)


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_turn_in_which_the_caller_says_nothing_is_none_of_these(role: Role) -> None:
    silent = ChatRequest(model="m", messages=(said("user", "a"), said(role, ""), said("user", "b")))
    assert without_emptied(silent, ()) is silent


@pytest.mark.parametrize("name", LISTS)
def test_so_is_one_of_which_the_model_takes_nothing(name: str) -> None:
    blind, picture = ModelProfile(images=False), Image(data="iVBORw0KGgoA")
    before, after = said("user", "a"), said("user", "b")
    assert sent(name, before, said("user", picture), after, profile=blind) == sent(name, before, after)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ((said("user", STRANGE),), 0),
        ((said("user", BLANK, STRANGE),), 0),
        ((said("system", "x"), said("user", STRANGE)), 1),
        ((said("user", "a"), said("assistant", "b"), said("user", STRANGE)), 2),
        ((said("user", "a"), said("assistant", "b"), said("user", STRANGE), said("user", BLANK)), 2),
        ((said("user", "a"), said("assistant", "b"), said("user", STRANGE), said("assistant", "{")), 2),
        ((said("user", "a"), said("assistant", HIDDEN), said("user", STRANGE)), 2),
        ((said("system", STRANGE),), 0),
        ((said("assistant", STRANGE),), 0),
        ((said("assistant", Reasoning(text="", item="rs_1")),), 0),
    ],
)
def test_a_question_of_which_nothing_is_left_is_refused(name: str, messages: tuple[Message, ...], place: int) -> None:
    with pytest.raises(UnsupportedFeatureError, match="asks nothing that the service takes") as caught:
        sent(name, *messages)
    assert caught.value.param == f"messages[{place}]"


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "messages",
    [
        (said("user", "a"), said("user", STRANGE)),
        (said("user", STRANGE), said("system", "x"), said("user", "a")),
        (said("user", STRANGE), said("assistant", "b"), said("user", "a")),
        (said("user", "a"), said("assistant", STRANGE)),
        (
            said("user", "a"),
            said("assistant", ToolCall(id="call_1", name="f", arguments="{}")),
            said("tool", ToolResult(id="call_1", parts=(Text(text="4"),))),
            said("user", STRANGE),
        ),
        (
            said("user", "a"),
            said("assistant", ToolCall(id="call_1", name="f", arguments="{}")),
            said("tool", ToolResult(id="call_1", parts=(STRANGE,))),
        ),
    ],
)
def test_what_is_left_of_a_question_is_asked(name: str, messages: tuple[Message, ...]) -> None:
    assert sent(name, *messages)
