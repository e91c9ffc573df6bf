"""Answers to callers: the order of events, opaque state of other services, calls that are no objects."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import BadEventError, OverloadedError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.anthropic import NAME, AnthropicClient, AnthropicServer
from dragoman.protocols.opaque import STATELESS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    Citation,
    HostedCall,
    HostedResult,
    HttpRequest,
    Image,
    Message,
    Metadata,
    ModelProfile,
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
    names,
    unfold,
)
from tests.protocols.anthropic.events import Told, understood
from tests.support.env import fixed_env

SERVER, CLIENT = AnthropicServer(), AnthropicClient("http://up")
REQUEST = ChatRequest(model="fast", messages=())
FOREIGN = OpaqueState("gemini", "sig+/=", "0123abcd")
CALL = ToolCall(id="c1", name="f")


def streamed(*parts: AnyPart, **more: Any) -> Told:
    """What a caller understands of a streamed answer of these parts."""
    events = unfold(ChatResponse(parts=parts, **more))
    return understood(SERVER.encoder(REQUEST, fixed_env()).send(events))


def whole(*parts: AnyPart, **more: Any) -> dict[str, Any]:
    """The same for an answer that is not streamed."""
    body = SERVER.encode_response(ChatResponse(parts=parts, **more), REQUEST, fixed_env()).body
    found: dict[str, Any] = json.loads(body)
    return found


def read_back(blocks: list[dict[str, Any]]) -> Message:
    """The turn of the model, as a caller sends it back."""
    results = [{"type": "tool_result", "tool_use_id": each["id"]} for each in blocks if each["type"] == "tool_use"]
    body = {
        "model": "m",
        "max_tokens": 1,
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": results or "y"},
        ],
    }
    request = SERVER.decode_request(ServerRequest(method="POST", path="/", body=json.dumps(body).encode()))
    return request.messages[1]


def test_an_answer_of_every_kind() -> None:
    parts = (
        Reasoning(text="hm", opaque=OpaqueState(NAME, "c2ln")),
        Text(text="a", citations=(Citation(kind="url", url="https://h", title="H"),)),
        ToolCall(id="c1", name="f", arguments='{"a":1}'),
        Unknown(protocol=NAME, data={"type": "new", "x": 1}),
        Refusal(text="no"),
        HostedCall(id="ws_1", tool="web_search", arguments='{"q":"a"}'),
        Image(data="aGk=", media_type="image/png"),
        Unknown(protocol="gemini", data={"type": "other"}),
    )
    source = {
        "type": "web_search_result_location",
        "cited_text": "",
        "encrypted_index": "",
        "title": "H",
        "url": "https://h",
    }
    expected = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "a", "citations": [source]},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "new", "x": 1},
        {"type": "text", "text": "no"},
        {
            "type": "server_tool_use",
            "id": "ws_1",
            "name": "web_search",
            "input": {"q": "a"},
            "caller": {"type": "direct"},
        },
    ]
    end: dict[str, Any] = {"finish_reason": "tool_call", "usage": Usage(9, 4, 2, 3, 1)}
    told, said = streamed(*parts, **end), whole(*parts, **end)
    assert told.blocks == said["content"] == expected
    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 2,
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 1},
    }
    assert told.end["usage"] == said["usage"] == usage
    assert told.end["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert (told.message["id"], told.message["model"]) == (said["id"], said["model"]) == ("msg_id0001", "fast")


@pytest.mark.parametrize(
    ("end", "delta"),
    [
        ({"finish_reason": "stop"}, {"stop_reason": "end_turn", "stop_sequence": None}),
        (
            {"finish_reason": "stop", "stop_sequence": "END"},
            {"stop_reason": "stop_sequence", "stop_sequence": "END"},
        ),
        (
            {"finish_reason": "length", "native_finish_reason": "model_context_window_exceeded"},
            {"stop_reason": "model_context_window_exceeded", "stop_sequence": None},
        ),
        (
            {"finish_reason": "length", "native_finish_reason": "MAX_TOKENS"},
            {"stop_reason": "max_tokens", "stop_sequence": None},
        ),
        (
            {"finish_reason": "content_filter", "detail": "why"},
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {"type": "refusal", "category": None, "explanation": "why"},
            },
        ),
        ({"finish_reason": "pause"}, {"stop_reason": "pause_turn", "stop_sequence": None}),
        ({"finish_reason": "other"}, {"stop_reason": "end_turn", "stop_sequence": None}),
    ],
)
def test_why_it_stopped(end: dict[str, Any], delta: dict[str, Any]) -> None:
    assert streamed(Text(text="a"), **end).end["delta"] == delta
    assert whole(Text(text="a"), **end).items() >= delta.items()


def test_state_of_another_service_travels_and_comes_back() -> None:
    parts: list[AnyPart] = [
        Reasoning(text="hm", opaque=FOREIGN),
        Reasoning(text="", form="redacted", opaque=FOREIGN),
        Text(text="a", opaque=FOREIGN),
        ToolCall(id="c1", name="f", arguments="{}", opaque=FOREIGN),
        ToolCall(id="c2", name="f", arguments="{}"),
    ]
    told = streamed(*parts).blocks
    said = whole(*parts)["content"]
    assert [each["type"] for each in told] == [
        "thinking",
        "redacted_thinking",
        "text",
        "redacted_thinking",
        "tool_use",
        "redacted_thinking",
        "tool_use",
    ]
    assert [each["type"] for each in said] == [
        "thinking",
        "redacted_thinking",
        "redacted_thinking",
        "text",
        "redacted_thinking",
        "tool_use",
        "tool_use",
    ]
    assert read_back(told).parts == read_back(said).parts == tuple(parts)


def test_state_that_is_known_when_a_part_begins_stands_before_it() -> None:
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(replace(CALL, opaque=FOREIGN)),
        PartDelta("{}"),
        PartEnd(),
        PartStart(Reasoning(text="", form="redacted")),
        PartEnd(FOREIGN),
        PartStart(Reasoning(text="", form="redacted")),
        PartEnd(),
        ResponseEnd("tool_call"),
    ]
    told = understood(SERVER.encoder(REQUEST, fixed_env()).send(events)).blocks
    assert [each["type"] for each in told] == ["redacted_thinking", "tool_use", "redacted_thinking"]
    assert [part.opaque for part in read_back(told).parts] == [FOREIGN, FOREIGN]


def test_thinking_that_nobody_signed_has_a_mark_for_callers_who_drop_it_otherwise() -> None:
    parts = (Reasoning(text="hm"), Text(text="a"))
    for told in (streamed(*parts).blocks, whole(*parts)["content"]):
        assert told[0] == {"type": "thinking", "thinking": "hm", "signature": STATELESS}
        assert read_back(told).parts == parts


def test_own_state_of_a_known_origin_is_given_to_callers_with_it() -> None:
    state = OpaqueState(NAME, "c2ln", "0123abcd")
    hidden = OpaqueState(NAME, "redacted.c2ln", "0123abcd")
    parts = (Reasoning(text="hm", opaque=state), Reasoning(text="", form="redacted", opaque=hidden))
    told = streamed(*parts).blocks
    assert [each["type"] for each in told] == ["thinking", "redacted_thinking"]
    assert told[0]["signature"] == "dragomanMark.0123abcd.anthropic.c2ln"
    assert read_back(told).parts == parts
    assert read_back(whole(*parts)["content"]).parts == parts


@pytest.mark.parametrize("arguments", ["[1]", '{"a":', "{} {}", "NaN", "null"])
def test_arguments_that_are_no_object_end_the_answer(arguments: str) -> None:
    call = replace(CALL, arguments=arguments)
    with pytest.raises(BadEventError, match="'c1' to be a JSON object"):
        streamed(call)
    with pytest.raises(BadEventError, match="'c1' to be a JSON object"):
        whole(call)


def test_a_freeform_call_is_wrapped() -> None:
    call = replace(CALL, arguments='say "hi"\n', input_format="text")
    for blocks in (streamed(call).blocks, whole(call)["content"]):
        assert blocks == [{"type": "tool_use", "id": "c1", "name": "f", "input": {"input": 'say "hi"\n'}}]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    for blocks in (streamed(CALL).blocks, whole(CALL)["content"]):
        assert blocks == [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]


@pytest.mark.parametrize(
    ("pieces", "told"), [((" ", '\n{"a"', ":1} "), ['{"a"', ":1} "]), ((" ", "\n"), []), (("{}",), ["{}"])]
)
def test_no_white_space_stands_before_an_input(pieces: tuple[str, ...], told: list[str]) -> None:
    """The vendor's program reads an input with each piece, and fails if it has nothing but white space."""
    more = [PartDelta(piece) for piece in pieces]
    events: list[StreamEvent] = [ResponseStart(), PartStart(CALL), *more, PartEnd(), ResponseEnd("tool_call")]
    encoder, said = SERVER.encoder(REQUEST, fixed_env()), b""
    for event in events:
        said += encoder.send([event])
    found = [json.loads(line[6:]) for line in said.decode().split("\n") if "input_json_delta" in line]
    assert [each["delta"]["partial_json"] for each in found] == told
    assert whole(replace(CALL, arguments="".join(pieces)))["content"][0]["type"] == "tool_use"


