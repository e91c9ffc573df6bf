"""An answer that is told in another dialect is the same answer, or what is missing has its name.

Services' answers of all kinds, some of them spoilt, are told by each front, streamed and whole, and read again.
"""

import random
import re
from collections.abc import Iterator
from itertools import accumulate

import pytest

from dragoman.types import ChatResponse, StreamEvent, fold
from tests.support.allowed_differences import differences
from tests.support.golden import cases
from tests.support.spoiling import spoilt_json
from tests.support.translating import FRONTS, REQUEST, Told, client_of, is_plain, read, said, streamed, whole
from tests.told.tellers import told

SEED = 20_261_128
TRIED, ALL = 300, 4000
"""Answers that are made of each dialect, in the default tier, and behind `--mutations`."""
SPOILT, ALL_SPOILT = 3, 60
"""How often each golden answer is spoilt."""
CUT = 12
"""Of those that are made, each so many-th is cut after each of its events."""
SHOWN = 8
EVENTS = re.compile(rb".+?(?:\r?\n\r?\n|\n(?=\{)|\Z)", re.DOTALL)


def batches(events: list[StreamEvent], rng: random.Random) -> list[list[StreamEvent]]:
    """The events, some together."""
    out: list[list[StreamEvent]] = []
    while events:
        size = rng.choice((1, 1, 2, 3, 7, 100))
        out.append(events[:size])
        events = events[size:]
    return out


def faults(front: str, answer: ChatResponse, stream: Told, document: Told) -> Iterator[str]:
    """What is wrong with what a caller is told of `answer`."""
    if (stream.error is None) != (document.error is None):
        yield f"streamed {stream.error or 'a good answer'}, whole {document.error or 'a good one'}"
    if stream.lost != document.lost and stream.error is None:
        yield f"streamed it loses {sorted(stream.lost)}, whole {sorted(document.lost)}"
    for form, what in (("streamed", stream), ("whole", document)):
        if what.error is None:
            heard = read(front, what.body)
            if heard is None:
                yield f"{form}: it cannot be read"
            else:
                yield from (f"{form}: {each}" for each in differences(front, what.lost, said(answer), said(heard)))


def answers(service: str, config: pytest.Config) -> Iterator[tuple[str, bytes, random.Random]]:
    """Answers of this dialect, each with the seed that makes it."""
    more = config.getoption("--mutations")
    for number in range(ALL if more else TRIED):
        seed = f"{SEED} {service} {number}"
        rng = random.Random(seed)
        yield seed, told(service, rng), rng
    for name, case in cases(service).items():
        yield name, case.reply, random.Random(name)
        for number in range(ALL_SPOILT if more else SPOILT):
            seed = f"{SEED} {name} {number}"
            rng = random.Random(seed)
            yield seed, spoilt_json(case.reply, rng), rng


@pytest.mark.parametrize("service", FRONTS)
def test_a_translated_answer_is_the_same_or_its_losses_are_named(service: str, pytestconfig: pytest.Config) -> None:
    found: list[str] = []
    good = 0
    for seed, body, rng in answers(service, pytestconfig):
        decoder = client_of(service).decoder(REQUEST)
        events = [*decoder.feed(body), *decoder.finish()]
        if decoder.error is not None or not events or not is_plain(answer := fold(events)):
            continue
        good += 1
        for front in FRONTS:
            told_so = streamed(front, batches(events, rng)), whole(front, answer)
            found += [f"{front}, seed {seed}: {fault}" for fault in faults(front, answer, *told_so)]
    assert good
    assert not found, "\n".join([f"{service}: {len(found)} of {good}", *found[:SHOWN]])


@pytest.mark.parametrize("service", FRONTS)
def test_a_translated_stream_that_is_cut_is_no_whole_answer(service: str, pytestconfig: pytest.Config) -> None:
    for number, (seed, body, _) in enumerate(answers(service, pytestconfig)):
        decoder = client_of(service).decoder(REQUEST)
        events = [*decoder.feed(body), *decoder.finish()]
        if number % CUT or decoder.error is not None or not events:
            continue
        for front in FRONTS:
            stream = streamed(front, [events])
            heard = None if stream.error else read(front, stream.body)
            if heard is None:
                continue
            for end in list(accumulate(map(len, EVENTS.findall(stream.body))))[:-1]:
                begun = read(front, stream.body[:end])
                same = begun is None or (begun.parts, begun.finish_reason) == (heard.parts, heard.finish_reason)
                assert same, f"{front}, seed {seed}, after {end} bytes"
