"""Cache breakpoints for callers who name a key for their cache."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.anthropic.client import AnthropicClient
from dragoman.types import (
    CacheBreakpoint,
    ChatRequest,
    Message,
    ModelProfile,
    Text,
    Tool,
    ToolCall,
    assistant,
    system,
    tool_result,
    user,
)
from tests.support.env import fixed_env

CLIENT, TOOL = AnthropicClient("http://up"), Tool(name="f")
CALL = ToolCall(id="c", name="f")
STEP = (Message("assistant", (CALL,)), tool_result(CALL, "r"))
MARK = {"cache_control": {"type": "ephemeral"}}


def sent(*messages: Message, **more: Any) -> dict[str, Any]:
    profile = more.pop("profile", ModelProfile())
    request = ChatRequest(model="m", messages=messages, **{"tools": (TOOL,), "cache_key": "session"} | more)
    body: dict[str, Any] = json.loads(CLIENT.encode_request(request, replace(fixed_env(), profile=profile)).body or b"")
    return body


def places(body: dict[str, Any]) -> list[str]:
    """Where breakpoints are."""
    found = [f"{name} {i}" for name in ("tools", "system") for i, one in enumerate(body.get(name, ())) if _has(one)]
    for i, turn in enumerate(body["messages"]):
        found += [f"turn {i} {j}" for j, one in enumerate(turn["content"]) if _has(one)]
    return found


def _has(one: Any) -> bool:
    return isinstance(one, dict) and "cache_control" in one


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((system("s"), user("a")), ["system 0", "turn 0 0"]),
        ((user("a"),), ["tools 0", "turn 0 0"]),
        ((system("s"), user("a"), *STEP), ["system 0", "turn 0 0", "turn 2 0"]),
        ((system("s"), user("a"), *STEP, *STEP), ["system 0", "turn 2 0", "turn 4 0"]),
        ((system("s"), user("a"), assistant("Once")), ["system 0", "turn 0 0"]),
    ],
)
def test_the_system_and_the_last_turns_of_the_user_are_marked(
    messages: tuple[Message, ...], expected: list[str]
) -> None:
    body = sent(*messages)
    assert places(body) == expected
    assert json.dumps(body).count(json.dumps(MARK)[1:-1]) == len(expected)


def test_nothing_else_of_the_request_is_another() -> None:
    messages = (system("s"), user("a"), *STEP)
    marked, plain = sent(*messages), sent(*messages, cache_key=None)
    assert marked["messages"][0] == {"role": "user", "content": [{"type": "text", "text": "a"} | MARK]}
    assert plain["messages"][0] == {"role": "user", "content": "a"}
    assert [*marked] == [*plain]


@pytest.mark.parametrize(
    "more", [{"cache_key": None}, {"cache": CacheBreakpoint()}, {"profile": ModelProfile(breakpoints=False)}]
)
def test_there_is_none_without_a_key_or_beside_one_of_the_whole_or_if_the_model_takes_none(
    more: dict[str, Any],
) -> None:
    assert places(sent(system("s"), user("a"), **more)) == []


def test_breakpoints_of_the_caller_are_enough() -> None:
    own = Message("user", (Text(text="a", cache=CacheBreakpoint()),))
    assert places(sent(system("s"), own, assistant("b"), user("c"))) == ["turn 0 0"]
    tools = (replace(TOOL, cache=CacheBreakpoint()),)
    assert places(sent(system("s"), user("c"), tools=tools)) == ["tools 0"]


def test_a_tool_that_is_loaded_later_has_none() -> None:
    assert places(sent(user("a"), tools=(replace(TOOL, defer_loading=True),))) == ["turn 0 0"]
