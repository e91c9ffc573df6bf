"""Ways to cut a body, and the one oracle: however it is cut, the same answer comes out."""

import random
from collections.abc import Callable, Iterator, Sequence

from dragoman.errors import DragomanError
from dragoman.protocols.decoder import Decoder
from dragoman.types import PartDelta, StreamEvent

Outcome = tuple[list[StreamEvent], tuple[type[DragomanError], str] | None]


def drive(decoder: Decoder, pieces: Sequence[bytes], *, whole: bool = True) -> Outcome:
    """What comes of `pieces` and, where `whole`, a clean end: events with neighbouring deltas joined, and the error."""
    events: list[StreamEvent] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.finish() if whole else decoder.salvage()
    error = decoder.error
    return joined(events), None if error is None else (type(error), str(error))


def joined(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """Neighbouring deltas as one: how text is cut into deltas is no part of an answer."""
    out: list[StreamEvent] = []
    for event in events:
        if isinstance(event, PartDelta):
            if not event.text and not event.logprobs:
                continue
            if out and isinstance(last := out[-1], PartDelta):
                logprobs = (*(last.logprobs or ()), *(event.logprobs or ())) or None
                out[-1] = PartDelta(last.text + event.text, logprobs)
                continue
        out.append(event)
    return out


LARGE = 800
"""Bytes of a body at which a sample of its cuts begins to be enough for every day: all take time by its square."""


def two_way(body: bytes, *, sampled: bool = False) -> Iterator[list[bytes]]:
    """Every cut into two non-empty pieces; `sampled`: of a large body, some of them."""
    places: Sequence[int] = range(1, len(body))
    if sampled and len(body) > LARGE:
        places = sorted(random.Random(len(body)).sample(places, LARGE // 3))
    for place in places:
        yield [body[:place], body[place:]]


def bytewise(body: bytes) -> list[bytes]:
    """One byte at a time."""
    return [body[i : i + 1] for i in range(len(body))]


def scattered(body: bytes, seed: int, pieces: int = 8) -> list[bytes]:
    """A cut into some pieces, by `seed`."""
    rng = random.Random(seed)
    marks = sorted(rng.sample(range(1, len(body)), min(pieces - 1, len(body) - 1))) if len(body) > 1 else []
    return [body[a:b] for a, b in zip([0, *marks], [*marks, len(body)], strict=True)]


def assert_same_at_every_cut(new: Callable[[], Decoder], body: bytes, *, sampled: bool = False) -> Outcome:
    """Feeds `body` whole, at each two-way cut, byte by byte and at twenty seeded ones; all must agree.

    `sampled`: of a large body, at some two-way cuts.
    """
    expected = drive(new(), [body])
    for pieces in two_way(body, sampled=sampled):
        assert drive(new(), pieces) == expected, f"cut at byte {len(pieces[0])}"
    assert drive(new(), bytewise(body)) == expected, "byte by byte"
    for seed in range(20):
        assert drive(new(), scattered(body, seed)) == expected, f"seed {seed}"
    return expected
