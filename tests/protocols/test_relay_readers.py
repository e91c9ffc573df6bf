"""A large request is read in steps as it is read at once, whatever stands in it."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat.relay import ChatRelay, ChatRelayRequest
from dragoman.protocols.openai_chat.variant import Variant
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import RelayRequest
from dragoman.protocols.relay_body import BodyRelayRequest
from dragoman.types import ServerRequest
from dragoman.wire.steps import PIECE, done

PATHS = {"gemini": "/v1beta/models/m:generateContent"}
NAMES = [name for name, dialect in DIALECTS.items() if dialect.relay]
LONG = b'a \\"word\\", ' * (PIECE // 8)
BEFORE = b'{"model":"m","stream":true,'
MARKED = b'"dragomanMark.-.other.x"'
BODIES: dict[str, bytes] = {
    "good": BEFORE + b'"x":["%b"]}' % LONG,
    "one long text": BEFORE + b'"x":"%b"}' % (b"iVBORw0KGgo" * (PIECE // 4)),
    "not ASCII": BEFORE + b'"x":["%b"]}' % ('日本 \\"'.encode() * (PIECE // 8)),
    "a field that steers": BEFORE + b'"x":["%b"],"api_base":"http://x"}' % LONG,
    "state at its end": BEFORE + b'"x":["%b",%b]}' % (LONG, MARKED),
    "state across a step's end": b'{"x":"%b","y":%b,"z":["%b"]}' % (b"." * (PIECE - 24), MARKED, LONG),
    "cut off": BEFORE + b'"x":["%b"]' % LONG,
    "bytes that are not UTF-8": BEFORE + b'"x":["%b\xff"]}' % LONG,
    "too many values": BEFORE + b'"x":[%b0]}' % (b"0," * 200_000),
    "too many bytes": BEFORE + b'"x":["%b"]}' % (b'\\"' * (5 << 20)),
    "a model that is none": b'{"model":1,"x":["%b"]}' % LONG,
    "a list": b'["%b"]' % LONG,
}
LIMITED = Variant(max_tokens_field="max_completion_tokens", stream_usage=False)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_it_says_the_same(name: str, body: str) -> None:
    reader = DIALECTS[name].server().reader
    call = ServerRequest(method="POST", path=PATHS.get(name, "/"), body=BODIES[body])
    at_once = verdict(lambda: reader.at_once(call))
    assert verdict(lambda: done(reader.in_steps(call))) == at_once
    if body.startswith("state"):
        assert at_once[3] == {"-"}  # type: ignore[index]  # it is no refusal


def verdict(read: Callable[[], RelayRequest | None]) -> object:
    """What is sent for a request, and whose state that holds, or that it must be translated, or why it is refused."""
    try:
        found = read()
    except DragomanError as exc:
        return exc.status, exc.code, exc.message
    return "translated" if found is None else (found.model, found.stream, found.body_for("other"), found.origins)


COMPACT: dict[str, Any] = {
    "plain": {"model": "m", "x": [1]},
    "with a stream": {"stream": True, "model": "m", "x": '\\"model\\":\\"m\\"'},
    "options of a stream": {"model": "m", "stream": True, "stream_options": {"include_usage": False, "y": 1}},
    "a name that needs escapes": {"model": 'm"\\日本', "x": 'm"'},
    "the same field within": {"x": {"model": "m"}, "model": "m"},
    "a name that ends so": {'x"model': "m", "model": "m"},
    "a value like the name": {"x": "model", "y": ["model", "m"], "model": "m"},
    "no model": {"x": 1},
    "an empty model": {"model": "", "x": {"model": ""}},
    "null": {"model": None},
    "a model alone": {"model": "m"},
    "a limit": {"model": "m", "max_tokens": 1},
}


@pytest.mark.parametrize("space", [False, True])
@pytest.mark.parametrize("body", COMPACT)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "gemini"])
def test_a_body_with_another_model_is_what_would_be_written_anew(name: str, body: str, space: bool) -> None:
    value = COMPACT[body]
    text = json.dumps(value).encode() if space else msgspec.json.encode(value)
    request = DIALECTS[name].server().reader.at_once(ServerRequest(method="POST", path="/", body=text))
    assert request is not None
    assert isinstance(request, BodyRelayRequest | ChatRelayRequest)
    for model in ("m", "other", 'o"\\', "m" * 300):
        sent = request.body_for(model)
        assert sent == replace(request, text=b"").body_for(model)
        options = {"stream_options": {**value.get("stream_options", {}), "include_usage": True}}
        more = options if name == "openai-chat" and value.get("stream") else {}
        assert msgspec.json.decode(sent) == value | {"model": model} | more
        limited = request.body_for(model, ChatRelay("http://x", LIMITED))
        assert limited == replace(request, text=b"").body_for(model, ChatRelay("http://x", LIMITED))


@pytest.mark.parametrize("name", [name for name in DIALECTS if name not in NAMES])
def test_what_is_never_relayed_has_no_steps(name: str) -> None:
    reader = DIALECTS[name].server().reader
    assert next(reader.in_steps(ServerRequest(method="POST", path="/", body=BODIES["good"])), None) is None
