"""Questions as callers write them in Python: dictionaries and our own values in any mixture, and junk."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage

from dragoman.client import Client
from dragoman.config import Config
from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.losses import losses
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.providers.request import CONFIGURED, ChatOptions, build_request, check_names
from dragoman.providers.turns import checked_request
from dragoman.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    File,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    system,
    tool_result,
    user,
)
from dragoman.wire import json
from tests.support.env import fixed_env
from tests.types.values import PARTS

CALL = ToolCall(id="c1", name="f", arguments="{}")
REPLY = ChatResponse(
    parts=(Reasoning(text="hm", opaque=OpaqueState("p", "s")), Text(text="so"), CALL), finish_reason="tool_call"
)
FUNCTION = {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}
CUSTOM = {"type": "custom", "custom": {"name": "h"}}

CODECS: tuple[ClientCodec, ...] = (
    OpenAIChatClient("http://h/v1"),
    AibnClient(url="http://h"),
    AIChatFreeClient(url="http://h"),
    AiChatOnlineClient(url="http://h"),
    CromicleClient(url="http://h"),
)


def chat_request(messages: Any, **options: Any) -> ChatRequest:
    return build_request("m", messages, options)


def test_messages_may_be_dictionaries_and_our_own_values_in_any_mixture() -> None:
    loop = [
        {"role": "user", "content": "go"},
        REPLY.message,
        tool_result(CALL, "done"),
        {"role": "user", "content": "on"},
    ]
    result = ToolResult(id="c1", parts=(Text(text="done"),))
    assert chat_request(loop).messages == (user("go"), REPLY.message, Message("tool", (result,)), user("on"))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_what_msgspec_makes_of_a_message_is_read_as_that_message(part: Any) -> None:
    message = Message("assistant", (part, part), "ann", {"openai-chat": {"odd": [1]}})
    assert chat_request([msgspec.to_builtins(message)]).messages == (message,)
    assert chat_request([message]).messages == (message,)
    assert msgspec.convert(msgspec.to_builtins(chat_request([message])), ChatRequest).messages == (message,)


class Said(pydantic.BaseModel):
    role: str
    content: str
    tool_call_id: str | None = None


class Own(msgspec.Struct, rename={"who": "role", "words": "content"}):
    who: str
    words: str
    name: str | msgspec.UnsetType = msgspec.UNSET


@dataclass
class Turn:
    role: str
    content: str


def test_values_of_other_libraries_are_read_by_their_fields() -> None:
    mixed = [Said(role="system", content="be"), Own("user", "go"), REPLY.message, Turn("user", "on")]
    assert chat_request(mixed).messages == (system("be"), user("go"), REPLY.message, user("on"))
    said = ChatCompletionMessage.model_validate({"role": "assistant", "content": "so", "refusal": None})
    assert chat_request([said]).messages[0].text == "so"


def test_a_result_of_a_tool_says_whose_it_is_and_whether_the_tool_failed() -> None:
    freeform = ToolCall(id="c2", name="f", arguments="x", input_format="text")
    (result,) = tool_result(freeform, "no", is_error=True).parts
    assert result == ToolResult(id="c2", parts=(Text(text="no"),), is_error=True, input_format="text")


def test_plain_text_may_stand_for_parts() -> None:
    plain: Any = "plain"
    assert chat_request([Message("user", plain)]).messages == (user("plain"),)
    assert chat_request([Message("user", (plain,))]).messages == (user("plain"),)
    result = ToolResult(id="c", parts=plain)
    assert chat_request([Message("tool", (result,))]).messages == (
        Message("tool", (ToolResult(id="c", parts=(Text(text="plain"),)),)),
    )


def test_tools_their_choice_and_the_form_may_be_our_own_values() -> None:
    own = Tool("f", "does", {"type": "object"}, True, {"other": {"x": 1}})
    request = chat_request("x", tools=[FUNCTION, own, CUSTOM, own], tool_choice=ToolChoice("tool", "f"))
    assert request.tools == (Tool("g", None, {"type": "object"}), own, Tool("h", input_format="text"), own)
    assert request.tool_choice == ToolChoice("tool", "f")
    form = ResponseFormat("json_schema", schema={"type": "object"})
    assert chat_request("x", response_format=form).response_format == form
    assert chat_request("x", tools=[msgspec.to_builtins(own)]).tools == (own,)


def test_a_text_of_another_type_is_that_text() -> None:
    class Word(str):
        pass

    class Effort(StrEnum):
        LOW = "low"

    request = chat_request([{"role": Word("user"), "content": Word("hi")}], reasoning_effort=Effort.LOW)
    assert request.messages == (user("hi"),)
    assert (request.reasoning, type(request.messages[0].text)) == (ReasoningConfig(effort="low"), str)


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    ([Message("bot", ())], {}, "messages[0].role: expected one of system, developer, user, assistant, tool, got 'bot'"),  # type: ignore[arg-type]  # the point
    ([user("a"), Message("user", 5)], {}, "messages[1].parts: expected text or a list of parts, got an integer"),  # type: ignore[arg-type]  # the point
    ([Message("user", (5,))], {}, "messages[0].parts[0]: expected text or a part, got an integer"),  # type: ignore[arg-type]  # the point
    ([Message("user", (Text(text=5),))], {}, "messages[0].parts[0].text: expected `str`, got `int`"),  # type: ignore[arg-type]  # the point
    ([Message("user", (Text(text=b"x"),))], {}, "messages[0].parts[0].text: expected what JSON can say, got bytes"),  # type: ignore[arg-type]  # the point
    ([Message("tool", (ToolResult(id="c", parts=None),))], {}, "messages[0].parts[0].parts: expected text or a list"),  # type: ignore[arg-type]  # the point
    ([{"role": "user", "parts": [{"text": "gemini"}]}], {}, "messages[0].parts[0].kind: expected one of text, refusal"),
    (
        [{"role": "user", "parts": [{"kind": "text", "txt": "x"}]}],
        {},
        "messages[0].parts[0]: expected no 'txt' in a Text",
    ),
    (
        [{"role": "user", "parts": "x", "nme": "y"}],
        {},
        "messages[0]: expected no 'nme' in a Message; did you mean name?",
    ),
    ([{"role": "user", "content": {1, 2}}], {}, "messages[0].content: expected what JSON can say, got set"),
    ([{"role": "user", "content": float("nan")}], {}, "messages[0].content: expected a finite number"),
    ([{"role": "user", 5: "x"}], {}, "messages[0]: expected names that are strings, got int"),
    ([None], {}, "messages[0]: expected a dictionary or a Message, got nothing"),
    ([user("x", Image())], {}, "messages[0].parts[1]: expected `url`, `data` or `file_id`, got none of them"),
    ([user("x", File(url="", data=""))], {}, "messages[0].parts[1]: expected `url`, `data` or `file_id`"),
    ([{"role": "tool", "content": [Text("x")]}], {}, "messages[0].tool_call_id: expected a string, got nothing"),
    (["x", Image(url="https://h/a.png")], {}, "messages[0]: expected a dictionary or a Message, got a string"),
    ([Image(url="https://h/a.png")], {}, "messages[0]: expected a message, got Image, a part of one"),
    ([user("x", Image(data=b"x"))], {}, "messages[0].parts[1].data: expected what JSON can say, got bytes"),  # type: ignore[arg-type]  # the point
    (
        [user("x", Image(url="data:image/png,hi"))],
        {},
        "messages[0].parts[1].url: expected a data URL with a media type and base64",
    ),
    ([user("x", Image(data="a path.png"))], {}, "messages[0].parts[1].data: expected base64"),
    (
        [user("x", File(data="data:application/pdf;base64,JVBERi0="))],
        {},
        "messages[0].parts[1].data: expected base64, got a data URL, which is for `url`",
    ),
    (
        [Message("tool", (ToolResult(id="c", parts=(Image(data="?"),)),))],
        {},
        "messages[0].parts[0].parts[0].data: expected base64",
    ),
    (
        [{"role": "user", "content": [Text("x"), {"type": "text", "text": "y"}]}],
        {},
        "messages[0].content[1]: expected a part of dragoman.types, as others there, got a dictionary",
    ),
    ([REPLY], {}, "messages[0]: expected a message, got a ChatResponse, whose `message` is one"),
    (b"bytes", {}, "messages: expected a text or a list of messages, got bytes"),
    (user("alone"), {}, "messages: expected a text or a list of messages, got Message"),
    ("x", {"tools": [Tool(5)]}, "tools[0].name: expected `str`, got `int`"),  # type: ignore[arg-type]  # the point
    (
        "x",
        {"tools": [{"name": "f", "input_schema": {}}]},
        "tools[0]: expected no 'input_schema' in a Tool; did you mean parameters?",
    ),
    ("x", {"tools": "f"}, "tools: expected a list of tools, got str"),
    ("x", {"tool_choice": ToolChoice("maybe")}, "tool_choice.mode: invalid enum value 'maybe'"),  # type: ignore[arg-type]  # the point
    ("x", {"user": b"x"}, "user: expected what JSON can say, got bytes"),
    ("x", {"stop": {"a"}}, "stop: expected what JSON can say, got set"),
    ("x", {"seed": 10**400}, "seed: expected a finite number of at most 308 digits"),
    ("x", {"extra_body": "x"}, "extra_body: expected an object, got str"),
    ("x", {"extra_body": {"messages": []}}, "extra_body: expected no 'messages', which is an argument of its own"),
    ("x", {"extra_body": {"a": [object()]}}, "extra_body.a[0]: expected what JSON can say, got object"),
    ("x", {"extra_body": {1: "a"}}, "extra_body: expected names that are strings, got int"),
]


@pytest.mark.parametrize(("messages", "options", "words"), WRONG, ids=[words for _, _, words in WRONG])
def test_what_is_wrong_is_named_with_its_place(messages: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        chat_request(messages, **options)
    assert caught.value.message.startswith(words)


def test_values_too_deep_for_an_encoder_are_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidRequestError, match="at most 64 deep"):
        chat_request("x", extra_body={"a": deep})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "; did you mean temperature?"),
        ("max_token", "; did you mean max_tokens?"),
        ("n", "; `map(…)` asks several times"),
        ("logit_bias", "; fields that only the service knows go into `extra_body`"),
        ("store", "; it goes into `extra_body`"),
        ("drop_params", "; what a service cannot take is left out, and named in the answer's `losses`"),
        ("thinking", "; `reasoning_effort` is for every service, and a service's own form goes into `extra_body`"),
        ("mock_response", "; the model `offline/script` answers as a test wants"),
        ("function_call", "; `tool_choice` is for that"),
        ("response_model", "; `output` takes a type"),
        ("extra_headers", f"; {CONFIGURED}, with their `headers`"),
        ("stream", "; `stream(…)` gives an answer as it comes"),
        ("api_key", "; services stand in the configuration: `Client({'providers': {NAME: …}})`"),
    ],
)
async def test_an_option_that_there_is_not_is_a_type_error_with_the_nearest_name(name: str, hint: str) -> None:
    options: Any = {name: 0.1}
    with pytest.raises(TypeError) as caught:
        check_names(options)
    assert str(caught.value) == f"there is no option '{name}'{hint}"
    async with Client(Config()) as client:
        with pytest.raises(TypeError):
            await client.chat("offline/echo", "x", **options)
        with pytest.raises(TypeError):
            client.stream("offline/echo", "x", **options)


def test_every_option_may_be_none() -> None:
    check_names(dict.fromkeys(ChatOptions.__annotations__))
    assert chat_request("x", **dict.fromkeys(ChatOptions.__annotations__)) == chat_request("x")


def test_a_dictionary_may_have_parts_of_ours_for_its_content() -> None:
    picture = Image(data="aGk=", media_type="image/png")
    request = chat_request([{"role": "user", "content": [Text("What is it?"), "Say it.", picture], "name": "ann"}])
    assert request.messages == (Message("user", (Text("What is it?"), Text("Say it."), picture), "ann"),)


def test_a_dictionary_may_have_for_its_content_what_a_tool_gave() -> None:
    given = (Text("Here it is."), Image(data="aGk=", media_type="image/png"))
    result = {"role": "tool", "tool_call_id": "c", "name": "look", "content": given}
    assert chat_request([result]).messages == (Message("tool", (ToolResult(id="c", parts=given, name="look"),)),)
    assert chat_request([result | {"content": "Here it is."}]).messages == (
        Message("tool", (ToolResult(id="c", parts=given[:1], name="look"),)),
    )


def test_a_data_url_is_data_for_every_protocol() -> None:
    shown = Image(url="data:image/png;base64,aGk=")
    result = ToolResult(id="c", parts=(shown,))
    picture = Image(data="aGk=", media_type="image/png")
    request = chat_request([user("x", shown), Message("tool", (result,))])
    assert request.messages == (user("x", picture), Message("tool", (ToolResult(id="c", parts=(picture,)),)))


def test_what_a_service_said_is_given_back_as_it_came() -> None:
    said = Message("assistant", (Audio(data="no base64"),))
    assert chat_request([user("x"), said, user("y")]).messages[1] == said


async def test_a_request_of_our_own_making_is_checked_before_it_is_sent() -> None:
    plain: Any = "plain"
    async with Client(Config()) as client:
        reply = await client.complete(ChatRequest(model="offline/echo", messages=(Message("user", plain),)))
        assert reply.text == "plain"
        with pytest.raises(InvalidRequestError, match="temperature"):
            await client.complete(ChatRequest(model="offline/echo", messages=(user("x"),), temperature=plain))
        with pytest.raises(InvalidRequestError, match="messages: expected"):
            await client.complete(ChatRequest(model="offline/echo", messages=plain))


WORDS = [
    "role",
    "content",
    "parts",
    "kind",
    "text",
    "type",
    "function",
    "name",
    "tool_calls",
    "id",
    "image_url",
    "extra",
]
SAID = ["user", "assistant", "tool", "bot", "text", "tool_call", "tool_result", "unknown", "function", "json_schema"]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(SAID) | st.text(max_size=3)
    | st.binary(max_size=2) | st.builds(object) | st.just({1}) | st.just(10**310)
)  # fmt: skip


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(WORDS) | st.integers(0, 1), inner, max_size=4),
        st.builds(Message, inner, inner, inner, inner),
        st.builds(Text, text=inner, extra=inner),
        st.builds(Refusal, text=inner),
        st.builds(Audio, data=inner, media_type=inner),
        st.builds(ToolCall, id=inner, name=inner, arguments=inner),
        st.builds(ToolResult, id=inner, parts=inner),
        st.builds(Unknown, protocol=inner, data=inner),
        st.builds(Tool, inner, inner, inner),
        st.builds(ToolChoice, inner, inner),
        st.builds(ResponseFormat, inner, inner, inner),
    )


junk = st.recursive(scalars, grown, max_leaves=12)
likely = st.lists(
    st.builds(Message, st.sampled_from(SAID), junk) | st.dictionaries(st.sampled_from(WORDS), junk) | junk, max_size=3
)
options = st.dictionaries(st.sampled_from([*ChatOptions.__annotations__]), junk, max_size=3)


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(model=st.just("m") | junk, messages=likely | junk, said=options)
def test_only_the_trees_own_errors_come_of_junk(model: Any, messages: Any, said: dict[str, Any]) -> None:
    try:
        request = build_request(model, messages, said)
    except DragomanError:
        return
    json.encode(request)
    for codec in CODECS:
        losses(request, codec.expresses, codec.name)
        try:
            codec.encode_request(request, fixed_env())
        except DragomanError:
            continue


@settings(derandomize=True, database=None, max_examples=100, deadline=None)
@given(messages=likely | junk, temperature=junk, tools=junk, extra=junk)
def test_only_the_trees_own_errors_come_of_a_request_of_junk(
    messages: Any, temperature: Any, tools: Any, extra: Any
) -> None:
    request = ChatRequest(model="m", messages=messages, temperature=temperature, tools=tools, extra=extra)
    try:
        read = checked_request(request)
    except DragomanError:
        return
    assert checked_request(read) == read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "m"}, "expected a ChatRequest, got dict"),
        (ChatRequest(model="m", messages=5), "messages: expected messages, got int"),  # type: ignore[arg-type]  # wrong
        (
            ChatRequest(model="m", messages=({"role": "user", "content": "x"},)),  # type: ignore[arg-type]  # wrong
            "messages: expected values of the type Message",
        ),
    ],
)
def test_a_request_of_another_form_is_refused(given: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        checked_request(given)
    assert str(caught.value) == words