def test_sources_are_told_where_they_come() -> None:
    page = Citation(kind="document", source=0, title="T", quote="q", location=("page", 1, 2))
    events: list[StreamEvent] = [
        ResponseStart(usage=Usage(7)),
        PartStart(Text(text="")),
        Metadata(citations=(page,)),
        PartDelta("a"),
        PartEnd(),
        Metadata(usage=Usage(9)),
        ResponseEnd("stop"),
    ]
    told = understood(SERVER.encoder(REQUEST, fixed_env()).send(events))
    assert told.message["usage"]["input_tokens"] == 7
    (block,) = told.blocks
    assert block["citations"][0]["start_page_number"] == 1
    assert block["citations"][0]["document_title"] == "T"


@pytest.mark.parametrize(
    ("citation", "source"),
    [
        (Citation(kind="file", source="file-1", title="a.txt"), "file-1"),
        (Citation(kind="file", url="https://h/a", quote="q"), "https://h/a"),
        (Citation(kind="file", quote="q"), ""),
    ],
)
def test_a_citation_of_a_file_has_all_that_types_require_and_is_not_sent_to_the_service(
    citation: Citation, source: str
) -> None:
    """`CitationsSearchResultLocation` of anthropics/anthropic-sdk-java throws for a field that is missing or null."""
    told = streamed(Text(text="a", citations=(citation,)))
    (found,) = told.blocks[0]["citations"]
    assert found == {
        "type": "search_result_location",
        "cited_text": citation.quote or "",
        "source": source,
        "title": citation.title,
        "search_result_index": 0,
        "start_block_index": 0,
        "end_block_index": 0,
    }
    turn = read_back(told.blocks)
    (part,) = turn.parts
    assert isinstance(part, Text)
    assert part.citations == (
        Citation(kind="search_result", quote=citation.quote or "", title=citation.title, source=source or None),
    )
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="x"),)), turn))
    assert names(CLIENT.losses(request, ModelProfile())) == ("messages[1].parts[0].citations",)
    asked = CLIENT.encode_request(request, fixed_env())
    assert isinstance(asked, HttpRequest)
    assert b"citation" not in asked.body


