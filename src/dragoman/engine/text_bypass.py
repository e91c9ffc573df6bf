"""The way of texts that come alone in a translated stream: sent at once, and decoded later, several together.

Like the bypass of a relay (`bypass.py`, which says which reads fit), it touches little of what belongs to a stream:

                    ┌──────────── a read that fits: its texts ────────────┐
    service ─> Connection                                                 ├─> encoder ─> caller
                    └─> parser ─> decoder ─> wrappers of the answer ──────┘
                                         any other read

The caller's encoder writes the texts at once. Decoder and wrappers, which count, hash and remember, get the same bytes
later (`caught_up`): before anything else is read, or once a few events have passed. What they make of them reaches the
gateway's passage as ever, which drops it, because it was sent.

Nothing in such an event could change the answer but its text, by the same rule as for the relay. Of each dialect those
events pass of which the decoder knows the form, see `protocols/text_rows.py`.
"""

from collections.abc import Callable

from dragoman.engine.bypass import chunk
from dragoman.protocols.text_rows import RowReader
from dragoman.transport.base import SHORT

SendAhead = Callable[[list[str]], bool]
"""Sends pieces of the open text, none of them empty. False if that cannot be now: then nothing was sent."""


class TextBypass:
    """The bypass of one translated answer. `rows`: what knows the texts of its events."""

    __slots__ = ("_held", "_rows", "_send", "_size")

    def __init__(self, rows: RowReader, send: SendAhead) -> None:
        self._rows = rows
        self._send = send
        self._held = bytearray()
        """Events that have passed, and were not decoded: joined, which takes less memory than a list of them."""
        self._size = 0
        """Bytes of them. When they are as many as a short read has, the next one is parsed."""

    def take(self, data: bytes, now: float) -> bool:
        """See `transport.base.Bypass`."""
        if self._size >= SHORT:
            return False
        take = self._rows.take
        at, size = 0, len(data)
        events: list[bytes] = []
        texts: list[str] = []
        while at < size:
            begin, end = chunk(data, at)
            event = data[begin:end]
            words, length = take(event, 0)
            if not length or length != len(event):
                return False
            events.append(event)
            texts += words
            at = end + 2
        if not self._send(texts):
            return False
        for event in events:
            self._held += event
        self._size += size
        return True

    def caught_up(self) -> bytes:
        """The events that have passed since the last call; the decoder reads them now."""
        held = bytes(self._held)
        self._held, self._size = bytearray(), 0
        return held
