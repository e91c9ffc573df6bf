r"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Nearly all events are pieces of a text. They are known by their form alone, and are not decoded:

    event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello",…}\n\n

`rows` says how. The first piece of each item is decoded, and every event of another kind is, by the decoder of a
translated answer: so both come to the same result. What the decoder does not see of a text it learns when the item is
done, because the service then repeats all of it.
"""

import re
from typing import Any

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.encode_errors import failure
from dragoman.protocols.openai_responses.rows import Rows, rows_like
from dragoman.protocols.sse_tap import SseTap, framed
from dragoman.types import PartStart, ResponseEnd, ResponseStart, StreamEvent
from dragoman.wire import json
from dragoman.wire.sse import SseReader

NUMBER = re.compile(rb'"sequence_number": ?(\d{1,15})')
"""The number of an event; in a text the quotation marks would be escaped."""
ADDED = b"event: response.output_item.added\n"
CREATED = b"event: response.created\n"
MAX_START = 1 << 20
"""Bytes of the first event that are kept, for a failure that comes later: it repeats the tools of the request."""


class ResponsesTap(SseTap):
    """See above."""

    __slots__ = ("_content", "_decoder", "_last", "_named", "_rows", "_start")

    def __init__(self) -> None:
        super().__init__()
        self._named = ""
        """The id of the answer."""
        self._decoder = ReplyDecoder()
        self._rows: Rows | None = None
        """The form of pieces of the text that is under way."""
        self._content = False
        """Whether a part has begun."""
        self._start = b""
        """The event that began the answer."""
        self._last = b""
        """What passed last: its last event has the highest number."""

    @property
    def ending(self) -> bool:
        return self._decoder.ending

    @property
    def answer_id(self) -> str:
        return self._named

    def feed(self, data: bytes) -> bytes:
        return self._passed(super().feed(data))

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        return self._passed(super().feed_pieces(pieces))

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail = b"".join(self._tail)
        self._heed(self._decoder.feed(tail))
        if self._decoder.error is None:
            self._heed(self._decoder.finish())
        if self._stuck():
            return b""
        self._tail.clear()
        return self._let_through([tail, b"\n\n"])

    def salvage(self) -> bytes:
        return b""

    def failure(self, error: DragomanError) -> bytes:
        return failure(error, _response(self._start), self._number() + 1)

    # Rows of text.

    def _is_usual(self, data: bytes) -> bool:
        return self._rows is not None and self._rows.row.fullmatch(data) is not None

    def _usual(self, data: bytes, at: int) -> int:
        found = None if self._rows is None else self._rows.row.match(data, at)
        return 0 if found is None else found.end() - at

    def _row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        if self._rows is None:
            return b"", 0
        end = at
        while end < len(pieces) and self._rows.row.fullmatch(pieces[end]) is not None:
            end += 1
        return b"".join(pieces[at:end]), end - at

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        decoder = self._decoder
        self._unformed = False
        self._rows = None
        events = decoder.feed(event)
        self._heed(events)
        if self._stuck():
            return b""
        if event.startswith(ADDED):
            self.committed = True
        elif event.startswith(CREATED) and len(event) <= MAX_START:
            self._start = event
        elif self.committed:
            self._rows = rows_like(event)
        return event if self._is_framed(event) else framed(event)

    def _is_framed(self, event: bytes) -> bool:
        return event.count(b"\n") <= 3 or event.count(b"data:") <= 1

    def _form(self, start: bytes) -> None:
        self._heed(self._decoder.feed(start))

    def _is_empty(self, data: bytes) -> bool:
        return not self._content

    def _heed(self, events: list[StreamEvent]) -> None:
        decoder = self._decoder
        self._unformed = False
        self.error, self.needs_decoding = decoder.error, decoder.whole
        for event in events:
            if isinstance(event, PartStart):
                self.committed = self._content = True
            elif isinstance(event, ResponseEnd):
                self.finish_reason, self.usage = event.finish_reason, event.usage
                self.done = self.committed = True
            elif isinstance(event, ResponseStart):
                self._named = event.id or ""

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _passed(self, data: bytes) -> bytes:
        if data:
            self._last = data
        return data

    def _number(self) -> int:
        """The number of the last event that passed; -1 if none did."""
        at = self._last.rfind(b'"sequence_number":')
        found = NUMBER.match(self._last, at) if at >= 0 else None
        return -1 if found is None else int(found[1])


def _response(start: bytes) -> dict[str, Any]:
    """The answer as it was when it began."""
    for event in SseReader().feed(start):
        try:
            value = json.decode_event(event.data)
        except BadEventError:
            break
        if isinstance(value, dict) and isinstance(found := value.get("response"), dict):
            return found
    return {"object": "response", "output": []}
