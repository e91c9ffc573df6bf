"""Answers of ours: what OpenAI's own types accept, and what our own client half reads back."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    DragomanError,
    OverloadedError,
    RateLimitError,
    TruncatedStreamError,
)
from dragoman.protocols.base import Encoder
from dragoman.protocols.openai_chat import NAME, OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.openai_chat.extra import FAMILY
from dragoman.protocols.tools.no_arguments import with_arguments
from dragoman.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Citation,
    File,
    FinishReason,
    HostedCall,
    Image,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    StreamEvent,
    Text,
    ToolCall,
    Unknown,
    Usage,
    fold,
    unfold,
    user,
)
from tests.support.cuts import drive, joined
from tests.support.env import NOW, fixed_env

CLIENT = OpenAIChatClient("http://up")
SERVER = OpenAIChatServer()
REQUEST = ChatRequest(model="m", messages=(user("x"),))
SILENT = ChatRequest(model="m", messages=(user("x"),), include_usage=False)
USAGE = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=0, cache_write_tokens=2, reasoning_tokens=3)
START = ResponseStart(id="chatcmpl-7", model="gpt", created=1_700_000_000)


def whole(*parts: Any, reason: FinishReason = "stop", **more: Any) -> ChatResponse:
    return ChatResponse(id="chatcmpl-7", model="gpt", created=1_700_000_000, parts=parts, finish_reason=reason, **more)


TEXT = Text(text='Привет, 👩‍👩‍👧\u2028\n"quoted"\\ \x00 </script>')
CALLS = (
    ToolCall(id="call_a", name="f", arguments='{"city":"Осло"}'),
    ToolCall(id="call_b", name="g", arguments="{}"),
    ToolCall(id="call_c", name="h", arguments=""),
)
ANSWERS: dict[str, ChatResponse] = {
    "text": whole(TEXT),
    "nothing": whole(),
    "tools": whole(*CALLS, reason="tool_call"),
    "text and tools": whole(TEXT, *CALLS, reason="tool_call"),
    "reasoning": whole(Reasoning(text="Hm…"), TEXT, CALLS[0], reason="tool_call"),
    "refusal": whole(Refusal(text="I can't."), reason="refusal"),
    "usage": whole(TEXT, usage=USAGE),
    "usage without details": whole(TEXT, usage=Usage(input_tokens=0, output_tokens=0)),
    "length": whole(TEXT, reason="length", usage=USAGE),
    "content filter": whole(TEXT, reason="content_filter"),
    "extra": whole(
        TEXT,
        extra={NAME: {"system_fingerprint": "fp_1"}, FAMILY: {"service_tier": "flex"}},
        silent=("system_fingerprint",),
    ),
}
each = pytest.mark.parametrize("response", ANSWERS.values(), ids=ANSWERS)


def chunks(data: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line[6:]) for line in data.split(b"\n\n") if line.startswith(b"data: {")]


def started(request: ChatRequest = REQUEST) -> Encoder:
    encoder = SERVER.encoder(request, fixed_env())
    encoder.send([START])
    return encoder


def read_back(response: ChatResponse) -> ChatResponse:
    """`response` as it is read: a call without arguments has an empty object."""
    parts = tuple(with_arguments(part) if isinstance(part, ToolCall) else part for part in response.parts)
    return replace(response, parts=parts)


@each
def test_a_stream_of_ours_is_read_back_as_the_same_events(response: ChatResponse) -> None:
    events = unfold(response)
    encoder = SERVER.encoder(REQUEST, fixed_env())
    data = b"".join(encoder.send([event]) + encoder.heartbeat for event in events)
    assert SERVER.encoder(REQUEST, fixed_env()).send(events) == data.replace(encoder.heartbeat, b"")
    assert drive(CLIENT.decoder(REQUEST), [data]) == (joined(unfold(read_back(response))), None)


@each
def test_a_whole_answer_of_ours_is_read_back_as_the_same(response: ChatResponse) -> None:
    body = SERVER.encode_response(response, REQUEST, fixed_env()).body
    events, error = drive(CLIENT.decoder(REQUEST), [body])
    assert error is None
    assert fold(events) == read_back(response)


@each
def test_openais_own_types_accept_it(response: ChatResponse) -> None:
    answer = SERVER.encode_response(response, REQUEST, fixed_env())
    assert answer.status == 200
    assert answer.headers == (("content-type", "application/json"),)
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert (completion.usage is None) == (response.usage is None)
    read = [
        ChatCompletionChunk.model_validate(chunk, strict=True)
        for chunk in chunks(SERVER.encoder(REQUEST, fixed_env()).send(unfold(response)))
    ]
    assert {chunk.id for chunk in read} == {completion.id}
    assert read[0].choices[0].delta.role == "assistant"
    assert read[0].choices[0].delta.content == ""
    assert [c.finish_reason for chunk in read for c in chunk.choices if c.finish_reason] == [
        completion.choices[0].finish_reason
    ]
    text = "".join(c.delta.content or "" for chunk in read for c in chunk.choices)
    assert text == (completion.choices[0].message.content or "")


def test_a_stream_is_these_bytes() -> None:
    events: list[StreamEvent] = [
        START,
        PartStart(Text(text="")),
        PartDelta("Hi"),
        PartDelta(""),
        PartEnd(),
        PartStart(ToolCall(id="c", name="f")),
        PartDelta("{}"),
        PartEnd(),
        ResponseEnd("tool_call", Usage(1, 2)),
    ]
    head = b'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt","choices":['
    tail = b',"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    call = b'{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}'
    assert SERVER.encoder(REQUEST, fixed_env()).send(events) == b"".join(
        (
            head + b'{"index":0,"delta":{"role":"assistant","content":""}' + tail,
            head + b'{"index":0,"delta":{"content":"Hi"}' + tail,
            head + b'{"index":0,"delta":{"tool_calls":[' + call + b"]}" + tail,
            head + b'{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}' + tail,
            head + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}\n\n',
            head + b'],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
            b"data: [DONE]\n\n",
        )
    )


def test_calls_are_numbered_and_named_once() -> None:
    deltas = [
        chunk["choices"][0]["delta"]
        for chunk in chunks(SERVER.encoder(SILENT, fixed_env()).send(unfold(whole(*CALLS))))
    ]
    fragments = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [(call["index"], call.get("id"), call["function"].get("name")) for call in fragments] == [
        (0, "call_a", "f"),
        (0, None, None),
        (1, "call_b", "g"),
        (1, None, None),
        (2, "call_c", "h"),
    ]


def test_usage_is_streamed_only_to_those_who_ask() -> None:
    events: list[StreamEvent] = [START, ResponseEnd("stop", USAGE)]
    assert b"usage" not in SERVER.encoder(SILENT, fixed_env()).send(events)
    last = chunks(SERVER.encoder(REQUEST, fixed_env()).send(events))[-1]
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_usage_that_is_not_known_is_absent() -> None:
    assert all(
        "usage" not in chunk or chunk["usage"] is None for chunk in chunks(started().send([ResponseEnd("stop")]))
    )
    assert b"usage" not in SERVER.encode_response(whole(TEXT), REQUEST, fixed_env()).body


@pytest.mark.parametrize(
    ("usage", "sums"),
    [
        (Usage(output_tokens=5), (0, 5, 5)),
        (Usage(input_tokens=4, total_tokens=4), (4, 0, 4)),
        (Usage(total_tokens=9), (0, 0, 9)),
    ],
)
def test_a_report_has_its_three_sums_whatever_is_known(usage: Usage, sums: tuple[int, int, int]) -> None:
    """A typed reader, such as 64bit/async-openai's, gives up an answer whose report lacks one.

    Gemini leaves out the output of a prompt that it blocks, Ollama the input that it had in its cache.
    """
    body = SERVER.encode_response(whole(TEXT, usage=usage), REQUEST, fixed_env()).body
    last = chunks(SERVER.encoder(REQUEST, fixed_env()).send([START, ResponseEnd("stop", usage)]))[-1]
    for report in (msgspec.json.decode(body)["usage"], last["usage"]):
        assert tuple(report[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")) == sums


def test_what_the_service_did_not_say_is_ours() -> None:
    (chunk,) = chunks(SERVER.encoder(REQUEST, fixed_env()).send([ResponseStart()]))
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-id0001", int(NOW), "m")
    body = msgspec.json.decode(SERVER.encode_response(ChatResponse(), REQUEST, fixed_env()).body)
    assert (body["id"], body["created"], body["model"]) == ("chatcmpl-id0001", int(NOW), "m")


@pytest.mark.parametrize(
    ("reason", "parts", "word"),
    [
        ("refusal", (Refusal(text="No."),), "stop"),
        ("refusal", (TEXT,), "content_filter"),
        ("pause", (TEXT,), "stop"),
        ("other", (TEXT,), "stop"),
    ],
)
def test_reasons_that_have_no_word_here_get_the_nearest(
    reason: FinishReason, parts: tuple[Any, ...], word: str
) -> None:
    response = whole(*parts, reason=reason)
    body = msgspec.json.decode(SERVER.encode_response(response, REQUEST, fixed_env()).body)
    assert body["choices"][0]["finish_reason"] == word
    last = chunks(SERVER.encoder(SILENT, fixed_env()).send(unfold(response)))[-1]
    assert last["choices"][0]["finish_reason"] == word


def test_a_part_that_starts_with_text_says_it() -> None:
    data = started().send([PartStart(Reasoning(text="Hm")), PartDelta("…"), PartEnd()])
    assert [chunk["choices"][0]["delta"] for chunk in chunks(data)] == [
        {"reasoning_content": "Hm"},
        {"reasoning_content": "…"},
    ]


@pytest.mark.parametrize("part", [File(file_id="f"), Unknown(protocol="x", data=1)])
def test_what_an_answer_cannot_say_is_left_out(part: File | Unknown) -> None:
    assert started().send([PartStart(part), PartEnd()]) == b""
    body = msgspec.json.decode(SERVER.encode_response(whole(part), REQUEST, fixed_env()).body)
    assert body["choices"][0]["message"]["content"] == ""


def test_arguments_of_a_call_of_the_service_are_no_text() -> None:
    call = HostedCall(id="h", tool="web_search")
    parts: list[StreamEvent] = [PartStart(Text(text="a")), PartEnd(), PartStart(call), PartDelta("{}"), PartEnd()]
    data = started().send([*parts, PartStart(Text(text="b")), PartEnd()])
    assert [chunk["choices"][0]["delta"] for chunk in chunks(data)] == [{"content": "a"}, {"content": "b"}]


def test_a_broken_answer_ends_in_an_error_and_no_end_mark() -> None:
    encoder = SERVER.encoder(REQUEST, fixed_env())
    data = encoder.send([START, PartStart(Text(text="")), PartDelta("Half")])
    data += encoder.fail(TruncatedStreamError("the answer broke off", provider="up"))
    assert b"[DONE]" not in data
    words = "up: the answer broke off; the stream ended without the rest"
    assert chunks(data)[-1] == {"error": {"message": words, "type": "server_error", "param": None, "code": "truncated"}}
    events, error = drive(CLIENT.decoder(REQUEST), [data])
    assert events[-1] == PartDelta("Half")
    assert error == (TruncatedStreamError, words)


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (RateLimitError("slow down", retry_after=1.2), 429, (("retry-after", "2"), ("retry-after-ms", "1200"))),
        (RateLimitError("slow down"), 429, (("retry-after", "1"),)),
        (OverloadedError("full", status=529), 503, ()),
        (AuthenticationError("who are you?"), 401, (("x-should-retry", "false"),)),
        (BadEventError("expected JSON"), 502, ()),
    ],
)
def test_an_error_keeps_its_status(error: DragomanError, status: int, headers: tuple[tuple[str, str], ...]) -> None:
    answer = SERVER.encode_error(error)
    assert answer.status == status
    assert answer.headers == (("content-type", "application/json"), *headers)
    assert msgspec.json.decode(answer.body) == {
        "error": {"message": error.message, "type": error.type, "param": None, "code": error.code}
    }


def sent(*events: StreamEvent) -> list[dict[str, Any]]:
    """The deltas of a streamed answer."""
    body = SERVER.encoder(SILENT, fixed_env()).send([START, *events, ResponseEnd("stop")])
    chunks = [msgspec.json.decode(each.removeprefix(b"data: ")) for each in body.split(b"\n\n") if each.endswith(b"}")]
    return [chunk["choices"][0]["delta"] for chunk in chunks]


def test_sound_and_pictures_go_out_in_fields_of_their_own() -> None:
    deltas = sent(
        PartStart(Audio(data="AA", transcript="Hel")),
        PartDelta("BB"),
        Metadata(transcript="lo"),
        PartEnd(),
        PartStart(Image(url="https://a")),
        PartEnd(),
        PartStart(Image(file_id="f", service="other")),
        PartEnd(),
    )
    audio = [each["audio"] for each in deltas if "audio" in each]
    assert "".join(each.get("data", "") for each in audio) == "AABB"
    assert "".join(each.get("transcript", "") for each in audio) == "Hello"
    images = [each["images"] for each in deltas if "images" in each]
    assert images == [[{"type": "image_url", "image_url": {"url": "https://a"}}]]


def test_sound_of_which_nothing_more_is_known_is_its_bytes() -> None:
    deltas = sent(PartStart(Audio(data="AA")), PartEnd())
    assert [each["audio"] for each in deltas if "audio" in each] == [{"data": "AA"}]


def test_a_source_beside_another_part_than_text_and_state_that_cannot_be_told_are_left_out() -> None:
    source = Citation(kind="url", url="https://a")
    deltas = sent(
        PartStart(Reasoning(text="hm")),
        Metadata(citations=(source,)),
        PartEnd(),
        PartStart(Unknown(protocol="other", data={}, opaque=OpaqueState("other", "s"))),
        PartEnd(),
        PartStart(Text(text="a")),
        PartEnd(),
    )
    assert not any("annotations" in each for each in deltas)
    assert "".join(each.get("content") or "" for each in deltas) == "a"


def test_an_old_call_may_have_its_arguments_at_once() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], "functions": [{"name": "f"}]}
    old = SERVER.decode_request(ServerRequest(method="POST", path="/", body=msgspec.json.encode(asked)))
    call = ToolCall(id="c", name="f", arguments='{"a":1}')
    for request in (old, SILENT):
        body = SERVER.encoder(request, fixed_env()).send([START, PartStart(call), PartEnd(), ResponseEnd("tool_call")])
        assert rb"{\"a\":1}" in body


def test_a_whole_answer_says_a_part_of_its_own_protocol_beside_a_call() -> None:
    part = {"type": "reference", "reference_ids": [1]}
    answer = whole(Unknown(protocol="openai-chat", data=part), ToolCall(id="c", name="f"), reason="tool_call")
    body = json.loads(OpenAIChatServer().encode_response(answer, REQUEST, fixed_env()).body)
    assert body["choices"][0]["message"]["content"] == [part]


def test_pieces_of_sound_are_one_in_a_whole_answer() -> None:
    pieces = [Audio(data=data, transcript=words) for data, words in (("YQ==", "a"), ("YmM=", None))]
    body = json.loads(OpenAIChatServer().encode_response(whole(*pieces), REQUEST, fixed_env()).body)
    sound = body["choices"][0]["message"]["audio"]
    assert (sound["data"], sound["transcript"]) == ("YWJj", "a")


@pytest.mark.parametrize("words", ["", "No."])
def test_a_refusal_without_words_has_a_reason_that_says_it(words: str) -> None:
    answer = whole(Refusal(text=words), reason="refusal")
    told = chunks(started().send(unfold(answer)))
    body = json.loads(OpenAIChatServer().encode_response(answer, REQUEST, fixed_env()).body)
    reasons = [choice["finish_reason"] for each in told for choice in each["choices"] if choice["finish_reason"]]
    assert [*reasons, body["choices"][0]["finish_reason"]] == ["stop" if words else "content_filter"] * 2
