"""A whole answer and its stream: fold, unfold, and the grammar between them."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.types import (
    GRAMMAR,
    Audio,
    ChatResponse,
    Fold,
    Image,
    LostField,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    StreamState,
    Text,
    ToolCall,
    Usage,
    fold,
    unfold,
)
from tests.types.values import EVENTS, EXTRA, PARTS, responses

START, OPEN, DELTA, CLOSE, *_, END = EVENTS

WAY: dict[StreamState, list[StreamEvent]] = {
    StreamState.NEW: [],
    StreamState.BETWEEN: [START],
    StreamState.OPEN: [START, OPEN],
    StreamState.ENDED: [START, END],
}
"""How to get into each state."""

MAY: dict[tuple[StreamState, type[StreamEvent]], StreamState] = {
    (StreamState.NEW, ResponseStart): StreamState.BETWEEN,
    (StreamState.BETWEEN, PartStart): StreamState.OPEN,
    (StreamState.BETWEEN, ResponseEnd): StreamState.ENDED,
    (StreamState.BETWEEN, Metadata): StreamState.BETWEEN,
    (StreamState.OPEN, PartDelta): StreamState.OPEN,
    (StreamState.OPEN, Metadata): StreamState.OPEN,
    (StreamState.OPEN, PartEnd): StreamState.BETWEEN,
}
"""All that may come, written a second time."""


@pytest.mark.parametrize(
    ("state", "event"),
    list(product(StreamState, EVENTS)),
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
def test_each_event_in_each_state(state: StreamState, event: StreamEvent) -> None:
    folding = Fold()
    folding.feed(WAY[state])
    following = MAY.get((state, type(event)))
    if following is None:
        with pytest.raises(BadEventError, match=f"expected no {type(event).__name__} while {state.value}"):
            folding.feed([event])
        return
    folding.feed([event])
    for later in EVENTS:
        again = Fold()
        again.feed([*WAY[state], event])
        if type(later) in GRAMMAR[following]:
            again.feed([later])
        else:
            with pytest.raises(BadEventError):
                again.feed([later])


def test_the_grammar_says_no_more_than_that() -> None:
    assert {(state, event): then for state, row in GRAMMAR.items() for event, then in row.items()} == MAY
    assert set(GRAMMAR) == set(StreamState)
    assert {event for _, event in MAY} == set(get_args(StreamEvent))


@given(responses)
def test_folding_what_was_unfolded_is_the_same_answer(response: ChatResponse) -> None:
    assert fold(unfold(response)) == response


@given(responses, st.data())
def test_batches_do_not_matter(response: ChatResponse, data: st.DataObject) -> None:
    events = unfold(response)
    folding = Fold()
    while events:
        size = data.draw(st.integers(1, len(events)))
        folding.feed(events[:size])
        events = events[size:]
    assert folding.result() == response


def test_unfolding_gives_the_shortest_stream() -> None:
    response = ChatResponse(
        id="1",
        model="m",
        created=2,
        parts=(
            Text(text=""),
            Reasoning(text="hm", opaque=OpaqueState("p", "s")),
            ToolCall(id="c", name="f", arguments="{}"),
            PARTS[3],
        ),
        finish_reason="tool_call",
        usage=Usage(1),
        native_finish_reason="n",
        stop_sequence="s",
        losses=(LostField("stop"),),
        extra=EXTRA,
    )
    assert unfold(response) == [
        ResponseStart("1", "m", 2, (LostField("stop"),), EXTRA),
        PartStart(Text(text="")),
        PartEnd(),
        PartStart(Reasoning(text="")),
        PartDelta("hm"),
        PartEnd(OpaqueState("p", "s")),
        PartStart(ToolCall(id="c", name="f")),
        PartDelta("{}"),
        PartEnd(),
        PartStart(PARTS[3]),
        PartEnd(),
        ResponseEnd("tool_call", Usage(1), "n", "s"),
    ]


def test_deltas_are_added_to_what_a_part_began_with() -> None:
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Text(text="a")),
        PartDelta("b"),
        PartDelta("c"),
        PartEnd(),
        PartStart(Reasoning(text="a", opaque=OpaqueState("p", "old"))),
        PartDelta("b"),
        PartEnd(),
        PartStart(Reasoning(text="", opaque=OpaqueState("p", "old"))),
        PartEnd(OpaqueState("p", "new")),
        PartStart(ToolCall(id="1", name="f", arguments="{")),
        PartDelta("}"),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    assert fold(events).parts == (
        Text(text="abc"),
        Reasoning(text="ab", opaque=OpaqueState("p", "old")),
        Reasoning(text="", opaque=OpaqueState("p", "new")),
        ToolCall(id="1", name="f", arguments="{}"),
    )


def test_a_part_that_came_whole_has_no_deltas() -> None:
    whole: list[StreamEvent] = [ResponseStart(), PartStart(Image(url="x"))]
    assert fold([*whole, PartDelta(""), PartEnd(), ResponseEnd("stop")]).parts == (Image(url="x"),)
    with pytest.raises(BadEventError, match="came whole"):
        fold([*whole, PartDelta("x"), PartEnd(), ResponseEnd("stop")])


@pytest.mark.parametrize("events", [[], [START], [START, OPEN, DELTA], [START, OPEN, DELTA, CLOSE]])
def test_a_stream_without_its_end_is_no_answer(events: list[StreamEvent]) -> None:
    with pytest.raises(TruncatedStreamError):
        fold(events)


def test_sound_and_its_transcript_grow() -> None:
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Audio(data="AA", transcript="Hel")),
        PartDelta("AA"),
        Metadata(transcript="lo"),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    assert fold(events).parts == (Audio(data="AAAA", transcript="Hello"),)
