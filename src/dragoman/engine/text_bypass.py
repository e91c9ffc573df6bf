"""The way of texts that come alone in a translated stream: sent at once, and counted later, several together.

Like the bypass of a relay (`bypass.py`, which says which reads fit), it touches little of what belongs to a stream:

                    ┌──────────── a read that fits: its texts ────────────┐
    service ─> Connection                                                 ├─> encoder ─> caller
                    └─> parser ─> decoder ─> wrappers of the answer ──────┘
                                         any other read

The caller's encoder writes the texts at once. Decoder and wrappers, which count, hash and remember, get the same texts
later (`caught_up`): before anything else is read, or once a few events have passed. What they make of them reaches the
gateway's passage as ever, which drops it, because it was sent.

Nothing in such an event could change the answer but its text, by the same rule as for the relay. Of each dialect those
events pass of which the decoder knows the form, see `protocols/streams/text_rows.py`.
"""

from collections.abc import Callable

from dragoman.engine.bypass import chunk
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.transport.base import SHORT

SendAhead = Callable[[list[str]], bool]
"""Sends pieces of the open text, none of them empty. False if that cannot be now: then nothing was sent."""


class TextBypass:
    """The bypass of one translated answer. `rows`: what knows the texts of its events."""

    __slots__ = ("_before", "_event", "_last", "_rows", "_send", "size")

    def __init__(self, rows: RowReader, send: SendAhead) -> None:
        self._rows = rows
        self._send = send
        self._before = ""
        """The texts that passed, except the last one: joined, which takes less memory than a list of them."""
        self._last = ""
        self._event = b""
        """The last event: what it says beside the text replaces what earlier ones said."""
        self.size = 0
        """Bytes of the events that passed, and of which the decoder does not know."""

    def take(self, data: bytes, now: float) -> bool:
        """See `transport.base.Bypass`."""
        if self.size >= SHORT:
            return False
        take = self._rows.take
        at, size, said = 0, len(data), 0
        event = b""
        texts: list[str] = []
        while at < size:
            begin, end = chunk(data, at)
            event = data[begin:end]
            words, length = take(event, 0)
            if not length or length != len(event):
                return False
            said += length
            texts += words
            at = end + 2
        if not self._send(texts):
            return False
        self._before += self._last + "".join(texts[:-1])
        self._last = texts[-1]
        self._event = event
        self.size += said
        return True

    def caught_up(self) -> tuple[list[str], bytes, int]:
        """What has passed since the last call: the texts, the last of the events, and the bytes of all of them."""
        passed = [self._before, self._last] if self._before else [self._last], self._event, self.size
        self._before, self._last, self._event, self.size = "", "", b"", 0
        return passed
