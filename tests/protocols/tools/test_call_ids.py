"""Ids of calls for services that do not take all of them: each result still finds its call."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.tools.call_ids import NINE, PLAIN, CallIdForm, with_call_ids
from dragoman.protocols.tools.search import MARK, found
from dragoman.providers.profiles import KNOWN
from dragoman.types import ChatRequest, HttpRequest, Message, ModelProfile, Text, Tool, ToolCall, ToolResult, user
from tests.support.env import fixed_env

FORMS = {"[A-Za-z0-9_-]{1,99999}": PLAIN, "[A-Za-z0-9]{9}": NINE, "(?s).{0,40}": CallIdForm(40)}


SPOKEN = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")


def asked(*ids: str) -> ChatRequest:
    calls = Message("assistant", tuple(ToolCall(id=each, name="f") for each in ids))
    results = Message("tool", tuple(ToolResult(id=each, parts=()) for each in ids))
    return ChatRequest(model="m", messages=(calls, results))


def ids(request: ChatRequest) -> tuple[list[str], list[str]]:
    calls, results = ([part.id for part in message.parts] for message in request.messages)  # type: ignore[union-attr]  # calls and results
    return calls, results


@given(
    st.lists(st.text() | st.sampled_from(["functions.f:0", "x" * 41, "a1B2c3D4e"]), unique=True),
    st.sampled_from([*FORMS]),
)
def test_ids_are_taken_and_each_result_finds_its_call(said: list[str], pattern: str) -> None:
    calls, results = ids(with_call_ids(asked(*said), FORMS[pattern]))
    assert calls == results
    assert all(re.fullmatch(pattern, each) for each in calls)
    assert len({*calls}) == len(said)
    for before, after in zip(said, calls, strict=True):
        assert (before == after) == (re.fullmatch(pattern, before) is not None)


def test_ids_that_are_taken_cost_nothing() -> None:
    request = asked("call_1")
    assert with_call_ids(request, PLAIN) is request


CHAT, RESPONSES = OpenAIChatClient("http://h"), OpenAIResponsesClient("http://h")
LONG = "functions.mcp__files__read_everything_there_is:0"


@pytest.mark.parametrize(
    ("codec", "model", "said", "kept"),
    [
        (CHAT, "gpt-5.5", "x" * 40, True),
        (CHAT, "gpt-5.5", "x" * 41, False),
        (RESPONSES, "openai/gpt-4o", "x" * 64, True),
        (RESPONSES, "openai/gpt-4o", "x" * 65, False),
        (CHAT, "mistral-large-latest", "call_0fypS1hVX", False),
        (CHAT, "devstral-small", "0fypS1hVX", True),
        (CHAT, "kimi-k3", LONG, True),
        (AnthropicClient("http://h"), "claude-opus-5", LONG, False),
        (AnthropicClient("http://h"), "kimi-k3", LONG, True),
    ],
)
def test_models_get_ids_that_they_take(codec: ClientCodec, model: str, said: str, kept: bool) -> None:  # parametrized
    profile = ModelProfile(call_ids=KNOWN.profile_of(model).call_ids)
    assert (ids(codec.fit(asked(said), profile)) == ([said], [said])) == kept


def test_what_a_search_found_still_belongs_to_its_call() -> None:
    long = "x" * 65
    call, result = ToolCall(id=long, name="tool_search", extra=MARK), ToolResult(id=long, parts=(), extra=MARK)
    messages = (user("hi"), Message("assistant", (call,)), Message("tool", (result,)))
    tools = (Tool("tool_search", extra=MARK), found(Tool("f"), long))
    request = RESPONSES.fit(ChatRequest(model="m", messages=messages, tools=tools), ModelProfile(call_ids="short"))
    sent = RESPONSES.encode_request(request, fixed_env())
    assert isinstance(sent, HttpRequest)
    *_, made, output = json.loads(sent.body)["input"]
    assert made["call_id"] == output["call_id"] != long
    assert [tool["name"] for tool in output["tools"]] == ["f"]


CALLS = (("a", "f"), ("a", "g"), ("b", "h"))


def twice(codec: ClientCodec) -> ChatRequest:
    """A conversation whose service gives calls one id, in one turn and in the next."""
    turn = Message("assistant", tuple(ToolCall(id=known, name=name, arguments="{}") for known, name in CALLS))
    results = Message("tool", tuple(ToolResult(id=known, parts=(Text(text=name),)) for known, name in CALLS))
    more = Message("tool", (ToolResult(id="a", parts=(Text(text="more of g"),)),))
    asked = ChatRequest(model="m", messages=(user("hi"), turn, results, more, turn, results))
    assert codec.fit(codec.fit(asked, ModelProfile()), ModelProfile()) == codec.fit(asked, ModelProfile())
    return codec.fit(asked, ModelProfile())


@pytest.mark.parametrize("name", SPOKEN)
def test_each_call_has_an_id_of_its_own_and_its_results_find_it(name: str) -> None:
    client: Any = DIALECTS[name].client
    messages = twice(client("http://h")).messages
    calls = {part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)}
    assert len(calls) == 6
    found = [part for message in messages for part in message.parts if isinstance(part, ToolResult)]
    said = [(calls[each.id], [part.text for part in each.parts if isinstance(part, Text)]) for each in found]
    first = [("f", ["f"]), ("g", ["g"]), ("h", ["h"])]
    if client.pairing is None:
        assert said == [*first, ("g", ["more of g"]), *first]
    else:
        assert said == [first[0], ("g", ["g", "more of g"]), first[2], *first]


def test_gemini_is_told_the_name_of_each_call_of_one_id() -> None:
    codec = GeminiClient("http://h")
    body = json.loads(bytes(codec.encode_request(twice(codec), fixed_env()).body))
    parts = [
        part["functionResponse"] for each in body["contents"] for part in each["parts"] if "functionResponse" in part
    ]
    said = [(part["name"], part["response"]["result"]) for part in parts]
    assert said[:3] == [("f", "f"), ("g", "g\nmore of g"), ("h", "h")]
