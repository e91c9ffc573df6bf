"""Forms hold rows of events that differ in their holes alone, and nothing else."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.streams.event_form import NUMBER, Form, form
from dragoman.protocols.streams.lane import INSIDE, NOTHING_HERE, PLAIN

EVENT = b'{"at":"12:00","text":"Hello","n":7}\n'
HOLES, KINDS = ((7, 12), (22, 27), (33, 34)), (PLAIN, INSIDE, NUMBER)
KNOWN = form(EVENT, HOLES, KINDS)
ROW = re.compile(rb'(?:\{"at":"' + PLAIN + rb'","text":"' + INSIDE + rb'","n":\d++\}\n)++')
"""The same as one pattern, written by hand."""


def event(at: str = "12:01", text: str = "x", number: str = "8") -> bytes:
    return f'{{"at":"{at}","text":"{text}","n":{number}}}\n'.encode()


ODD = ["", "a", "12:00", "ü", r"\n", r"\"", '"', "\n", "\\", "\0", "99", "-1", '","text":"', '","n":7}\n{"at":"']
events = st.lists(
    st.one_of(
        st.builds(event, st.sampled_from(ODD), st.sampled_from(ODD), st.sampled_from(["7", "12345", "", "x"])),
        st.builds(event),
        st.sampled_from([b"", b" ", b"\n", EVENT[:-1], EVENT[1:], EVENT.replace(b"n", b"m")]),
    ),
    max_size=5,
).map(b"".join)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(events)
def test_a_form_holds_what_its_pattern_matches(data: bytes) -> None:
    found = ROW.match(data)
    # What only begins alike is not searched again in the same bytes, which would take a time that grows by its square.
    length = found.end() if found is not None else -1 if data.startswith(KNOWN.fixed[0]) else 0
    assert KNOWN.length(data, 0) == length
    assert KNOWN.length(b"xy" + data, 2) == length
    assert KNOWN.holds(data) is (0 < length == len(data))
    texts, taken = KNOWN.take(data, 0)
    assert taken == length
    assert b"".join(texts) == b"".join(
        each.partition(b'"text":"')[2].rpartition(b'","n":')[0] for each in split(data[: max(length, 0)])
    )


def split(row: bytes) -> list[bytes]:
    return [each + b"\n" for each in row.split(b"\n")[:-1]]


def test_a_form_of_the_same_lengths_is_another_form() -> None:
    known = form(EVENT, HOLES, KINDS)
    other = form(EVENT.replace(b"text", b"tuxt"), HOLES, KINDS)
    assert isinstance(other, Form)
    assert other.row is known.row
    assert not other.holds(EVENT)
    assert other.take(EVENT, 0) == NOTHING_HERE
    assert known.holds(EVENT)
