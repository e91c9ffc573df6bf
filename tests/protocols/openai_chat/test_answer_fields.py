"""What an answer says beside its text, written by one half and read by the other: both give the same answer."""

import json
from typing import Any

import pytest

from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Citation,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    ServerRequest,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
    fold,
    unfold,
    user,
)
from tests.support.cuts import assert_same_at_every_cut
from tests.support.env import fixed_env

SERVER = OpenAIChatServer()
CLIENT = OpenAIChatClient("http://up")
ASKED = ChatRequest(model="m", messages=(user("hi"),))

URL = Citation(kind="url", url="https://example.org", title="An example", text_range=(0, 2))
TOKENS = (
    TokenLogprob("He", -0.25, (72, 101), (TokenLogprob("He", -0.25, (72, 101)), TokenLogprob("Ho", -2.5))),
    TokenLogprob("y", -0.5, (121,)),
)

ANSWERS: dict[str, ChatResponse] = {
    "sources": ChatResponse(parts=(Text(text="Hey", citations=(URL,)),)),
    "log probabilities": ChatResponse(parts=(Text(text="Hey", logprobs=TOKENS),)),
    "pictures": ChatResponse(
        parts=(Text(text="Hey"), Image(data="iVBORw0KGgo=", media_type="image/png"), Image(url="https://h/a.png"))
    ),
    "a freeform call": ChatResponse(
        parts=(ToolCall(id="c1", name="sql", arguments="SELECT 1;\n{", input_format="text"),), finish_reason="tool_call"
    ),
    "a freeform call and another": ChatResponse(
        parts=(
            ToolCall(id="c1", name="sql", arguments="}", input_format="text"),
            ToolCall(id="c2", name="f", arguments='{"a": 1.50}'),
        ),
        finish_reason="tool_call",
    ),
    "counts": ChatResponse(
        parts=(Text(text="Hey"),),
        usage=Usage(9, 4, 1, 2, 3, details={"input.audio": 0, "output.image": 7, "output.accepted_prediction": 1}),
    ),
}


def read(body: bytes) -> ChatResponse:
    events, error = assert_same_at_every_cut(ReplyDecoder, body)
    assert error is None
    return fold(events)


def as_said(response: ChatResponse) -> tuple[Any, ...]:
    return response.parts, response.finish_reason, response.usage, response.extra


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
def test_one_half_reads_what_the_other_writes(name: str, stream: bool) -> None:
    answer = ANSWERS[name]
    body = (
        SERVER.encoder(ASKED, fixed_env()).send(unfold(answer))
        if stream
        else SERVER.encode_response(answer, ASKED, fixed_env()).body
    )
    assert as_said(read(body)) == as_said(answer)


def test_sound_has_the_id_and_the_time_that_sdks_require() -> None:
    answer = ChatResponse(parts=(Audio(data="AAAA", transcript="oh"),))
    body = json.loads(SERVER.encode_response(answer, ASKED, fixed_env()).body)
    audio = body["choices"][0]["message"]["audio"]
    assert (audio["data"], audio["transcript"]) == ("AAAA", "oh")
    assert isinstance(audio["id"], str)
    assert isinstance(audio["expires_at"], int)
    (part,) = read(json.dumps(body).encode()).parts
    assert isinstance(part, Audio)
    assert (part.data, part.transcript) == ("AAAA", "oh")


def test_sources_come_once_in_a_stream_whose_texts_are_joined() -> None:
    second = Citation(kind="url", url="https://b", text_range=(0, 1))
    answer = ChatResponse(parts=(Text(text="Hey", citations=(URL,)), Text(text="Ho", citations=(second,))))
    sent = SERVER.encoder(ASKED, fixed_env()).send(unfold(answer))
    assert sent.count(b'"annotations"') == 1
    (text,) = read(sent).parts
    assert isinstance(text, Text)
    assert [citation.text_range for citation in text.citations] == [(0, 2), (3, 4)]


def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    said = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


DETAILS = [
    {"type": "reasoning.text", "text": "Let me see", "format": "x", "index": 0, "signature": "c2ln"},
    {"type": "reasoning.encrypted", "data": "ZW5j", "id": "call_1", "format": "x", "index": 1},
]
REPLY = (
    chunk({"reasoning": "Let me", "reasoning_details": [{"type": "reasoning.text", "text": "Let me", "index": 0}]})
    + chunk({"reasoning": " see", "reasoning_details": [DETAILS[0] | {"text": " see"}]})
    + chunk({"reasoning_details": [DETAILS[1]]})
    + chunk({"content": "Hey"})
    + chunk({}, "stop")
)


