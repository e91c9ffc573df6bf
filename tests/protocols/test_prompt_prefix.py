"""What goes up is the same from turn to turn, byte for byte, as far as the conversation is: so prompt caches are hit.

A conversation is asked once, and once more after another turn. Tools, system text and the messages so far must go up in
the same bytes both times; only new messages may stand behind them. For each caller and each service, relayed and
translated.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from dragoman.engine.draft import draft
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.registry import DIALECTS
from dragoman.types import (
    ChatRequest,
    HttpRequest,
    Image,
    Message,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    assistant,
    user,
)
from tests.protocols.test_golden import SUBJECTS
from tests.support.env import fixed_env

NAMES = [name for name, subject in SUBJECTS.items() if DIALECTS[name].relay]
PATHS = {"gemini": "/v1beta/models/m:generateContent", "ollama": "/api/chat"}
GROWING = ("messages", "input", "contents")
"""The fields of a body that hold the conversation."""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

TOOLS = (
    Tool("read", description="reads", parameters={"type": "object", "properties": {"z": {"type": "string"}, "a": {}}}),
    Tool("write", description="writes", parameters={"type": "object", "properties": {"b": {"type": "number"}}}),
)
texts = st.sampled_from(("a", "ü ", '"quoted"\n', "x" * 99))


@st.composite
def turns(draw: st.DrawFn, number: int) -> tuple[Message, ...]:
    """What one turn adds: an answer with or without a call and its result, and the user's next words."""
    words = draw(texts)
    match draw(st.sampled_from(("text", "call", "picture"))):
        case "text":
            return (assistant(words), user(draw(texts)))
        case "picture":
            return (assistant(words), Message("user", (Text(text=words), Image(data=PNG, media_type="image/png"))))
        case _:
            call = ToolCall(id=f"call_{number}", name="read", arguments='{"z": 1.50, "a":"b"}')
            result = ToolResult(id=call.id, name="read", parts=(Text(text=words),))
            return (Message("assistant", (Text(text=words), call)), Message("tool", (result,)))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[ChatRequest, ChatRequest]:
    """A conversation, and the same after one more turn."""
    said = [Message("system", (Text(text="the rules"),), top_level=True), user(draw(texts))]
    count = draw(st.integers(0, 3))
    for number in range(count):
        said += draw(turns(number))
    first = ChatRequest(model="m", messages=tuple(said), tools=TOOLS, max_output_tokens=9)
    return first, replace(first, messages=(*first.messages, *draw(turns(count))))


def asked_by(caller: str, request: ChatRequest) -> ServerRequest:
    """The request as a caller of this dialect sends it."""
    codec = SUBJECTS[caller].codec
    message = codec.encode_request(codec.fit(request, fixed_env().profile), fixed_env())
    assert isinstance(message, HttpRequest)
    path = PATHS.get(caller, "/")
    return ServerRequest(method="POST", path=path, body=message.body)


def regions(body: bytes) -> tuple[dict[str, bytes], list[bytes]]:
    """The fields of a body that do not grow, as they are written, and the items of the one that does."""
    fields = msgspec.json.decode(body, type=dict[str, Raw])
    (growing,) = [name for name in GROWING if name in fields]
    items = msgspec.json.decode(bytes(fields.pop(growing)), type=list[Raw])
    return {name: bytes(value) for name, value in fields.items()}, [bytes(item) for item in items]


def check(before: bytes, after: bytes) -> None:
    (fixed, said), (fixed_then, said_then) = regions(before), regions(after)
    assert list(fixed_then.items()) == list(fixed.items()), "a field, or the order of fields, changed"
    assert said_then[: len(said)] == said, "a message that was sent before is sent otherwise now"
    assert len(said_then) > len(said)


def translated(caller: str, service: ClientCodec, request: ChatRequest) -> bytes:
    """What goes up to a service of another dialect, or of the same."""
    call = asked_by(caller, request)
    decoded = DIALECTS[caller].server().decode_request(call)
    made = draft("up", service, decoded if decoded.model else replace(decoded, model="m"), fixed_env(), strict=False)
    assert made.error is None, made.error
    assert made.request is not None
    return made.request.body


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("caller", NAMES)
def test_a_translated_conversation_grows_at_its_end_alone(caller: str, service: str) -> None:
    @settings(max_examples=25, derandomize=True, database=None, deadline=None)
    @given(conversations())
    def holds(both: tuple[ChatRequest, ChatRequest]) -> None:
        first, second = (translated(caller, SUBJECTS[service].codec, request) for request in both)
        check(first, second)

    holds()


@pytest.mark.parametrize("name", NAMES)
def test_a_relayed_conversation_goes_up_as_it_came(name: str) -> None:
    @settings(max_examples=25, derandomize=True, database=None, deadline=None)
    @given(conversations())
    def holds(both: tuple[ChatRequest, ChatRequest]) -> None:
        bodies: list[bytes] = []
        for request in both:
            call = asked_by(name, request)
            relayed: Any = DIALECTS[name].server().reader.at_once(call)
            assert relayed is not None
            bodies.append(relayed.body_for("m"))
            assert regions(bodies[-1]) == regions(call.body)
        check(*bodies)

    holds()
