"""Marked state of others in requests to a service that is a gateway too: it reads them as it would its callers'."""

import pytest

from dragoman.protocols.opaque import HOME, origins_in
from dragoman.protocols.registry import DIALECTS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    HttpRequest,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    user,
)
from tests.support.env import fixed_env

ELSEWHERE = OpaqueState("elsewhere", "c2ln", "0a1b2c3d")
SPEAKING = ["openai-chat", "openai-responses", "anthropic", "gemini"]
"""The dialects that have a place for state."""
PATH = "/v1beta/models/m:generateContent"
"""Only that of Gemini is read."""


def turn(state: OpaqueState, *places: int) -> ChatRequest:
    """A conversation whose parts in these places have `state`."""
    parts: tuple[AnyPart, ...] = (
        Reasoning(text="Let me see."),
        Text(text="I look."),
        ToolCall(id="call_1", name="look", arguments="{}"),
    )
    said = tuple(_with(part, state) if i in places else part for i, part in enumerate(parts))
    result = Message("tool", (ToolResult(id="call_1", parts=(Text(text="x"),)),))
    return ChatRequest(model="m", messages=(user("hi"), Message("assistant", said), result), tools=(Tool("look"),))


def _with(part: AnyPart, state: OpaqueState) -> AnyPart:
    match part:
        case Reasoning(text=text):
            return Reasoning(text=text, opaque=state)
        case Text(text=text):
            return Text(text=text, opaque=state)
        case ToolCall(id=known, name=name, arguments=arguments):
            return ToolCall(id=known, name=name, arguments=arguments, opaque=state)
        case _:
            return part


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (0, 2)])
@pytest.mark.parametrize("name", SPEAKING)
def test_the_next_gateway_reads_the_state_where_it_was(name: str, places: tuple[int, ...]) -> None:
    codec = DIALECTS[name].client(url="http://next")  # type: ignore[call-arg]  # all of these take it
    asked = codec.carrying(turn(ELSEWHERE, *places), frozenset({"111111"}))
    assert not [loss for loss in codec.losses(asked, ModelProfile()) if "opaque" in loss.name]
    sent = codec.encode_request(codec.fit(asked, ModelProfile()), fixed_env())
    assert isinstance(sent, HttpRequest)
    assert origins_in(sent.body) == {"0a1b2c3d"}
    read = DIALECTS[name].server().decode_request(ServerRequest(method="POST", path=PATH, body=sent.body))
    (said,) = [message for message in read.messages if message.role == "assistant"]
    found = {type(part): part.opaque for part in said.parts if part.opaque is not None}
    kinds = (Reasoning, Text, ToolCall)
    assert found == {kinds[place]: ELSEWHERE for place in places}


@pytest.mark.parametrize("name", SPEAKING)
def test_its_own_state_and_that_of_an_unknown_service_stay(name: str) -> None:
    codec = DIALECTS[name].client(url="http://next")  # type: ignore[call-arg]  # all of these take it
    for state in (OpaqueState(name, "c2ln", codec.origin("m")), OpaqueState("elsewhere", "c2ln")):
        request = turn(state, 0)
        assert codec.carrying(request, frozenset()) is request


@pytest.mark.parametrize("name", SPEAKING)
def test_the_state_of_a_service_that_is_configured_here_stays(name: str) -> None:
    codec = DIALECTS[name].client(url="http://next")  # type: ignore[call-arg]  # all of these take it
    request, homes = turn(ELSEWHERE, 0), frozenset({str(ELSEWHERE.origin)[:HOME]})
    assert codec.carrying(request, homes) is request