def test_a_service_s_details_are_one_state_that_goes_back_to_it_and_to_no_other() -> None:
    decoder = CLIENT.decoder(ASKED)
    answer = fold([*decoder.feed(REPLY), *decoder.finish()])
    thought, text = answer.parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, text) == ("Let me see", Text(text="Hey"))
    assert thought.opaque is not None
    assert thought.opaque.origin == CLIENT.origin("m")
    again = ChatRequest(model="m", messages=(user("hi"), answer.message, user("and?")))
    assert sent_to(CLIENT, again)["messages"][1] == {
        "role": "assistant",
        "content": "Hey",
        "reasoning_details": DETAILS,
    }
    elsewhere = sent_to(OpenAIChatClient("http://other"), again)["messages"][1]
    assert elsewhere == {"role": "assistant", "content": "Hey"}


def sent_to(client: OpenAIChatClient, request: ChatRequest) -> dict[str, Any]:
    env = fixed_env()
    body: dict[str, Any] = json.loads(client.encode_request(client.fit(request, env.profile), env).body)
    return body


STATEFUL = (
    Reasoning(text="First", opaque=OpaqueState("anthropic", "sig1", "abcdef01")),
    Reasoning(text="Second", opaque=OpaqueState("anthropic", "sig2", "abcdef01")),
    Reasoning(text="", form="redacted", opaque=OpaqueState("anthropic", "hidden", "abcdef01")),
    Text(text="Hey", opaque=OpaqueState("gemini", "dGV4dA==", "abcdef01")),
    ToolCall(id="c1", name="f", arguments="{}", opaque=OpaqueState("gemini", "Y2FsbA==", "abcdef01")),
)


@pytest.mark.parametrize("stream", [True, False])
def test_other_protocols_state_comes_back_with_the_message_that_had_it(stream: bool) -> None:
    answer = ChatResponse(parts=STATEFUL, finish_reason="tool_call")
    if stream:
        data = SERVER.encoder(ASKED, fixed_env()).send(unfold(answer))
        deltas = [
            json.loads(line[6:])["choices"][0]["delta"] for line in data.split(b"\n\n") if line.startswith(b"data: {")
        ]
        details = [entry for delta in deltas for entry in delta.get("reasoning_details", [])]
        message = {
            "role": "assistant",
            "content": "Hey",
            "reasoning_content": "FirstSecond",
            "reasoning_details": details,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }
    else:
        body = json.loads(SERVER.encode_response(answer, ASKED, fixed_env()).body)
        message = {name: value for name, value in body["choices"][0]["message"].items() if value is not None}
    assert [entry["index"] for entry in message["reasoning_details"]] == [0, 1, 2, 3, 4]
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message]}
    request = SERVER.decode_request(ServerRequest(method="POST", path="/", body=json.dumps(asked).encode()))
    assert request.messages[1] == Message("assistant", STATEFUL)


def test_whose_state_a_body_holds_is_read() -> None:
    state = {"type": "reasoning.encrypted", "data": "dragomanMark.abcdef01.anthropic.x", "index": 0}
    for details, origins in (([], set()), ([state], {"abcdef01"})):
        message = {"role": "assistant", "content": "Hey", "reasoning_details": details}
        body = json.dumps({"model": "m", "messages": [message]}).encode()
        request = SERVER.reader.at_once(ServerRequest(method="POST", path="/", body=body))
        assert request is not None
        assert request.origins == origins


def test_reasoning_that_no_entry_signs_comes_back_around_what_is_signed() -> None:
    entry = {"type": "reasoning.text", "text": "Second. ", "signature": "dragomanMark.abcdef01.anthropic.sig"}
    message = {"role": "assistant", "content": "Hey", "reasoning_content": "First. Second. Third."}
    messages = [{"role": "user", "content": "hi"}, message | {"reasoning_details": [entry]}]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = SERVER.decode_request(ServerRequest(method="POST", path="/v1/chat/completions", body=body))
    assert request.messages[1].parts == (
        Reasoning(text="First. "),
        Reasoning(text="Second. ", opaque=OpaqueState("anthropic", "sig", "abcdef01")),
        Reasoning(text="Third."),
        Text(text="Hey"),
    )
