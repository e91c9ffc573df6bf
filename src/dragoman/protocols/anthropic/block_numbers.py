"""The numbers of an answer's blocks as callers get them, if its service gives one number to several.

A caller keeps each block at the place of its number: a call with the number of the thinking before it loses its input,
and looks whole. Such a block gets the next number, and the one before it ends. Ollama does so with a call after
thinking (0.17.4, 2026-11-28).
"""

import msgspec
from msgspec import Raw, Struct

from dragoman.protocols.streams.joined_events import events_in
from dragoman.wire import json, sse
from dragoman.wire.sse import SseEvent

START, DELTA, STOP = b"content_block_start", b"content_block_delta", b"content_block_stop"
OF_BLOCKS = b"content_block_"


class _Numbered(Struct, gc=False):
    index: int = 0


_numbered = msgspec.json.Decoder(_Numbered).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class BlockNumbers:
    """The numbers of the blocks of one answer. Each event that passes is given to it."""

    def __init__(self, last: int, open_block: int | None) -> None:
        """`last`: the highest number so far, -1 if there is none. `open_block`: that of the one that has not ended."""
        self._last = last
        self._open: dict[int, int] = {} if open_block is None else {open_block: open_block}
        """The service's number of each block that has not ended, to the caller's."""
        self._twice = False
        """Whether a number came twice."""

    @property
    def kept(self) -> bool:
        """Whether the service's numbers are still the caller's."""
        return not self._twice

    def passing(self, data: bytes) -> bytes:
        """The form in which the events of `data` pass: as they came, as long as no number came twice."""
        if not (OF_BLOCKS in data if self._twice else START in data or STOP in data):
            return data
        events = tuple(events_in(data))
        pieces = [self._numbered(event) for event in events]
        if all(piece is None for piece in pieces):
            return data
        return b"".join(
            sse.encode(event.data, event.event) if piece is None else piece
            for event, piece in zip(events, pieces, strict=True)
        )

    def _numbered(self, event: SseEvent) -> bytes | None:
        """`event` with the caller's number; None if it passes as it is, nothing if it is of no block."""
        kind, index = event.event, _index(event.data)
        if index is None:
            return None
        if kind == START:
            return self._started(event, index)
        if kind == STOP:
            number = self._open.pop(index, None)
            if number is None and self._twice:
                return b""
        else:
            number = self._open.get(index) if kind == DELTA else None
        return None if number is None or number == index else _with_number(event, number)

    def _started(self, event: SseEvent, index: int) -> bytes | None:
        if index > self._last:
            self._open[index] = self._last = index
            return None
        self._twice = True
        before = self._open.pop(index, None)
        ended = b"" if before is None else sse.encode(b'{"type":"content_block_stop","index":%d}' % before, STOP)
        self._open[index] = self._last = self._last + 1
        return ended + _with_number(event, self._last)


def _index(data: bytes) -> int | None:
    try:
        return _numbered(data).index
    except json.NOT_STRICT:
        return None


def _with_number(event: SseEvent, number: int) -> bytes:
    """`event` with this number; all else as the service wrote it."""
    try:
        fields: dict[str, object] = {**_fields(event.data)}
    except json.NOT_STRICT:
        fields = json.decode_event(event.data)
    return sse.encode(json.encode(fields | {"index": number}), event.event)
