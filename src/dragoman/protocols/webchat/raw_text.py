"""Answers that are UTF-8 text and nothing else, read and written, and their few signs of failure. Knows no site."""

from collections.abc import Iterable, Sequence
from enum import Enum

from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    InvalidRequestError,
    TruncatedStreamError,
)
from dragoman.protocols.base import Encoder
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.errors.html import looks_like_html
from dragoman.protocols.webchat.plain_text import PlainTextReader
from dragoman.types import (
    Headers,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
)
from dragoman.wire.utf8 import Utf8Reader

BROKEN_MARK = "Internal server error"
"""What both recorded servers send as a chunk of its own if their upstream fails, before a clean end."""

ERRORS: dict[bytes, type[DragomanError]] = {
    b"Invalid signature": AuthenticationError,
    b"No input text": InvalidRequestError,
}
"""Whole answers that are errors although their status is 200: chatgpt-demo before 2023-03-17."""


class _Chunk(Enum):
    """What the current HTTP chunk may still turn out to be."""

    TEXT = "text"
    MAYBE = "the mark, as far as it has come"
    MARK = "the mark, and whole"


TEXT, MAYBE, MARK = _Chunk.TEXT, _Chunk.MAYBE, _Chunk.MARK
"""As constants, because they are compared at each chunk, and a member's lookup would cost as much as the comparison."""


class RawTextDecoder(Decoder):
    """Text that ends with the body.

    If the last chunk, or the whole answer, is exactly `broken_mark`, the answer broke off; None or "" switches that
    off. Text that could still become this mark, a known error text or an HTML page is held back until it cannot.
    """

    def __init__(self, broken_mark: str | None = None) -> None:
        self._mark = (broken_mark or "").encode()
        self._utf8 = Utf8Reader()
        self._start: list[bytes] | None = []
        self._chunk = MAYBE
        self._held = b""
        self._begun = False

    def feed_pieces(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        left = list(pieces)
        events: list[StreamEvent] = []
        while left and not self._begun and self.error is None:
            events += super().feed_pieces((left.pop(0),))
        words = self._words(left) if self._begun and self.error is None else None
        if words is None:
            return events + super().feed_pieces(left)
        self._chunk = TEXT if left[-1] else MAYBE
        events += map(PartDelta, words)
        return events

    def _words(self, pieces: list[bytes]) -> list[str] | None:
        """The texts of `pieces`, if each is whole characters and none may be the mark: nearly all are so."""
        if not pieces or self._held or self._chunk is MARK or self._utf8.holds:
            return None
        texts = [piece for piece in pieces if piece]
        if any(map(self._mark.startswith, texts)):
            return None
        try:
            return [*map(bytes.decode, texts)]
        except UnicodeDecodeError:
            return None

    def salvage(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if self.error is None:
            if b"".join(self._start or ()) not in ERRORS:
                self._decide(events)
            if self._held != self._mark:
                self._release(events)
        return events

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if self._start is None:
            self._piece(data, out)
            return
        self._start.append(data)
        head = b"".join(self._start)
        page = looks_like_html(head)
        if page:
            raise a_page("text")
        if page is False and not any(text.startswith(head) for text in ERRORS):
            self._decide(out)

    def _end(self, out: list[StreamEvent]) -> None:
        body = b"".join(self._start or ())
        if kind := ERRORS.get(body):
            raise kind(body.decode())
        self._decide(out)
        if self._held and self._held == self._mark:
            raise TruncatedStreamError(f"the service ended the answer with {self._mark.decode()!r}")
        self._release(out)
        self._text(self._utf8.finish(), out)
        if self._begun:
            out.append(PartEnd())
        else:
            out.append(ResponseStart())
        out.append(ResponseEnd("stop"))

    def _decide(self, out: list[StreamEvent]) -> None:
        """The body is text: what was held of its beginning is read like all further pieces."""
        pieces, self._start = self._start or (), None
        for piece in pieces:
            self._piece(piece, out)

    def _piece(self, data: bytes, out: list[StreamEvent]) -> None:
        if not data:
            self._end_chunk(out)
            return
        if self._chunk is MARK:
            # More came after the mark, so it was text.
            self._release(out)
            self._chunk = MAYBE
        if self._chunk is MAYBE:
            held = self._held + data
            if self._mark.startswith(held):
                self._held = held
                return
            self._chunk, self._held, data = TEXT, b"", held
        self._text(self._utf8.feed(data), out)

    def _end_chunk(self, out: list[StreamEvent]) -> None:
        if self._held:
            if self._held == self._mark:
                self._chunk = MARK
                return
            self._release(out)
        self._chunk = MAYBE

    def _release(self, out: list[StreamEvent]) -> None:
        data, self._held = self._held, b""
        self._text(self._utf8.feed(data), out)

    def _text(self, text: str, out: list[StreamEvent]) -> None:
        if not text:
            return
        if not self._begun:
            self._begun = True
            out += [ResponseStart(), PartStart(Text(text=""))]
        out.append(PartDelta(text))


class RawTextEncoder(Encoder):
    """Text as it comes. With a `broken_mark`, a failure is sent as that mark, in a chunk of its own."""

    def __init__(self, headers: Headers = (), broken_mark: str = "") -> None:
        self.headers = headers
        self._mark = broken_mark.encode()
        self._words = PlainTextReader()

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        return self._words.read(events).encode()

    def fail(self, error: DragomanError) -> bytes:
        return self._mark
