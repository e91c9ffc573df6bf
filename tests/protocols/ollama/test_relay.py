"""What a relay reads of a request, and what it sends."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.ollama import OllamaServer
from dragoman.protocols.ollama.relay import OllamaRelay
from dragoman.protocols.relay import RelayRequest
from dragoman.types import ServerRequest

MESSAGES = [{"role": "user", "content": "hi"}]


def read(body: bytes | dict[str, Any], path: str = "/api/chat") -> RelayRequest | None:
    """The request, as the relay knows it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OllamaServer().reader.at_once(ServerRequest(method="POST", path=path, body=data))


@pytest.mark.parametrize(
    ("body", "model", "stream"),
    [
        ({"model": "m", "messages": MESSAGES}, "m", True),
        ({"model": "m", "messages": MESSAGES, "stream": None}, "m", True),
        ({"model": "m", "messages": MESSAGES, "stream": True}, "m", True),
        ({"model": "m", "messages": MESSAGES, "stream": False}, "m", False),
        ({"messages": MESSAGES}, "", True),
        ({"model": "m", "messages": [], "keep_alive": 0}, "m", True),
    ],
)
def test_model_and_stream_are_read(body: dict[str, Any], model: str, stream: bool) -> None:
    request = read(body)
    assert request is not None
    assert (request.model, request.stream, request.headers) == (model, stream, ())


@pytest.mark.parametrize("size", [0, 20_000])
@pytest.mark.parametrize("space", [b"", b" "])
def test_the_body_is_sent_as_it_came_but_for_the_models_name(size: int, space: bytes) -> None:
    long = b"x" * size
    inner = b'[{"role":%b"user","content":"%b"}],"options":{"a":%b1.50e2}' % (space, long, space)
    request = read(b'{"model":"up/m","messages":%b}' % inner)
    assert request is not None
    assert request.body_for("m") == b'{"model":"m","messages":%b}' % inner


def test_a_request_without_a_model_gets_one() -> None:
    request = read({"messages": MESSAGES})
    assert request is not None
    assert json.loads(request.body_for("m")) == {"model": "m", "messages": MESSAGES}


@pytest.mark.parametrize(
    "more",
    [
        {"api_base": "http://h"},
        {"extra_body": {"base_url": "http://h"}},
    ],
)
def test_what_must_be_read_in_full_is_not_relayed(more: dict[str, Any]) -> None:
    assert read({"model": "m", "messages": MESSAGES} | more) is None


def test_whose_state_it_holds_is_read() -> None:
    request = read({"model": "m", "messages": MESSAGES, "x": "dragomanMark.-.other.data"})
    assert request is not None
    assert request.origins == {"-"}


@pytest.mark.parametrize(
    ("more", "stream"),
    [
        ({"prompt": "x", "raw": True, "context": [1], "suffix": "y"}, True),
        ({"prompt": "x", "stream": False}, False),
        ({}, True),
        ({"prompt": "", "keep_alive": 0}, True),
    ],
)
def test_a_text_to_be_continued_goes_to_its_own_path(more: dict[str, Any], stream: bool) -> None:
    request = read({"model": "up/m"} | more, "/api/generate")
    assert request is not None
    assert (request.model, request.stream) == ("up/m", stream)
    assert json.loads(request.body_for("m")) == {"model": "m"} | more
    relay = OllamaRelay("http://h/base")
    assert relay.head_for(None, "m", request).url == "http://h/base/api/generate"
    chat = read({"model": "m", "messages": MESSAGES, "stream": stream})
    assert chat is not None
    assert relay.head_for(None, "m", chat).url == "http://h/base/api/chat"
    assert relay.head_key("m", chat) != relay.head_key("m", request) == relay.head_key("other", request)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_a_steered_request_is_not_relayed(path: str) -> None:
    assert read({"model": "m", "prompt": "x", "api_base": "http://h"}, path) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b'{"model":5}', b'{"stream":"yes"}', b'{"model":"m","model":"n"}', b'{"a":NaN}', b'{"a"']
)
@pytest.mark.parametrize("size", [0, 20_000])
def test_what_a_translation_refuses_is_refused(body: bytes, size: int) -> None:
    with pytest.raises(InvalidRequestError):
        read(body.replace(b"{", b'{"x":"%b",' % (b"y" * size), 1) if size else body)


@pytest.mark.parametrize(("key", "stream"), [(None, True), ("k", False)])
def test_the_head_of_a_request(key: str | None, stream: bool) -> None:
    head = OllamaRelay("http://h").request_head(key, "m", stream=stream)
    assert (head.method, head.url) == ("POST", "http://h/api/chat")
    assert dict(head.headers) == {
        "content-type": "application/json",
        "accept": "application/x-ndjson" if stream else "application/json",
    } | ({"authorization": "Bearer k"} if key else {})
