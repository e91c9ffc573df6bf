"""Pictures in results, for a service that takes them from users only."""

from typing import Any

import msgspec
import pytest

from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.protocols.openai_chat.messages import decode_messages
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    ModelProfile,
    MovedPart,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    user,
)
from tests.support.env import fixed_env

SERVICE = OpenAIChatClient("http://up", Variant(result_media=False))
PICTURE = Image(data="aGk=", media_type="image/png")
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
CALLS = (ToolCall(id="1", name="map"), ToolCall(id="2", name="time"))


def conversation(*turns: Message) -> ChatRequest:
    """Calls and these turns, in which they have their results."""
    given = {part.id for turn in turns for part in turn.parts if isinstance(part, ToolResult)}
    calls = Message("assistant", tuple(call for call in CALLS if call.id in given))
    return ChatRequest(model="m", messages=(user("Where?"), calls, *turns))


def result(number: str, *parts: Text | Image | Audio | File | Unknown) -> Message:
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


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            File(data="aGk=", media_type="application/pdf", name="a.pdf"),
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
        ),
        (
            Audio(data="aGk=", media_type="audio/wav"),
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        ),
    ],
)
@pytest.mark.parametrize("codec", [SERVICE, OpenAIChatClient("http://up")])
def test_other_media_follow_for_each_service(codec: OpenAIChatClient, part: File | Audio, said: dict[str, Any]) -> None:
    request = conversation(result("1", Text(text="a"), part))
    turns = msgspec.json.decode(codec.encode_request(request, fixed_env()).body)["messages"][2:]
    assert turns == [tool("1", "a"), {"role": "user", "content": [about("map"), said]}]
    assert codec.losses(request, ModelProfile()) == (MovedPart("messages[2].parts[0].parts[1]"),)


def test_what_only_another_protocol_knows_is_not_announced() -> None:
    request = conversation(result("1", Text(text="a"), Unknown(protocol="anthropic", data={"type": "odd"})))
    assert sent(request) == [{**tool("1", ""), "content": [{"type": "text", "text": "a"}]}]


def test_a_caller_may_say_them_in_results() -> None:
    turns = [{"role": "tool", "tool_call_id": "1", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}]
    (message,) = decode_messages(turns)
    assert message.parts == (ToolResult(id="1", parts=(File(file_id="f-1", service="openai-chat"),)),)


def test_they_end_a_conversation_that_ends_with_results() -> None:
    request = conversation(result("1", PICTURE))
    assert sent(request) == [tool("1", ""), {"role": "user", "content": [about("map"), PNG]}]


def test_other_services_take_them_in_results() -> None:
    request = conversation(result("1", PICTURE))
    body = msgspec.json.decode(OpenAIChatClient("http://up").encode_request(request, fixed_env()).body)
    assert body["messages"][2:] == [{"role": "tool", "tool_call_id": "1", "content": [PNG]}]
    assert OpenAIChatClient("http://up").losses(request, ModelProfile()) == ()
