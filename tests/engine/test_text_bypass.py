"""What may pass by the bypass of a translated stream, alone: reads, one by one."""

import pytest

from dragoman.engine.text_bypass import TextBypass
from dragoman.protocols.openai_chat.lane import lane
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.transport.base import SHORT
from tests.support.lone_events import EVENT, PASSES, STAYS, chunk

EMPTY = "no text"
"""Passes a relay. An encoder writes nothing for it, so that it is not worth a way of its own."""
ROW = "two events in a chunk"
"""Passes here alone: a relay would have to know where the second one begins."""


class Caller:
    """Notes what is sent, if it reads."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.reads = True

    def send(self, texts: list[str]) -> bool:
        if self.reads:
            self.got += texts
        return self.reads


def made(caller: Caller) -> TextBypass:
    """One for events like `EVENT`."""
    rows = RowReader()
    rows.known = lane(EVENT % b"x")
    return TextBypass(rows, caller.send)


def events_of(data: bytes) -> list[bytes]:
    """The bodies of chunks."""
    return data.split(b"\r\n")[1::2]


@pytest.mark.parametrize("name", sorted(PASSES.keys() - {EMPTY}))
async def test_the_texts_of_what_fits_are_sent_and_counted_later(name: str) -> None:
    caller = Caller()
    bypass = made(caller)
    assert bypass.take(PASSES[name], 7.0)
    assert caller.got == [
        {
            "an event": " word",
            "escapes": '"quoted" \n é \\ ',
            "other characters": "Grüße",
            "three digits": "x" * 300,
        }.get(name, " word"),
        *(("two", "three") if name == "a few events" else ()),
    ]
    words, event, size = bypass.caught_up()
    events = events_of(PASSES[name])
    assert ("".join(words), words[-1]) == ("".join(caller.got), caller.got[-1])
    assert (event, size) == (events[-1], sum(map(len, events)))
    assert bypass.size == 0


@pytest.mark.parametrize("name", [*sorted(STAYS.keys() - {ROW}), EMPTY])
async def test_what_does_not_fit_is_left_alone(name: str) -> None:
    caller = Caller()
    bypass = made(caller)
    assert not bypass.take(STAYS.get(name, PASSES.get(name, b"")), 7.0)
    assert (caller.got, bypass.size) == ([], 0)


async def test_a_row_in_one_chunk_fits() -> None:
    caller = Caller()
    bypass = made(caller)
    assert bypass.take(STAYS[ROW], 7.0)
    row = 2 * (EVENT % b"x")
    assert caller.got == ["x", "x"]
    assert bypass.caught_up() == (["x", "x"], row, len(row))


async def test_nothing_is_held_of_what_a_slow_caller_was_not_sent() -> None:
    caller = Caller()
    bypass = made(caller)
    caller.reads = False
    assert not bypass.take(chunk(), 7.0)
    assert bypass.size == 0


async def test_once_it_holds_as_much_as_a_short_read_it_waits_until_that_is_counted() -> None:
    bypass = made(Caller())
    taken = 0
    while bypass.take(chunk(), 7.0):
        taken += 1
    event = events_of(chunk())[0]
    assert SHORT <= taken * len(event) < SHORT + len(event)
    words, _, size = bypass.caught_up()
    assert ("".join(words), words[-1], size) == (taken * " word", " word", taken * len(event))
    assert bypass.take(chunk(), 7.0)
