"""A response on its way to a caller to whom a task sends it. Knows no server.

What makes the response writes at once, through a `NestedWriter`; the task takes what has come, and sends it:

    LastingAnswer ──> NestedWriter ──> Outgoing ── taken by a task ──> another server
"""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from dragoman.gateway.http.direct_writer import DirectWriter, WriterService
from dragoman.gateway.http.nested import NestedWriter
from dragoman.types import Headers, Outcome

UNSENT = 64 << 10
"""Bytes that may wait to be taken before the writer has to wait: as many as a resumed stream sends at once."""


class Part(Struct, frozen=True):
    """What has come of a response since the last part."""

    status: int = 0
    """0: its head was in an earlier part."""
    headers: Headers = ()
    body: bytes = b""
    ends: bool = False
    """Nothing follows."""
    whole: bool = False
    """It has ended well."""


class Outgoing:
    """The NestedAnswer of its writer, and its OuterConnection.

    `released` is called when nothing more is done for the request: the other server has taken all, or the caller left.
    """

    def __init__(self, outcome: Outcome, released: Callable[[DirectWriter], None]) -> None:
        self._released = released
        self.congested: asyncio.Event | None = None
        """See OuterConnection."""
        self._head: tuple[int, bytes] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = self._whole = False
        self._news = asyncio.Event()
        self.writer = NestedWriter(self, outcome, self)
        """Writes the response."""

    async def part(self) -> Part:
        """The next part, once there is one. The writer may go on: what was returned counts as sent."""
        await self._news.wait()
        self._news.clear()
        pieces, self._pieces, self._size = self._pieces, [], 0
        head, self._head = self._head, None
        ends, whole = self._ended, self._whole  # now: `resume` may write the rest, which is for the next part
        congested, self.congested = self.congested, None
        if congested is not None:
            congested.set()
            self.writer.resume()
        body = b"".join(pieces)
        if head is None:
            return Part(0, (), body, ends, whole)
        status, lines = head
        headers = _headers(lines)
        if whole and status != 204 and not any(name == "content-length" for name, _ in headers):
            headers = (*headers, ("content-length", str(len(body))))
        return Part(status, headers, body, ends, whole)

    def close(self, *, sent: bool) -> None:
        """The other server has taken all of it (`sent`), or the caller has left before."""
        if not self.writer.unsent:
            self.writer.disconnect()
        elif sent:
            self.writer.sent()
        else:
            self.writer.lose()
        del self.writer  # both refer to each other, and what is over must be gone without a collection of garbage

    def discard(self) -> None:
        """The response goes another way."""
        del self.writer

    # What the writer asks and tells.

    @property
    def service(self) -> WriterService:
        """See OuterConnection."""
        return self

    def has_sent(self, writer: DirectWriter) -> bool:
        """See OuterConnection. `close` tells it."""
        writer.unsent = True
        return False

    def await_sending(self, writer: DirectWriter) -> None:
        """See OuterConnection."""

    def postpone(self, writer: DirectWriter) -> None:
        """See WriterService."""

    def release(self, writer: DirectWriter) -> None:
        """See WriterService."""
        self._released(writer)

    def head(self, status: int, lines: bytes) -> None:
        """See NestedAnswer."""
        self._head = status, lines
        self._news.set()

    def body(self, data: bytes) -> None:
        """See NestedAnswer."""
        self._pieces.append(data)
        self._size += len(data)
        self._news.set()
        if self._size >= UNSENT and self.congested is None:
            self.congested = asyncio.Event()
            self.writer.pause()

    def ended(self, *, whole: bool) -> None:
        """See NestedAnswer."""
        self._ended, self._whole = True, whole
        self._news.set()


def _headers(lines: bytes) -> Headers:
    """Header fields that were ready to send, each with its line end."""
    said = (line.partition(": ") for line in lines.decode("latin-1").split("\r\n") if line)
    return tuple((name, value) for name, _, value in said)
