"""Events get ids, and nothing else of a stream changes."""

import pytest

from dragoman.wire.event_ids import EventIds
from dragoman.wire.sse import SseReader
from tests.support.cuts import two_way


def numbered(*pieces: bytes, name: str = "s") -> tuple[bytes, list[int]]:
    """What comes of `pieces`, and the numbers of the events."""
    ids = EventIds(name)
    events = [event for piece in pieces for event in ids.feed(piece)] + ids.finish()
    return b"".join(event.data for event in events), [event.number for event in events if event.counted]


def events_of(body: bytes) -> list[tuple[bytes, bytes]]:
    reader = SseReader()
    return [(event.event, event.data) for event in [*reader.feed(body), *reader.finish()]]


STREAMS = {
    "LF": b"data: a\n\nevent: e\ndata: b\n\n",
    "CRLF": b"data: a\r\n\r\nevent: e\r\ndata: b\r\n\r\n",
    "CR": b"data: a\r\revent: e\rdata: b\r\r",
    "mixed": b"data: a\r\n\nevent: e\rdata: b\n\r\n",
    "several lines": b"data: a\ndata: b\n\ndata\n\n",
    "blank lines before": b"\n\n\ndata: a\n\n\n\ndata: b\n\n",
    "the end is missing": b"data: a\n\ndata: b",
    "a word in data": b'data: {"id: x":"\\ndata: y"}\n\n',
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_caller_reads_the_same_events_however_they_are_cut(name: str) -> None:
    stream = STREAMS[name]
    whole, numbers = numbered(stream)
    assert events_of(whole) == events_of(stream)
    assert numbers == list(range(1, len(events_of(stream)) + 1))
    assert [whole.count(b"id: s:%d\n" % number) for number in numbers] == [1] * len(numbers)
    for pieces in two_way(stream):
        body, counted = numbered(*pieces)
        assert (events_of(body), counted) == (events_of(stream), numbers)
        assert [body.count(b"id: s:%d\n" % number) for number in numbers] == [1] * len(numbers)


def test_a_comment_has_no_number_and_no_blank_line() -> None:
    assert numbered(b": hi\n\ndata: a\n\n: one\n: two\n\n") == (b": hi\nid: s:1\ndata: a\n\n: one\n: two\n", [1])


def test_a_block_without_data_is_no_event() -> None:
    assert numbered(b"event: e\nretry: 5\n\ndata: a\n\n") == (b"id: s:1\ndata: a\n\n", [1])


@pytest.mark.parametrize("own", [b"id: theirs\n", b"id\n", b"id:7\r\n", b"id: \xff\n"])
def test_the_services_own_id_is_left_out(own: bytes) -> None:
    assert numbered(own + b"data: a\n\n") == (b"id: s:1\ndata: a\n\n", [1])
    assert numbered(b"data: a\n" + own + b"\n") == (b"id: s:1\ndata: a\n\n", [1])


def test_a_field_that_begins_like_an_id_stays() -> None:
    assert numbered(b"identity: x\ndata: a\n\n")[0] == b"id: s:1\nidentity: x\ndata: a\n\n"


def test_without_a_name_events_are_counted_and_stay_as_they_are() -> None:
    stream = b": hi\n\nid: 4\ndata: a\n\ndata: b\r\n\r\n"
    assert numbered(stream, name="") == (stream, [1, 2])


def test_a_heartbeat_may_stand_between_events() -> None:
    assert EventIds("s").quiet(b": ping\n\n") == b": ping\n"
    assert EventIds("s").quiet(b"event: ping\ndata: {}\n\n") == b"event: ping\ndata: {}\n\n"
    assert EventIds("").quiet(b"\n") == b"\n"
