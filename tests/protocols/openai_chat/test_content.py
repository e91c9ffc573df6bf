"""Parts of messages, and choices among tools, that few callers and services know."""

import msgspec
import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.types import AnyPart, Audio, ChatRequest, File, HttpRequest, Image, Message, ServerRequest, Text
from tests.support.env import fixed_env


def test_a_document_may_be_given_by_its_address() -> None:
    file = {"type": "file", "file": {"file_data": "https://a.example/a.pdf"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [file]}]}
    request = OpenAIChatServer().decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(body)))
    assert request.messages[0].parts == (File(url="https://a.example/a.pdf"),)


def test_a_choice_among_tools_of_an_unknown_form_goes_back_as_it_came() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "new", "x": 1}]}}
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools, "tool_choice": allowed}
    request = OpenAIChatServer().decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(body)))
    assert request.tool_choice is None
    sent = OpenAIChatClient("http://up").encode_request(request, fixed_env())
    assert isinstance(sent, HttpRequest)
    assert msgspec.json.decode(sent.body or b"")["tool_choice"] == allowed


@pytest.mark.parametrize("part", [Image(file_id="f", service="other"), Audio(url="https://a")])
def test_media_that_the_protocol_cannot_say_is_left_out(part: AnyPart) -> None:
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="x"), part)),))
    sent = OpenAIChatClient("http://up").encode_request(request, fixed_env())
    assert isinstance(sent, HttpRequest)
    assert b"image" not in (sent.body or b"")
    assert b"audio" not in (sent.body or b"")


def test_a_picture_that_says_nothing_is_refused() -> None:
    request = ChatRequest(model="m", messages=(Message("user", (Image(),)),))
    with pytest.raises(InvalidRequestError, match="an image: expected its url or its data, got neither"):
        OpenAIChatClient("http://up").encode_request(request, fixed_env())
