"""Golden answers with something wrong in them: what a person would read in the bytes comes out, or an error.

Never a shorter good answer, never a failure that looks like one. `make mutations` tries all, `make test` a sample.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.relay import ReplySummary
from dragoman.types import ChatRequest, PartStart, StreamEvent, Unknown, fold
from tests.fuzz.mutations import Mutant, mutants
from tests.fuzz.readable import Readable, readable
from tests.support.cuts import drive, scattered
from tests.support.env import fixed_env
from tests.support.golden import cases

SEED = 20_261_126
SAMPLE = 100
"""Mutants of each golden answer, of some thousands: all together take a few seconds."""
SHOWN = 12
TAGS = frozenset({"type", "kind", "finish_reason", "native_finish_reason", "model", "id", "name", "protocol"})
"""Names of what is no text of an answer."""

GOLDEN = {name: case.reply for name, case in cases("openai-chat").items() if name != "two-choices"}
"""But for the one of whose choices one is nobody's: what must come out of it is not to be read in its bytes."""


QUESTION = ChatRequest(model="m", messages=())


class Outcome(Struct, frozen=True):
    """What came out: `said` is all text in it, `error` what it failed with."""

    said: str
    error: str | None = None

    def count(self, word: str) -> int:
        """How often it was said, as it is or as JSON writes it: arguments that are an object become a text."""
        return self.said.count(word) or self.said.count(json.dumps(word, ensure_ascii=False)[1:-1])


def decoded(pieces: Sequence[bytes]) -> Outcome:
    """What the library makes of a body."""
    events, error = drive(ReplyDecoder(), pieces)
    return Outcome("".join(texts(msgspec.to_builtins(events))), None if error is None else error[0].__name__)


def translated(pieces: Sequence[bytes]) -> Outcome:
    """What a caller gets of a gateway that translates, as a stream."""
    encoder = OpenAIChatServer().encoder(QUESTION, fixed_env())
    decoder = ReplyDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
    try:
        sent = encoder.send(events)
    except DragomanError as exc:
        return Outcome("", type(exc).__name__)
    error = None if decoder.error is None else type(decoder.error).__name__
    return Outcome("".join([*readable(sent).words, *left_out(events)]), error)


def left_out(events: Sequence[StreamEvent]) -> Iterator[str]:
    """The texts of parts of no known kind: a translation names them among its losses."""
    for event in events:
        if isinstance(event, PartStart) and isinstance(event.part, Unknown):
            yield from texts(event.part.data)


def translated_whole(pieces: Sequence[bytes]) -> Outcome:
    """What a caller gets of a gateway that translates, as one document."""
    events, error = drive(ReplyDecoder(), pieces)
    if error is not None:
        return Outcome("", error[0].__name__)
    try:
        sent = OpenAIChatServer().encode_response(fold(events), QUESTION, fixed_env())
    except DragomanError as exc:
        return Outcome("", type(exc).__name__)
    return Outcome("".join([*readable(sent.body).words, *left_out(events)]))


def relayed(pieces: Sequence[bytes]) -> Outcome | None:
    """What a caller gets of a gateway that relays, stream or document; None if it is decoded after all."""
    data = b"".join(pieces)
    told: ReplySummary
    if data.startswith(b"{"):
        told = read_whole(data)
    else:
        told = tap = ChatTap()
        for piece in pieces:
            tap.feed(piece)
        if tap.error is None and not tap.needs_decoding:
            tap.finish()
    if told.needs_decoding:
        return None
    return Outcome("".join(readable(data).words), None if told.error is None else type(told.error).__name__)


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    match value:
        case str():
            yield value
        case list():
            for below in value:
                yield from texts(below)
        case dict():
            for name, below in value.items():
                if name not in TAGS:
                    yield from texts(below)


class Golden(Struct, frozen=True):
    """A golden answer as it was, by which its mutants are judged."""

    name: str
    data: bytes
    read: Readable
    outcome: Outcome

    @property
    def aside(self) -> frozenset[str]:
        """Words that no reader of the answer as it was is shown: those of a second choice."""
        return frozenset(word for word in self.read.words if word not in self.outcome.said)

    def needed(self, word: str, words: Sequence[str]) -> int:
        """How often a word must come out. A call under the same id, and a message, are one however often they come."""
        return 1 if word.startswith("{") or self.data.startswith(b"{") else words.count(word)

    def faults(self, mutant: Mutant, body: bytes, outcome: Outcome) -> Iterator[str]:
        """What must not be."""
        if mutant.same and (outcome.error is None) != (self.outcome.error is None):
            yield f"{outcome.error or 'a good answer'} instead of {self.outcome.error or 'a good one'}"
        if outcome.error is not None:
            return
        read = readable(body)
        if mutant.cut and not read.ended:
            read = self.read  # what came before its end is no whole answer
        words = [word for word in read.words if word not in self.aside]
        lost = [word for word in dict.fromkeys(words) if outcome.count(word) < self.needed(word, words)]
        if lost:
            yield f"a good answer without {lost}"
        if mutant.fails or any(words in self.read.failures for words in read.failures):
            yield "a failure that looks like a good answer"


GOLDENS = [Golden(name, data, readable(data), decoded([data])) for name, data in GOLDEN.items()]


@pytest.fixture(params=GOLDENS, ids=lambda golden: golden.name)
def golden(request: pytest.FixtureRequest) -> Golden:
    """Each golden answer."""
    found: Golden = request.param
    return found


@pytest.fixture
def tried(golden: Golden, request: pytest.FixtureRequest) -> list[Mutant]:
    """The mutants that are tried of it."""
    everything = list(mutants(golden.data, SEED))
    if request.config.getoption("--mutations") or len(everything) <= SAMPLE:
        return everything
    return random.Random(SEED).sample(everything, SAMPLE)


def judge(golden: Golden, tried: list[Mutant], path: Callable[[Sequence[bytes]], Outcome | None]) -> None:
    """Fails with the first of what is wrong, and how much there is."""
    found: list[str] = []
    for mutant in tried:
        body = mutant.write()
        outcome = path([body])
        if outcome is not None:
            found += [f"{mutant.name}: {fault}" for fault in golden.faults(mutant, body, outcome)]
    assert not found, "\n".join([f"{golden.name}: {len(found)} of {len(tried)}", *found[:SHOWN]])


def test_the_library_loses_nothing(golden: Golden, tried: list[Mutant]) -> None:
    judge(golden, tried, decoded)


def test_a_translation_loses_nothing(golden: Golden, tried: list[Mutant]) -> None:
    judge(golden, tried, translated)


def test_a_translation_to_one_document_loses_nothing(golden: Golden, tried: list[Mutant]) -> None:
    judge(golden, tried, translated_whole)


def test_a_relay_takes_no_failure_for_an_answer(golden: Golden, tried: list[Mutant]) -> None:
    judge(golden, tried, relayed)


def test_a_relay_refuses_nothing_that_the_library_reads(golden: Golden, tried: list[Mutant]) -> None:
    found = []
    for mutant in tried:
        body = mutant.write()
        one, other = relayed([body]), decoded([body])
        if one is not None and one.error is not None and other.error is None:
            found.append(f"{mutant.name}: relayed {one.error}, decoded well")
    assert not found, "\n".join([f"{golden.name}: {len(found)} of {len(tried)}", *found[:SHOWN]])


def test_a_cut_changes_nothing(golden: Golden, tried: list[Mutant]) -> None:
    for number, mutant in enumerate(tried):
        body = mutant.write()
        assert decoded(scattered(body, number)) == decoded([body]), f"{golden.name}, {mutant.name}"
