"""Pictures in results, for a service that takes them from users only."""

from typing import Any

import msgspec

from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Image,
    Message,
    ModelProfile,
    MovedPart,
    Text,
    ToolCall,
    ToolResult,
    user,
)
from tests.support.env import fixed_env

SERVICE = OpenAIChatClient("http://up", Variant(result_media=False))
PICTURE = Image(data="aGk=", media_type="image/png")
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
CALLS = Message("assistant", (ToolCall(id="1", name="map"), ToolCall(id="2", name="time")))


def conversation(*turns: Message) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("Where?"), CALLS, *turns))


def result(number: str, *parts: Text | Image) -> Message:
    return Message("tool", (ToolResult(id=number, parts=parts),))


def sent(request: ChatRequest) -> list[dict[str, Any]]:
    """The turns after the calls."""
    body = msgspec.json.decode(SERVICE.encode_request(request, fixed_env()).body)
    return list(body["messages"][2:])


def tool(number: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": number, "content": text}


def about(name: str) -> dict[str, Any]:
    return {"type": "text", "text": f"The tool {name} gave this:"}


def test_they_follow_after_the_last_result() -> None:
    request = conversation(result("1", Text(text="a"), PICTURE), result("2", Text(text="b")), user("Well?"))
    shown = {"role": "user", "content": [about("map"), PNG]}
    assert sent(request) == [tool("1", "a"), tool("2", "b"), shown, {"role": "user", "content": "Well?"}]
    assert SERVICE.losses(request, ModelProfile()) == (MovedPart("messages[2].parts[0].parts[1]"),)


def test_they_stand_first_in_a_turn_that_says_more() -> None:
    parts: tuple[AnyPart, ...] = (ToolResult(id="2", parts=(PICTURE,)), Text(text="Well?"))
    shown = {"role": "user", "content": [about("time"), PNG, {"type": "text", "text": "Well?"}]}
    assert sent(conversation(Message("user", parts))) == [tool("2", ""), shown]


def test_they_end_a_conversation_that_ends_with_results() -> None:
    request = conversation(result("1", PICTURE))
    assert sent(request) == [tool("1", ""), {"role": "user", "content": [about("map"), PNG]}]


def test_other_services_take_them_in_results() -> None:
    request = conversation(result("1", PICTURE))
    body = msgspec.json.decode(OpenAIChatClient("http://up").encode_request(request, fixed_env()).body)
    assert body["messages"][2:] == [{"role": "tool", "tool_call_id": "1", "content": [PNG]}]
    assert OpenAIChatClient("http://up").losses(request, ModelProfile()) == ()
