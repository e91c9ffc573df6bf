"""Parts of messages, and choices among tools, that few callers and services know."""

import msgspec
import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import NAME, OpenAIChatClient, OpenAIChatServer
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    File,
    HttpRequest,
    Image,
    Message,
    ModelProfile,
    ServerRequest,
    Text,
)
from tests.support.env import fixed_env


def test_a_document_may_be_given_by_its_address() -> None:
    file = {"type": "file", "file": {"file_data": "https://a.example/a.pdf"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [file]}]}
    request = OpenAIChatServer().decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(body)))
    assert request.messages[0].parts == (File(url="https://a.example/a.pdf"),)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (File(data="JVBERi0=", media_type="application/pdf"), "document.pdf"),
        (File(data="JVBERi0="), "document.pdf"),
        (File(data="eA==", media_type="text/plain"), "file"),
        (File(data="eA==", media_type="text/plain", name="a.txt"), "a.txt"),
        (File(file_id="f", service=NAME), None),
    ],
)
def test_a_document_that_is_sent_as_data_has_a_name(file: File, name: str | None) -> None:
    request = ChatRequest(model="m", messages=(Message("user", (file,)),))
    sent = OpenAIChatClient("http://up").encode_request(request, fixed_env())
    assert isinstance(sent, HttpRequest)
    (part,) = msgspec.json.decode(sent.body or b"")["messages"][0]["content"]
    assert part["file"].get("filename") == name


def test_a_document_without_a_name_goes_back_as_it_came() -> None:
    part = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    request = OpenAIChatServer().decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(body)))
    client = OpenAIChatClient("http://up")
    assert client.losses(request, ModelProfile()) == ()
    sent = client.encode_request(request, fixed_env())
    assert isinstance(sent, HttpRequest)
    assert msgspec.json.decode(sent.body or b"")["messages"] == body["messages"]


@pytest.mark.parametrize(
    "head",
    [
        "data:text/plain;base64",
        "data:text/plain;charset=utf-8;base64",
        "DATA:text/plain;BASE64",
        "data:text/plain;name=a%20b.txt;base64",
        "data:text/plain;name=a.txt;charset=utf-8;base64",
    ],
)
def test_a_data_url_is_read_as_browsers_write_it(head: str) -> None:
    part = {"type": "file", "file": {"file_data": f"{head},eA==", "filename": "a.txt"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    request = OpenAIChatServer().decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(body)))
    assert request.messages[0].parts == (File(data="eA==", media_type="text/plain", name="a.txt"),)


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
