"""Our answer to a caller: its lines, and that our own client half reads them as what was said."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import BadEventError, OverloadedError
from dragoman.protocols.ollama import OllamaServer
from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.types import (
    ChatRequest,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    Usage,
    fold,
    unfold,
    user,
)
from tests.support.cuts import drive, joined
from tests.support.env import fixed_env
from tests.support.golden import cases

SERVER = OllamaServer()
REQUEST = ChatRequest(model="asked", messages=(user("x"),), tools=(Tool("shell", input_format="text"),))

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
probabilities = st.builds(TokenLogprob, words, st.floats(-9, 0))
arguments = st.dictionaries(words, st.integers() | words, max_size=2).map(lambda value: json.dumps(value, indent=1))


def deltas(piece: st.SearchStrategy[PartDelta]) -> st.SearchStrategy[list[StreamEvent]]:
    return st.lists(piece, min_size=1, max_size=3).map(list)


def part(start: Any, inner: st.SearchStrategy[list[StreamEvent]]) -> st.SearchStrategy[list[StreamEvent]]:
    return st.builds(lambda first, more: [PartStart(first), *more, PartEnd()], start, inner)


plain = st.builds(PartDelta, words)
likely = st.builds(PartDelta, words, st.lists(probabilities, min_size=1, max_size=2).map(tuple))
names = st.from_regex(r"[a-z]{1,9}", fullmatch=True)
parts = st.lists(
    part(st.just(Text(text="")), deltas(plain | likely))
    | part(st.just(Reasoning(text="")), deltas(plain))
    | part(
        st.builds(ToolCall, id=names, name=names),
        arguments.map(lambda text: [PartDelta(text[:3]), PartDelta(text[3:])]),
    )
    | part(st.just(ToolCall(id="c", name="shell", input_format="text")), deltas(plain)),
    max_size=4,
)
ends = st.builds(
    ResponseEnd,
    st.sampled_from(["stop", "length", "content_filter", "refusal", "pause"]),
    st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
)


def lines(data: bytes) -> list[dict[str, Any]]:
    """The lines, as the vendor's SDK cuts them."""
    assert data.endswith(b"\n")
    text = data.decode()
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    return [json.loads(line) for line in text.splitlines()]


@settings(derandomize=True, database=None, deadline=None)
@given(inner=parts, end=ends, size=st.integers(1, 9))
def test_what_is_said_is_read_whatever_the_batches(inner: list[list[StreamEvent]], end: ResponseEnd, size: int) -> None:
    # Neighbours of one kind are one part on the wire.
    kept = [
        new
        for old, new in pairwise([[], *inner])
        if not (old and type(_first(old)) is type(_first(new)) is not ToolCall)
    ]
    events = [ResponseStart("id", "m", 1_795_230_435), *(event for each in kept for event in each), end]
    encoder = SERVER.encoder(REQUEST, fixed_env())
    data = b"".join(encoder.send(events[i : i + size]) for i in range(0, len(events), size))
    said = lines(data)
    assert all(line["message"]["role"] == "assistant" for line in said)
    got, error = drive(ReplyDecoder(REQUEST), [data])
    assert error is None
    expected, told = fold(joined(events)), fold(got)
    assert _spaced(told.parts) == _spaced(expected.parts)
    called = expected.finish_reason == "stop" and bool(expected.tool_calls)
    assert told.finish_reason == ("tool_call" if called else expected.finish_reason)
    assert (told.usage, told.model, told.created) == (expected.usage, "m", 1_795_230_435)
    whole = SERVER.encode_response(expected, REQUEST, fixed_env()).body
    again, error = drive(ReplyDecoder(REQUEST), [whole])
    assert error is None
    assert fold(again).text == expected.text


def _first(events: list[StreamEvent]) -> Any:
    (start, *_) = events
    assert isinstance(start, PartStart)
    return start.part


def _spaced(found: tuple[Any, ...]) -> list[Any]:
    """Parts without what a line cannot hold: line ends between tokens of arguments; a call's place is said anew."""
    return [
        (each.name, json.loads(each.arguments) if each.input_format == "json" else each.arguments)
        if isinstance(each, ToolCall)
        else each
        for each in found
    ]


@pytest.mark.parametrize("name", [name for name in cases("ollama") if not name.startswith("generate")])
def test_a_services_answer_comes_out_as_it_was_read(name: str) -> None:
    events, error = drive(ReplyDecoder(REQUEST), [cases("ollama")[name].reply])
    if error is not None or name == "odd-types":  # it names no model, so that ours gives the one that was asked for
        return
    data = SERVER.encoder(REQUEST, fixed_env()).send(events)
    assert drive(ReplyDecoder(REQUEST), [data]) == (events, None)
    whole = SERVER.encode_response(fold(events), REQUEST, fixed_env()).body
    again, error = drive(ReplyDecoder(REQUEST), [whole])
    assert error is None
    assert fold(again).parts == tuple(sorted(fold(events).parts, key=lambda part: ORDER.index(type(part))))


ORDER: list[Any] = [Reasoning, Text, ToolCall]


@pytest.mark.parametrize("arguments_", ["[1]", "1", '"x"', '{"a":', "nothing", '{"a":NaN}'])
def test_arguments_that_are_no_object_end_the_answer(arguments_: str) -> None:
    call = ToolCall(id="c", name="f", arguments=arguments_)
    events: list[StreamEvent] = [
        ResponseStart(),
        *unfold(fold([ResponseStart(), PartStart(call), PartEnd(), ResponseEnd("tool_call")]))[1:],
    ]
    with pytest.raises(BadEventError, match="'c' to be a JSON object"):
        SERVER.encoder(REQUEST, fixed_env()).send(events)
    with pytest.raises(BadEventError):
        SERVER.encode_response(fold(events), REQUEST, fixed_env())


@pytest.mark.parametrize("arguments_", ["", " \n"])
def test_a_call_without_arguments_has_an_empty_object(arguments_: str) -> None:
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(ToolCall(id="c", name="f", arguments=arguments_)),
        PartEnd(),
        ResponseEnd("tool_call"),
    ]
    first, last = lines(SERVER.encoder(REQUEST, fixed_env()).send(events))
    (call,) = first["message"]["tool_calls"]
    assert call == {"id": "c", "function": {"index": 0, "name": "f", "arguments": {}}}
    assert last["done_reason"] == "stop"


def test_numbers_of_arguments_keep_their_digits() -> None:
    text = '{"n": 12345678901234567890.10, "e": 1E2}'
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(ToolCall(id="c", name="f")),
        PartDelta(text),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    assert text.encode() in SERVER.encoder(REQUEST, fixed_env()).send(events)


def test_a_failure_is_a_line_of_its_own() -> None:
    encoder = SERVER.encoder(REQUEST, fixed_env())
    error = OverloadedError("busy \u2028 now", retry_after=1.5)
    (line,) = lines(encoder.fail(error))
    assert line == {"error": "busy \u2028 now", "code": "overloaded"}
    assert SERVER.encode_stream_error(error) == encoder.fail(error)
    answer = SERVER.encode_error(error)
    assert (answer.status, answer.body) == (
        503,
        encoder.fail(error).replace(rb"\u2028", "\u2028".encode()).rstrip(b"\n"),
    )
    assert ("retry-after", "2") in answer.headers


def test_a_time_that_no_calendar_has_is_no_failure() -> None:
    data = SERVER.encoder(REQUEST, fixed_env()).send([ResponseStart(created=1 << 60), ResponseEnd("stop")])
    assert lines(data)[0]["created_at"] == "1970-01-01T00:00:00Z"
