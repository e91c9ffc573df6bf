"""Answers as services really give them: what comes out, and why one fails."""

import json
from typing import Any

import pytest

from dragoman.errors import DragomanError
from dragoman.protocols.anthropic import NAME
from dragoman.protocols.anthropic.decode_stream import ReplyDecoder
from dragoman.types import (
    AnyPart,
    ChatResponse,
    Citation,
    Fold,
    HostedCall,
    Reasoning,
    ResponseEnd,
    Text,
    ToolCall,
    Unknown,
    Usage,
    names,
)


def answer(body: bytes) -> ChatResponse:
    decoder, folding = ReplyDecoder(), Fold()
    folding.feed([*decoder.feed(body), *decoder.finish()])
    assert decoder.error is None
    return folding.result()


def failure(body: bytes) -> DragomanError:
    decoder = ReplyDecoder()
    decoder.feed(body)
    decoder.finish()
    assert decoder.error is not None
    return decoder.error


def events(*said: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in said)


def block(body: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """An answer of one block."""
    begun = {"type": "content_block_start", "index": 0, "content_block": body}
    pieces = [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    return events(START, begun, *pieces, {"type": "content_block_stop", "index": 0}, *END)


MESSAGE: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": "c"}
START = {"type": "message_start", "message": MESSAGE | {"content": []}}
END = ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})
TEXT = {"type": "text", "text": ""}
WORDS = {"type": "text_delta", "text": "x"}
FOUND = {"type": "search_result_location", "cited_text": "q", "source": "s", "start_block_index": 0}
PLACED = {"type": "char_location", "cited_text": "q", "document_index": "0", "start_char_index": 1}

BLOCKS: list[tuple[dict[str, Any], tuple[dict[str, Any], ...], AnyPart]] = [
    (TEXT, (WORDS,), Text(text="x")),
    (TEXT, (WORDS, {"type": "new_delta"}), Text(text="x")),
    ({}, (WORDS,), Text(text="x")),
    ({"text": "w"}, (WORDS,), Text(text="wx")),
    ({"thinking": "w"}, ({"type": "thinking_delta", "thinking": "y"},), Reasoning(text="wy")),
    (
        {"id": "a", "name": "f"},
        ({"type": "input_json_delta", "partial_json": "{}"},),
        ToolCall(id="a", name="f", arguments="{}"),
    ),
    (
        {"type": "new", "text": "v"},
        (WORDS, WORDS, {"type": "x", "content": [1]}),
        Unknown(protocol=NAME, data={"type": "new", "text": "vxx", "content": [1]}),
    ),
    ({"type": "redacted_thinking", "data": "AAAA"}, (), Reasoning(text="", form="redacted", opaque=None)),
    (
        TEXT | {"citations": [PLACED]},
        (WORDS,),
        Text(text="x", citations=(Citation(kind="document", quote="q", extra={NAME: PLACED}),)),
    ),
    (
        TEXT | {"citations": [FOUND, 5]},
        (),
        Text(text="", citations=(Citation(kind="document", quote="q", extra={NAME: FOUND}),)),
    ),
    (
        {"type": "server_tool_use", "id": 5, "name": "web_search"},
        (),
        Unknown(protocol=NAME, data={"type": "server_tool_use", "id": 5, "name": "web_search"}),
    ),
    (
        {"type": "web_search_tool_result", "tool_use_id": 5, "content": []},
        (),
        Unknown(protocol=NAME, data={"type": "web_search_tool_result", "tool_use_id": 5, "content": []}),
    ),
    (
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": 5},
        (),
        HostedCall(id="srvtoolu_1", tool="web_search", name="web_search", arguments="{}"),
    ),
]


@pytest.mark.parametrize(("body", "deltas", "part"), BLOCKS)
def test_a_block_is_taken_as_far_as_it_can_be_read(
    body: dict[str, Any], deltas: tuple[dict[str, Any], ...], part: AnyPart
) -> None:
    (found,) = answer(block(body, *deltas)).parts
    if isinstance(found, Reasoning):
        assert (found.opaque is not None) == (found.form == "redacted")
        found = Reasoning(text=found.text, form=found.form)
    assert found == part


THOUGHT = {"type": "thinking_delta", "thinking": "y"}
JSON = {"type": "input_json_delta", "partial_json": "{}"}


