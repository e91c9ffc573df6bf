"""The part of an encoder that is the same in every dialect: texts that follow each other are written together.

Nearly all events of a stream are pieces of one text, and a fast service sends many of them at once. What stands around
each piece is the same in all of them, so that they are encoded in one step (`framed`).
"""

from abc import abstractmethod
from collections.abc import Sequence

import msgspec

from dragoman.protocols.base import Encoder
from dragoman.protocols.streams.delta_row import DeltaRow
from dragoman.types import PartDelta, StreamEvent

_encoder = msgspec.json.Encoder()


class EventEncoder(Encoder):
    """Writes batches of events. A dialect says what a row of texts and any other event look like."""

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        out: list[bytes] = []
        texts: list[str] = []
        for event in events:
            if isinstance(event, PartDelta) and event.logprobs is None:
                if type(event) is DeltaRow:
                    texts += event.pieces
                elif text := event.text:
                    texts.append(text)
                continue
            if texts:
                self._write_texts(texts, out)
                texts = []
            self._write_event(event, out)
        if texts:
            self._write_texts(texts, out)
        return out[0] if len(out) == 1 else b"".join(out)

    @abstractmethod
    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        """More of the open part, in pieces that are not empty."""

    @abstractmethod
    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        """Any other event; a PartDelta only if it has log probabilities."""


def framed(texts: list[str], before: bytes, after: bytes) -> bytes:
    """Each of `texts` as a JSON string between `before` and `after`."""
    if len(texts) == 1:
        return before + _encoder.encode(texts[0]) + after
    # A line end cannot stand in a JSON string, so each of these ends a text.
    lines = _encoder.encode_lines(texts)[:-1]
    return before + lines.replace(b"\n", after + before) + after


def numbered(texts: list[str], form: bytes, first: int) -> bytes:
    """Each of `texts` and its number, from `first` on, in the places that `form` has for them (`%b`, then `%d`)."""
    lines = _encoder.encode_lines(texts).split(b"\n")
    values: list[bytes | int] = [b""] * (2 * len(texts))
    values[::2] = lines[:-1]
    values[1::2] = range(first, first + len(texts))
    return form * len(texts) % tuple(values)
