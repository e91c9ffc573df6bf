"""Events of one data line, read at once: as an SseReader reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire import sse
from dragoman.wire.lines import CR
from dragoman.wire.sse import MAX_EVENT, SseEvent, SseReader, simple_event
from tests.wire.test_sse import BODIES

PIECES = [b"data: ", b"event: ", b"data:", b"id: 1", b"\n", b"\n\n", b"x", b" ", b": ", b"\0", b'{"a":1}']


@pytest.mark.parametrize("data", [b"x", b" x", b": x", b"data: x", b'{"a":"\\n"}', "żółw".encode()])
@pytest.mark.parametrize("name", [b"", b"added", b" added"])
def test_reads_an_event_of_one_data_line(data: bytes, name: bytes) -> None:
    event = sse.encode(data, name)
    assert simple_event(event) == (SseEvent(data, name), len(event))
    assert simple_event(b"data: 1\n\n" + event + b"data: 2\n\n", 9) == (SseEvent(data, name), 9 + len(event))


def idle() -> SseReader:
    """A reader at the beginning of an event that is not the first."""
    reader = SseReader()
    assert list(reader.feed(b"data: before\n\n")) == [SseEvent(b"before")]
    assert reader.is_idle()
    return reader


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join) | st.sampled_from(BODIES).filter(lambda b: CR not in b)
)
def test_says_what_a_reader_says_or_nothing(data: bytes) -> None:
    found = simple_event(data)
    if found is not None:
        event, end = found
        reader = idle()
        assert list(reader.feed(data[:end])) == [event]
        assert reader.is_idle()


def test_leaves_an_event_that_is_too_long_to_the_reader() -> None:
    assert simple_event(b"data: %b\n\n" % (b"x" * MAX_EVENT)) is None
