"""Pieces of one text that came together, as one event: nothing else changes, in decoders and in encoders."""

import random
from collections.abc import Callable, Sequence
from itertools import product

import pytest

from dragoman.protocols.decoder import Decoder
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.streams.delta_row import DeltaRow
from dragoman.types import (
    ChatRequest,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    Usage,
    user,
)
from tests.support.cuts import drive, scattered
from tests.support.env import fixed_env
from tests.support.golden import cases
from tests.support.readings import REQUEST

RELAYED = [name for name, dialect in DIALECTS.items() if dialect.relay]
WORDS = [" a", "ü", " two words", '"', "\\", "世界", "\n"]
ASKED = ChatRequest(model="m", messages=(user("x"),))


def decoder_of(name: str, *, in_rows: bool) -> Decoder:
    decoder: Decoder = DIALECTS[name].client(url="http://127.0.0.1").decoder(REQUEST)  # type: ignore[call-arg]
    decoder.in_rows = in_rows
    return decoder


def written(name: str, words: Sequence[str]) -> bytes:
    """An answer of these words, as a service writes it."""
    encoder = DIALECTS[name].server().encoder(ASKED, fixed_env())
    begin: list[StreamEvent] = [ResponseStart("id", "m", 1), PartStart(Text(text=""))]
    return encoder.send([*begin, *map(PartDelta, words), PartEnd(), ResponseEnd("stop", Usage(1, 2))])


def apart(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """The same, each piece by itself."""
    out: list[StreamEvent] = []
    for event in events:
        if isinstance(event, DeltaRow):
            assert event.text == "".join(event.pieces)
            assert len(event.pieces) > 1
            assert all(event.pieces)
            out += map(PartDelta, event.pieces)
        else:
            out.append(event)
    return out


@pytest.mark.parametrize("name", RELAYED)
def test_a_decoder_reads_the_same_in_rows(name: str) -> None:
    data = written(name, [random.Random(number).choice(WORDS) for number in range(60)])
    singly, rows = (decoder_of(name, in_rows=in_rows).feed(data) for in_rows in (False, True))
    assert any(isinstance(event, DeltaRow) for event in rows)
    assert not any(isinstance(event, DeltaRow) for event in singly)
    assert apart(rows) == singly


@pytest.mark.parametrize("name", RELAYED)
def test_golden_answers_are_the_same_in_rows(name: str) -> None:
    for case in cases(name).values():
        new: list[Callable[[], Decoder]] = [
            lambda: decoder_of(name, in_rows=False),
            lambda: decoder_of(name, in_rows=True),
        ]
        for pieces in ([case.reply], scattered(case.reply, 1, 4)):
            one, other = (drive(each(), pieces) for each in new)
            assert one == other


@pytest.mark.parametrize(("caller", "service"), [pair for pair in product(RELAYED, RELAYED) if pair[0] != pair[1]])
def test_a_caller_gets_the_pieces_that_the_service_sent(caller: str, service: str) -> None:
    data = written(service, [random.Random(number).choice(WORDS) for number in range(60)])
    one, other = (
        DIALECTS[caller].server().encoder(ASKED, fixed_env()).send(decoder_of(service, in_rows=in_rows).feed(data))
        for in_rows in (False, True)
    )
    assert one == other


@pytest.mark.parametrize("in_rows", [False, True])
@pytest.mark.parametrize("name", RELAYED)
def test_no_text_is_lost_at_any_cut_behind_an_event_without_words(name: str, in_rows: bool) -> None:
    data = written(name, ["one ", "two ", "NOTHING", "three ", "four ", "five ", "six"]).replace(b"NOTHING", b"")
    said = drive(decoder_of(name, in_rows=in_rows), [data])
    assert "one two three four five six" in str(said)
    for at in range(1, len(data)):
        assert drive(decoder_of(name, in_rows=in_rows), [data[:at], data[at:]]) == said, at