@pytest.mark.parametrize(
    ("body", "delta", "part"),
    [
        (TEXT | {"text": "t"}, THOUGHT, Reasoning(text="yy")),
        ({"type": "thinking", "thinking": "t"}, WORDS, Text(text="xx")),
        ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, WORDS, Text(text="xx")),
        ({"type": "redacted_thinking", "data": "AAAA"}, WORDS, Text(text="xx")),
    ],
)
def test_words_in_a_block_of_another_kind_are_a_part_after_it(
    body: dict[str, Any], delta: dict[str, Any], part: AnyPart
) -> None:
    got = answer(block(body, delta, delta))
    assert (len(got.parts), got.parts[-1], got.losses) == (2, part, ())


def test_blanks_in_a_block_of_another_kind_are_named() -> None:
    got = answer(block({"type": "tool_use", "id": "a", "name": "f", "input": {}}, WORDS | {"text": "\n"}))
    assert (len(got.parts), names(got.losses)) == (1, ("answer.content_block_delta.text_delta",))


@pytest.mark.parametrize(
    ("body", "delta"),
    [
        (TEXT, JSON),
        ({"type": "thinking", "thinking": "t"}, JSON),
        ({"type": "new"}, {"type": "citations_delta", "citation": FOUND}),
    ],
)
def test_a_delta_of_another_kind_than_its_block_is_named(body: dict[str, Any], delta: dict[str, Any]) -> None:
    assert names(answer(block(body, delta, delta)).losses) == (f"answer.content_block_delta.{delta['type']}",)


@pytest.mark.parametrize("content", ["They met.", None])
def test_what_a_compacted_conversation_has_beside_its_words_is_kept(content: str | None) -> None:
    delta = {"type": "compaction_delta", "content": content, "encrypted_content": "e"}
    got = answer(block({"type": "compaction", "content": None, "signature": "s"}, delta))
    kept = {"type": "compaction", "content": content, "signature": "s", "encrypted_content": "e"}
    assert (got.parts, got.losses) == ((Unknown(protocol=NAME, data=kept),), ())


@pytest.mark.parametrize(
    ("body", "delta", "lost"),
    [
        (TEXT, WORDS | {"x_new": 1}, "text_delta.x_new"),
        (TEXT, WORDS | {"encrypted_content": "e"}, "text_delta.encrypted_content"),
        (TEXT, WORDS | {"": {"encrypted_content": "e"}}, "text_delta."),
        (TEXT, WORDS | {"": "e"}, "text_delta."),
        (
            {"type": "thinking", "thinking": ""},
            {"type": "thinking_delta", "thinking": "x", "estimated_tokens": 50},
            "thinking_delta.estimated_tokens",
        ),
    ],
)
def test_a_field_of_a_delta_that_is_not_read_is_named(body: dict[str, Any], delta: dict[str, Any], lost: str) -> None:
    got = answer(block(body, delta, delta))
    (part,) = got.parts
    assert isinstance(part, Text | Reasoning)
    assert part.text == "xx"
    assert names(got.losses) == (f"answer.content_block_delta.{lost}",)


def test_a_field_of_an_unknown_block_that_is_not_read_is_named() -> None:
    got = answer(block({"type": "new", "at": 1}, WORDS | {"x_new": 1}))
    assert got.parts == (Unknown(protocol=NAME, data={"type": "new", "at": 1, "text": WORDS["text"]}),)
    assert names(got.losses) == ("answer.content_block_delta.text_delta.x_new",)


def test_a_field_that_is_null_is_none() -> None:
    thought = {"type": "thinking_delta", "thinking": "x", "estimated_tokens": None}
    assert answer(block({"type": "thinking", "thinking": ""}, thought)).losses == ()


def test_an_answer_that_goes_on_begins_with_what_was_there() -> None:
    begun = {"type": "message_start", "message": MESSAGE | {"content": [{"type": "text", "text": "a"}, 5, None]}}
    more = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "b"}}
    assert [part.text for part in answer(events(begun, more, *END)).parts if isinstance(part, Text)] == ["a", "b"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"<html><body>Bad gateway\n\n", "HTML"),
        (b'{"error": {"message": "the disk is full"}}\n\n', "the disk is full"),
        (b'{"type": "error", "message": "the disk is full"}\n\n', "the disk is full"),
        (b'event: error\ndata: {"type": "error", "message": "the disk is full"}\n\n', "the disk is full"),
        (b"the disk is full\n\n", "the disk is full"),
    ],
)
def test_a_failure_in_any_form_in_the_middle_is_the_failure(bad: bytes, words: str) -> None:
    assert words in str(failure(block(TEXT, WORDS).partition(b"event: content_block_stop")[0] + bad))


