"""Answers for callers of this protocol, whatever the service's was."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import BadEventError, OverloadedError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.gemini import NAME, GeminiClient, GeminiServer
from dragoman.protocols.opaque import unwrapped_base64
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    Citation,
    FinishReason,
    HostedCall,
    HostedResult,
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
    TokenLogprob,
    ToolCall,
    Unknown,
    Usage,
    fold,
    names,
    unfold,
    user,
)
from tests.support.cuts import drive
from tests.support.env import fixed_env

SERVER = GeminiServer()
REQUEST = ChatRequest(model="m", messages=(user("x"),))
STATE = OpaqueState("anthropic", "s1gn", "0a1b2c3d")
PNG = "iVBORw0KGgo="


def asked(query: str) -> ChatRequest:
    body = b'{"contents":[{"parts":[{"text":"x"}]}]}'
    path = "/v1/models/m:streamGenerateContent"
    return SERVER.decode_request(ServerRequest(method="POST", path=path, query=query, body=body))


def streamed(events: Sequence[StreamEvent], request: ChatRequest = REQUEST) -> list[dict[str, Any]]:
    """The replies of a stream, each of which must be one line."""
    encoder = SERVER.encoder(request, fixed_env())
    data = b"".join(encoder.send([event]) for event in events)
    assert data == SERVER.encoder(request, fixed_env()).send(events)
    pieces = data.split(b"\r\n\r\n")
    assert pieces.pop() == b""
    assert all(piece.startswith(b"data: {") and b"\n" not in piece for piece in pieces)
    return [json.loads(piece.removeprefix(b"data: ")) for piece in pieces]


def parts(replies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for reply in replies for part in reply["candidates"][0]["content"]["parts"]]


def answer(*said: AnyPart, reason: FinishReason = "stop", **more: Any) -> ChatResponse:
    return ChatResponse(id="r", model="m", parts=said, finish_reason=reason, **more)


def whole(response: ChatResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SERVER.encode_response(response, REQUEST, fixed_env()).body)
    return found


def test_a_text_goes_out_as_it_comes_and_the_last_reply_has_the_rest() -> None:
    events: list[StreamEvent] = [
        ResponseStart("r", "m", 1_795_230_435),
        PartStart(Text(text="")),
        PartDelta("Hel"),
        PartDelta(""),
        PartDelta("lo"),
        PartEnd(),
        ResponseEnd("length", Usage(5, 4, reasoning_tokens=1)),
    ]
    replies = streamed(events)
    head = {"usageMetadata": {}, "modelVersion": "m", "responseId": "r", "createTime": "2026-11-21T03:07:15Z"}
    assert replies[0] == {"candidates": [{"content": {"parts": [{"text": "Hel"}], "role": "model"}, "index": 0}]} | head
    assert [part["text"] for part in parts(replies)] == ["Hel", "lo", ""]
    assert replies[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert replies[-1]["usageMetadata"] == {
        "promptTokenCount": 5,
        "candidatesTokenCount": 3,
        "totalTokenCount": 9,
        "thoughtsTokenCount": 1,
    }


@pytest.mark.parametrize("usage", [None, Usage(5, 4)])
@pytest.mark.parametrize("query", ["alt=sse", ""])
def test_each_reply_of_a_stream_has_a_usage(query: str, usage: Usage | None) -> None:
    """BAML passes over a reply without it: `BoundaryML/baml`, `primitive/google/types.rs` and `response_handler.rs`."""
    said = (Reasoning(text="hm", opaque=STATE), Text(text="Hello"), ToolCall(id="c", name="f", arguments="{}"))
    data = SERVER.encoder(asked(query), fixed_env()).send(list(unfold(answer(*said, usage=usage))))
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\r\n") if line]
    replies = [json.loads(line) for line in lines] if query else json.loads(data)
    assert len(replies) == 5
    usages = [reply["usageMetadata"] for reply in replies]
    assert usages[:-1] == [{}] * 4
    assert usages[-1].get("totalTokenCount") == (None if usage is None else 9)


@pytest.mark.parametrize(
    ("reason", "native", "word"),
    [
        ("stop", None, "STOP"),
        ("length", "max_tokens", "MAX_TOKENS"),
        ("tool_call", None, "STOP"),
        ("content_filter", None, "SAFETY"),
        ("content_filter", "RECITATION", "RECITATION"),
        ("refusal", None, "SAFETY"),
        ("pause", "pause_turn", "OTHER"),
        ("other", "MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
    ],
)
def test_each_reason_to_stop_has_a_word(reason: FinishReason, native: str | None, word: str) -> None:
    response = answer(Text(text="x"), reason=reason, native_finish_reason=native, detail="Because.")
    candidate = whole(response)["candidates"][0]
    assert (candidate["finishReason"], candidate["finishMessage"]) == (word, "Because.")
    assert streamed(unfold(response))[-1]["candidates"][0]["finishReason"] == word


def test_opaque_state_of_another_service_stands_on_its_part_in_base64() -> None:
    response = answer(
        Reasoning(text="Hm", opaque=STATE),
        Reasoning(text="", form="redacted", opaque=STATE),
        ToolCall(id="c", name="f", arguments="{}", opaque=STATE),
    )
    for written in (parts([whole(response)]), parts(streamed(unfold(response)))):
        signed = [part for part in written if "thoughtSignature" in part]
        assert len(signed) == 3
        assert {unwrapped_base64(part["thoughtSignature"], NAME) for part in signed} == {STATE}
        assert [part.get("thought") for part in signed] == [True, True, None]


def test_state_of_a_stream_comes_back_on_the_words_that_it_vouches_for() -> None:
    response = answer(Reasoning(text="Let me think.", opaque=STATE), Text(text="Hello"))
    turns = [reply["candidates"][0]["content"] for reply in streamed(unfold(response))]
    body = {"contents": [{"parts": [{"text": "x"}]}, *turns]}
    call = ServerRequest(method="POST", path="/v1/models/m:generateContent", body=json.dumps(body).encode())
    message = SERVER.decode_request(call).messages[-1]
    assert message.parts == (Reasoning(text="Let me think.", form="summary", opaque=STATE), Text(text="Hello"))


def test_a_signed_empty_part_of_the_protocol_itself_stays_one() -> None:
    turns = [
        {"role": "model", "parts": [{"text": "He"}]},
        {"role": "model", "parts": [{"text": "llo"}]},
        {"role": "model", "parts": [{"text": "", "thoughtSignature": "YQ=="}]},
    ]
    body = {"contents": [{"parts": [{"text": "x"}]}, *turns]}
    call = ServerRequest(method="POST", path="/v1/models/m:generateContent", body=json.dumps(body).encode())
    message = SERVER.decode_request(call).messages[-1]
    assert message.parts == (Text(text="Hello"), Text(text="", opaque=OpaqueState(NAME, "YQ==")))


def test_arguments_with_line_breaks_stay_on_one_line_of_a_stream() -> None:
    call = ToolCall(id="c", name="f", arguments='{\n "a": "x\\ny",\r\n "n": 1.0}')
    (part, _) = parts(streamed(unfold(answer(call, reason="tool_call"))))
    assert part["functionCall"] == {"id": "c", "name": "f", "args": {"a": "x\ny", "n": 1.0}}


@pytest.mark.parametrize("arguments", ["[1]", "{", "text"])
def test_broken_arguments_are_an_error_and_no_answer(arguments: str) -> None:
    response = answer(ToolCall(id="c", name="f", arguments=arguments))
    with pytest.raises(BadEventError):
        whole(response)
    with pytest.raises(BadEventError):
        streamed(unfold(response))


def test_a_freeform_call_is_wrapped() -> None:
    call = ToolCall(id="c", name="f", arguments="ls -l", input_format="text")
    assert parts([whole(answer(call))])[0]["functionCall"]["args"] == {"input": "ls -l"}


def test_made_up_ids_are_not_sent() -> None:
    ids = ("call_1_0", "call_3", "call_Xy", "call_46427107")
    calls = [ToolCall(id=known, name="f", arguments="{}") for known in ids]
    assert [part["functionCall"].get("id") for part in parts([whole(answer(*calls))])] == [None, None, *ids[2:]]


def test_sources_become_grounding_in_bytes() -> None:
    text = Text(
        text="Köln ist alt.",
        citations=(
            Citation(kind="url", url="https://a", title="A", text_range=(5, 8)),
            Citation(kind="file", title="B", quote="q"),
            Citation(kind="place", url="https://p", title="P"),
        ),
    )
    events: list[StreamEvent] = [
        ResponseStart("r"),
        PartStart(Text(text="")),
        PartDelta(text.text),
        Metadata(text.citations),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    for candidate in (whole(answer(text))["candidates"][0], streamed(events)[-1]["candidates"][0]):
        assert candidate["groundingMetadata"] == {
            "groundingChunks": [
                {"web": {"uri": "https://a", "title": "A"}},
                {"retrievedContext": {"title": "B", "text": "q"}},
                {"maps": {"uri": "https://p", "title": "P"}},
            ],
            "groundingSupports": [
                {"segment": {"startIndex": 6, "endIndex": 9, "text": "ist"}, "groundingChunkIndices": [0]}
            ],
        }


def test_log_probabilities_stand_beside_their_text() -> None:
    logprobs = (TokenLogprob("Hi", -0.5, top=(TokenLogprob("Ho", -1.5),)),)
    events: list[StreamEvent] = [
        ResponseStart("r"),
        PartStart(Text(text="")),
        PartDelta("Hi", logprobs),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    block = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -1.5}]}],
    }
    assert streamed(events)[0]["candidates"][0]["logprobsResult"] == block
    assert whole(fold(events))["candidates"][0]["logprobsResult"] == block


def test_uses_of_another_service_s_tools_are_shown_and_known_when_they_come_back() -> None:
    call = HostedCall(id="h", tool="web_search", arguments='{"query":"x"}')
    result = HostedResult(id="h", tool="web_search", parts=(Text(text="found"),))
    written = parts([whole(answer(call, result))])
    assert written == [
        {"toolCall": {"id": "h", "toolType": "web_search", "args": {"query": "x"}}},
        {"toolResponse": {"id": "h", "toolType": "web_search", "response": {"output": "found"}}},
    ]
    body = {"contents": [{"parts": [{"text": "x"}]}, {"role": "model", "parts": written}]}
    path = "/v1/models/m:generateContent"
    request = SERVER.decode_request(ServerRequest(method="POST", path=path, body=json.dumps(body).encode()))
    client, profile = GeminiClient("https://h"), fixed_env().profile
    assert names(client.losses(request, profile)) == (
        "messages[1].parts[0] (hosted_call)",
        "messages[1].parts[1] (hosted_result)",
    )
    assert b"toolCall" not in client.encode_request(client.fit(request, profile), fixed_env()).body


def test_media_goes_out_whole() -> None:
    events: list[StreamEvent] = [
        ResponseStart("r"),
        PartStart(Image(data=PNG, media_type="image/png")),
        PartEnd(),
        PartStart(Audio(media_type="audio/wav")),
        PartDelta("AAAA"),
        PartDelta("BBBB"),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    assert parts(streamed(events))[:2] == [
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAABBBB"}},
    ]


def test_what_cannot_be_said_is_named() -> None:
    response = answer(
        Refusal(text="No."), Unknown(protocol="anthropic", data={}), reason="refusal", stop_sequence="END"
    )
    lost = answer_losses([*unfold(response)], SERVER.expresses, NAME)
    assert set(names(lost)) == {"answer.refusal", "answer.unknown", "answer.stop_sequence"}
    assert parts([whole(response)]) == [{"text": "No."}]


def test_a_stream_as_an_array_is_one_json_value_however_it_ends() -> None:
    request = asked("")
    events = unfold(answer(Text(text="Hi"), ToolCall(id="c", name="f", arguments="{}")))
    encoder = SERVER.encoder(request, fixed_env())
    assert dict(encoder.headers)["content-type"].startswith("application/json")
    data = encoder.heartbeat + b"".join(encoder.send([event]) + encoder.heartbeat for event in events)
    replies = json.loads(data)
    assert [next(iter(part)) for part in parts(replies)] == ["text", "functionCall", "text"]
    broken = SERVER.encoder(request, fixed_env())
    data = broken.send(events[:3]) + broken.fail(OverloadedError("busy"))
    assert json.loads(data)[-1]["error"]["status"] == "UNAVAILABLE"
    assert json.loads(SERVER.encoder(request, fixed_env()).fail(OverloadedError("busy")))[0]["error"]["code"] == 503


def test_a_stream_of_events_with_heartbeats_is_read_by_the_other_half() -> None:
    request = asked("alt=sse")
    response = answer(Reasoning(text="Hm", form="summary"), Text(text="Hi"), usage=Usage(3, 4))
    encoder = SERVER.encoder(request, fixed_env())
    data = encoder.heartbeat + b"".join(encoder.send([event]) + encoder.heartbeat for event in unfold(response))
    events, error = drive(GeminiClient("https://h").decoder(request), [data])
    assert error is None
    assert fold(events) == replace(response, created=None)


def test_a_whole_answer_has_a_usage_even_if_nothing_was_reported() -> None:
    """BaseGeminiChatModel of langchain4j/langchain4j reads its counts without asking whether there is one."""
    body = whole(answer(Text(text="a")))
    assert body["usageMetadata"] == {}
    events, error = drive(GeminiClient("http://up").decoder(REQUEST), [json.dumps(body).encode()])
    assert (error, fold(events).usage) == (None, None)


def test_only_thoughts_are_reported_as_the_service_reports_them() -> None:
    report = streamed(unfold(answer(Reasoning(text="hm"), usage=Usage(3, 5, reasoning_tokens=5))))[-1]["usageMetadata"]
    assert (report["thoughtsTokenCount"], report["totalTokenCount"]) == (5, 8)
    assert "candidatesTokenCount" not in report


def test_sources_that_are_known_at_the_beginning_stand_with_the_text() -> None:
    source = Citation(kind="url", url="https://a", title="A")
    token = TokenLogprob("x", -0.5)
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Reasoning(text="hm")),
        Metadata(citations=(source,)),
        PartEnd(),
        PartStart(Text(text="x", citations=(source,), logprobs=(token,))),
        Metadata(usage=Usage(1, 1)),
        PartDelta(""),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    replies = streamed(events)
    assert "".join(each["text"] for each in parts(replies)) == "hmx"
    (grounding,) = [each["candidates"][0]["groundingMetadata"] for each in replies if "groundingMetadata" in str(each)]
    assert [chunk["web"]["uri"] for chunk in grounding["groundingChunks"]] == ["https://a"]
    assert [each for each in replies if "logprobsResult" in each["candidates"][0]]


def test_an_end_without_a_part_says_nothing() -> None:
    events: list[StreamEvent] = [ResponseStart(), PartStart(Text(text="x")), PartEnd(), ResponseEnd("stop")]
    twice = [*events[:3], PartEnd(), *events[3:]]
    assert streamed(twice) == streamed(events)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_place_of_a_source_may_lie_in_what_has_not_come(at_once: bool) -> None:
    source = Citation(kind="url", url="https://a", text_range=(5, 8))
    begun = Text(text="Köln ", citations=(source,) if at_once else ())
    beside: list[StreamEvent] = [] if at_once else [Metadata((source,))]
    events: list[StreamEvent] = [ResponseStart(), PartStart(begun), *beside, PartDelta("ist alt."), PartEnd()]
    (support,) = streamed([*events, ResponseEnd("stop")])[-1]["candidates"][0]["groundingMetadata"]["groundingSupports"]
    assert support["segment"] == {"startIndex": 6, "endIndex": 9, "text": "ist"}


def test_sources_that_the_service_s_own_field_says_are_not_said_twice() -> None:
    own = {"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://a"}]}
    text = Text(text="Hey", citations=(Citation(kind="url", url="https://a", text_range=(0, 2)),))
    found = whole(answer(text, extra={"gemini": {"candidate.citationMetadata": own}}))["candidates"][0]
    assert (found["citationMetadata"], "groundingMetadata" in found) == (own, False)


@pytest.mark.parametrize("part", [Audio(data="AAAA"), Image(data="AAAA")])
def test_data_of_an_unknown_kind_is_told_as_bytes(part: Any) -> None:
    (told,) = whole(answer(part))["candidates"][0]["content"]["parts"]
    assert told == {"inlineData": {"mimeType": "application/octet-stream", "data": "AAAA"}}
    assert parts(streamed([ResponseStart(), PartStart(part), PartEnd(), ResponseEnd("stop")]))[0] == told
