"""Results that came in another order than their calls reach services that get no ids as the answers to their calls."""

import json
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.tools.result_order import in_order_of_calls
from dragoman.types import ChatRequest, Message, Text, ToolCall, ToolResult, user
from tests.support.env import fixed_env


def called(*calls: tuple[str, str]) -> Message:
    return Message("assistant", tuple(ToolCall(id=call, name=name, arguments="{}") for call, name in calls))


def result(call: str, text: str) -> ToolResult:
    return ToolResult(id=call, parts=(Text(text=text),))


def told(*results: ToolResult) -> Message:
    return Message("tool", results)


TURN = called(("call_0", "f"), ("call_1", "f"))
ZERO, ONE = result("call_0", "zero"), result("call_1", "one")


def body(name: str, *messages: Message) -> dict[str, Any]:
    client: Any = DIALECTS[name].client
    asked = ChatRequest(model="m", messages=(user("x"), *messages))
    found: dict[str, Any] = json.loads(bytes(client("http://up").encode_request(asked, fixed_env()).body))
    return found


def gemini_results(*messages: Message) -> list[dict[str, Any]]:
    parts = [part for content in body("gemini", *messages)["contents"] for part in content["parts"]]
    return [part["functionResponse"] for part in parts if "functionResponse" in part]


@pytest.mark.parametrize("results", [(told(ONE), told(ZERO)), (told(ONE, ZERO),)])
def test_a_service_without_ids_gets_results_in_the_order_of_the_calls(results: tuple[Message, ...]) -> None:
    assert [each["response"]["result"] for each in gemini_results(TURN, *results)] == ["zero", "one"]
    said = [each for each in body("ollama", TURN, *results)["messages"] if each["role"] == "tool"]
    assert [each["content"] for each in said] == ["zero", "one"]


def test_what_the_user_says_keeps_its_place_among_results() -> None:
    message = Message("user", (Text(text="first"), ONE, Text(text="then"), ZERO))
    (_, found) = in_order_of_calls([TURN, message])
    assert found.parts == (Text(text="first"), ZERO, Text(text="then"), ONE)


@pytest.mark.parametrize("results", [(told(result("other", "?")), told(ONE), told(ZERO)), (told(ZERO), told(ONE))])
def test_results_of_other_calls_and_those_in_order_stay_where_they_are(results: tuple[Message, ...]) -> None:
    messages = [user("x"), TURN, *results, called(("call_0", "g")), told(ZERO)]
    assert in_order_of_calls(messages) == messages


def test_an_id_that_comes_again_names_the_call_of_its_own_turn() -> None:
    turns = (called(("call_0", "f")), told(ZERO), called(("call_0", "g")), told(ZERO))
    assert [each["name"] for each in gemini_results(*turns)] == ["f", "g"]