def test_nothing_is_read_after_the_end() -> None:
    late = events({"type": "error", "error": {"type": "api_error", "message": "late"}})
    for joined in (block(TEXT, WORDS) + late, (block(TEXT, WORDS) + late).replace(b"\n", b"\r\n")):
        assert answer(joined).text == "x"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 3.0, "output_tokens": 2}, Usage(3, 2)),
        ({"input_tokens": 3.5, "output_tokens": True}, Usage()),
        (
            {"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 1, "x": None}},
            Usage(3, 2, reasoning_tokens=1),
        ),
        (
            {"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": "1x"}},
            Usage(3, 2, extra={NAME: {"output_tokens_details": {"thinking_tokens": "1x"}}}),
        ),
    ],
)
def test_counts_of_odd_types_are_understood_or_kept(usage: dict[str, Any], expected: Usage) -> None:
    body = json.dumps(MESSAGE | {"content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "usage": usage})
    assert answer(body.encode()).usage == expected


@pytest.mark.parametrize("odd", [5, "x", [1], None])
def test_inputs_are_exact_only_where_the_answer_has_the_usual_form(odd: Any) -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1.0}}
    body = MESSAGE | {"content": [call], "stop_reason": "tool_use"}
    assert answer(json.dumps(body).encode()).tool_calls[0].arguments.replace(" ", "") == '{"n":1.0}'
    whole = json.dumps(body | {"content": [call, odd]}).encode()
    assert answer(whole).tool_calls[0].arguments.replace(" ", "") == '{"n":1.0}'
    begun = {"type": "content_block_start", "index": 0, "content_block": call}
    assert answer(events(START, begun, *END)).tool_calls[0].arguments.replace(" ", "") == '{"n":1.0}'


@pytest.mark.parametrize("odd", [5, "x", [1]])
def test_a_block_that_is_no_object_is_no_event_of_the_protocol(odd: Any) -> None:
    strange = {"type": "content_block_start", "index": 0, "content_block": odd, "input": 1}
    assert "expected an event of this protocol" in str(failure(events(START, strange, *END)))


@pytest.mark.parametrize("odd", [True, -1, "many", {"x": None}, None])
def test_a_count_that_cannot_be_read_takes_nothing_from_an_earlier_one(odd: Any) -> None:
    start = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 12, "output_tokens": 3}}}
    late = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": odd}}
    body = events(start, late, {"type": "message_stop"})
    decoder = ReplyDecoder()
    found = [*decoder.feed(body), *decoder.finish()]
    assert isinstance(end := found[-1], ResponseEnd)
    assert end.usage == Usage(12, 3)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        # Only the last report knows of a cache: the first has counted all that was asked.
        ({"input_tokens": 100}, {"cache_read_input_tokens": 80, "output_tokens": 3}, Usage(100, 3, 80)),
        ({"input_tokens": 100}, {"cache_read_input_tokens": 104, "output_tokens": 3}, Usage(104, 3, 104)),
        (
            {"input_tokens": 100, "cache_read_input_tokens": None},
            {"cache_read_input_tokens": 60, "cache_creation_input_tokens": 20, "output_tokens": 3},
            Usage(100, 3, 60, 20),
        ),
        # The last one counts anew.
        (
            {"input_tokens": 100},
            {"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 3},
            Usage(100, 3, 80),
        ),
        # The service's own: the first has counted what came from no cache.
        (
            {"input_tokens": 20, "cache_read_input_tokens": 0},
            {"cache_read_input_tokens": 80, "output_tokens": 3},
            Usage(100, 3, 80),
        ),
        ({}, {"cache_read_input_tokens": 80, "output_tokens": 3}, Usage(None, 3, 80)),
    ],
)
def test_no_token_counts_twice(first: dict[str, Any], last: dict[str, Any], expected: Usage) -> None:
    start = {"type": "message_start", "message": {"id": "m", "usage": first}}
    late = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}
    decoder = ReplyDecoder()
    found = [*decoder.feed(events(start, late, {"type": "message_stop"})), *decoder.finish()]
    assert isinstance(end := found[-1], ResponseEnd)
    assert end.usage == expected