def test_a_failure_is_an_event_of_its_own() -> None:
    failed = SERVER.encoder(REQUEST, fixed_env()).fail(OverloadedError("busy"))
    assert failed == SERVER.encode_stream_error(OverloadedError("busy"))
    name, data = failed.strip().split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: ")) == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "busy"},
    }


def test_a_result_of_another_service_is_left_out_and_named() -> None:
    own = HostedResult(id="s", tool="web_search", extra={NAME: {"type": "web_search_tool_result", "content": []}})
    foreign = HostedResult(id="w", tool="code_execution", parts=(Text(text="4"),))
    events = unfold(ChatResponse(parts=(own, foreign)))
    assert [block["type"] for block in streamed(own, foreign).blocks] == ["web_search_tool_result"]
    assert [block["type"] for block in whole(own, foreign)["content"]] == ["web_search_tool_result"]
    assert names(answer_losses(events, SERVER.expresses, NAME)) == ("answer.hosted_result",)
    assert names(answer_losses(unfold(ChatResponse(parts=(own,))), SERVER.expresses, NAME)) == ()


def test_thinking_whose_signature_is_known_at_once_is_told_in_deltas() -> None:
    own = OpaqueState(NAME, "b3du")
    for words in ("Hm", ""):
        events: list[StreamEvent] = [
            ResponseStart(),
            PartStart(Reasoning(text=words, opaque=own)),
            PartEnd(),
            ResponseEnd("stop"),
        ]
        body = SERVER.encoder(REQUEST, fixed_env()).send(events)
        assert understood(body).blocks == [{"type": "thinking", "thinking": words, "signature": "b3du"}]
        assert body.count(b"thinking_delta") == bool(words)


def test_a_delta_that_says_nothing_is_not_sent() -> None:
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Text(text="")),
        PartDelta(""),
        PartDelta("x"),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    body = SERVER.encoder(REQUEST, fixed_env()).send(events)
    assert body.count(b"event: content_block_delta") == 1
    assert understood(body).blocks == [{"type": "text", "text": "x"}]


def test_sources_beside_other_parts_than_text_are_not_told() -> None:
    source = Metadata(citations=(Citation(kind="url", url="https://a"),))
    events: list[StreamEvent] = [ResponseStart(), PartStart(CALL), source, PartEnd(), ResponseEnd("tool_call")]
    assert b"citation" not in SERVER.encoder(REQUEST, fixed_env()).send(events)


def test_only_a_refusal_has_details() -> None:
    end = ResponseEnd("other", None, "MALFORMED_FUNCTION_CALL", detail="why")
    events: list[StreamEvent] = [ResponseStart(), PartStart(Text(text="a")), PartEnd(), end]
    assert names(answer_losses(events, SERVER.expresses, NAME)) == ("answer.finish_reason", "answer.detail")
    response = ChatResponse(parts=(Text(text="a"),), finish_reason="other", detail="why")
    assert b"stop_details" not in SERVER.encode_response(response, REQUEST, fixed_env()).body
