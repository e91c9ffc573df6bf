"""The table of a response, and the writer beside it: each event in each state."""

from collections.abc import Callable
from itertools import product

import pytest

from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.response_writer import (
    END,
    ENDED,
    GONE,
    LEAVE,
    NEW,
    START,
    STARTED,
    TRANSITIONS,
    WRITE,
    DisconnectedError,
    ResponseEvent,
    ResponseState,
)
from dragoman.types import Outcome
from tests.gateway.http.test_http_writer import Paper

Step = Callable[[HttpResponseWriter], None]


def start(one: HttpResponseWriter) -> None:
    """Makes the head."""
    one.start_nowait(200, b"", sized=False)


def write(one: HttpResponseWriter) -> None:
    """Sends a piece of the body."""
    one.write_nowait(b"a")


WAY: dict[ResponseState, tuple[Step, ...]] = {
    NEW: (),
    STARTED: (start,),
    ENDED: (start, HttpResponseWriter.abort),
    GONE: (start, HttpResponseWriter.disconnect),
}
"""How to get into each state."""

DONE: dict[ResponseEvent, Step] = {
    START: start,
    WRITE: write,
    END: HttpResponseWriter.abort,
    LEAVE: HttpResponseWriter.disconnect,
}
"""How each event happens."""

MAY: dict[tuple[ResponseState, ResponseEvent], ResponseState] = {
    (NEW, START): STARTED,
    (NEW, END): ENDED,
    (NEW, LEAVE): GONE,
    (STARTED, WRITE): STARTED,
    (STARTED, END): ENDED,
    (STARTED, LEAVE): GONE,
    (ENDED, START): ENDED,
    (ENDED, WRITE): ENDED,
    (ENDED, LEAVE): GONE,
    (GONE, START): GONE,
    (GONE, WRITE): GONE,
    (GONE, END): GONE,
    (GONE, LEAVE): GONE,
}
"""The table, written a second time."""


def test_the_table_has_each_state_and_leads_to_no_other() -> None:
    assert set(TRANSITIONS) == set(ResponseState)
    assert {(state, event): then for state, row in TRANSITIONS.items() for event, then in row.items()} == MAY


@pytest.mark.parametrize(("state", "event"), list(product(ResponseState, ResponseEvent)))
def test_each_event_in_each_state(state: ResponseState, event: ResponseEvent) -> None:
    paper = Paper()
    one = HttpResponseWriter(paper, Outcome("id", "POST", "/", 0.0))
    for step in WAY[state]:
        step(one)
    assert one.state is state
    sent = len(paper.said)
    following = MAY.get((state, event))
    if following is None:
        with pytest.raises(KeyError):
            one.enter(event)
    if state is NEW and event is WRITE:
        with pytest.raises(KeyError):
            write(one)
    elif state is GONE and event in (START, WRITE):
        with pytest.raises(DisconnectedError):
            DONE[event](one)
    else:
        DONE[event](one)
    assert one.state is (following or state)
    assert (len(paper.said) > sent) == (state is STARTED and event in (WRITE, END))


def test_a_second_whole_response_after_a_head_is_a_bug() -> None:
    one = HttpResponseWriter(Paper(), Outcome("id", "POST", "/", 0.0))
    start(one)
    with pytest.raises(KeyError):
        one.send_bytes(200, b"", b"")
