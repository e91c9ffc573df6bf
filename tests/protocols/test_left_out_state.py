"""The opaque state of a part that a caller's protocol does not have is left out with it: its neighbour has another."""

from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    File,
    HostedResult,
    Image,
    OpaqueState,
    Text,
    unfold,
    user,
)
from tests.support.env import fixed_env

STATE = OpaqueState("gemini", "U1RBVEU=", "0a0a0a0a")
REQUEST = ChatRequest(model="m", messages=(user("x"),))
FILE = File(data="aGk=", media_type="application/pdf", opaque=STATE)
IMAGE = Image(data="aGk=", media_type="image/png", opaque=STATE)
RESULT = HostedResult(id="h", tool="code_execution", parts=(Text(text="1"),), opaque=STATE)
LEFT_OUT: list[tuple[str, AnyPart]] = [
    ("openai-chat", FILE),
    ("openai-chat", IMAGE),
    ("openai-chat", RESULT),
    ("anthropic", FILE),
    ("anthropic", IMAGE),
    ("openai-responses", FILE),
    ("openai-responses", RESULT),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("name", "part"), LEFT_OUT)
def test_state_goes_with_its_part(name: str, part: AnyPart, stream: bool) -> None:
    server: Any = DIALECTS[name].server
    response = ChatResponse(parts=(Text(text="a"), part, Text(text="b", opaque=None)))
    if stream:
        body = server().encoder(REQUEST, fixed_env()).send(unfold(response))
    else:
        body = server().encode_response(response, REQUEST, fixed_env()).body
    assert STATE.data.encode() not in body
    assert b'"b"' in body or b"ab" in body
