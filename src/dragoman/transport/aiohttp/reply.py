"""A reply as aiohttp brings it. Knows no protocol except HTTP."""

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import EMPTY_PAYLOAD, ClientResponse, ServerDisconnectedError

from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.transport.aiohttp.errors import BREAKS, map_error
from dragoman.transport.base import Reply
from dragoman.transport.deadlines import Deadlines
from dragoman.transport.farewell import said_farewell, tls_of
from dragoman.transport.tls_object import TlsObject
from dragoman.types import ResponseHead


class AiohttpReply(Reply):
    """A reply as it arrives. `left` is called when it was closed."""

    def __init__(
        self, response: ClientResponse, deadlines: Deadlines, *, marks: bool, left: Callable[["AiohttpReply"], object]
    ) -> None:
        self.head = ResponseHead(response.status, tuple(response.raw_headers))
        self._response = response
        self._deadlines = deadlines
        self._marks = marks
        self._left = left
        self._fault: DragomanError | None = None
        self._over = False
        unsized = response.content is not EMPTY_PAYLOAD and _until_close(self.head)
        self._ending = Ending(response) if unsized else None
        self._watch = Watch(response)

    async def read(self) -> list[bytes]:
        """One piece; with an empty one after it, if chunks are marked and the piece ends one."""
        while not self._over:
            try:
                piece, ends_chunk = await self._piece()
            except DragomanError as exc:
                self._end(exc)
                break
            if not piece and not ends_chunk:
                self._end(self._fault or self._cut_short())
            elif batch := [*([piece] if piece else []), *([b""] if ends_chunk and self._marks else [])]:
                return batch
        if self._fault is not None:
            raise self._fault
        return []

    def close(self) -> None:
        """Ends it at once. May be called twice."""
        if not self._over:
            self._end(TruncatedStreamError("the reply was closed before its end"))

    async def _piece(self) -> tuple[bytes, bool]:
        content = self._response.content
        if content is EMPTY_PAYLOAD:
            # An object that all replies share: once it was read, it always says that a chunk has ended (aiohttp 3.14).
            return b"", False
        try:
            return await self._deadlines.within(content.readchunk, "idle", self._deadlines.timeouts.idle)
        except BREAKS as exc:
            if self._fault is not None:
                raise self._fault from None
            # readchunk raises before it returns what came earlier (aiohttp 3.14, 2026-11), which is still valid.
            self._fault = map_error(exc, self._deadlines.host)
            content._exception = None
            content.feed_eof()
            return await content.readchunk()

    def _cut_short(self) -> DragomanError | None:
        """What is wrong with an end that aiohttp accepts as a good one; None if nothing is."""
        if self._ending is None or self._ending.good:
            return None
        return TruncatedStreamError(
            f"{self._deadlines.host}: the connection was lost, and nothing says that it was all"
        )

    def _end(self, fault: DragomanError | None) -> None:
        self._over = True
        self._fault = fault
        self._left(self)
        self._watch.end()
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # an orderly end of TLS would wait for the peer
        self._response.close()


class Ending:
    """How a reply's connection ends. aiohttp accepts any end as the end of a body without length (3.14, 2026-11)."""

    def __init__(self, response: ClientResponse) -> None:
        self._protocol = response._protocol  # kept, because `connection` is None after the last byte
        self._secure = response.url.scheme == "https"
        self._tls = tls_of(self._protocol.transport) if self._protocol is not None else None

    @property
    def good(self) -> bool:
        """Whether the peer ended it on purpose: without a reset, and in TLS with a closing alert."""
        if self._protocol is None or not isinstance(self._protocol.exception(), ServerDisconnectedError):
            return False
        return not self._secure or (self._tls is not None and said_farewell(self._tls))


def _until_close(head: ResponseHead) -> bool:
    """Whether a body ends with its connection (RFC 9112, section 6.3)."""
    chunked = (head.header("transfer-encoding") or "").lower().endswith("chunked")
    return not chunked and head.header("content-length") is None


class Watch:
    """Watches the connection of a reply: aiohttp's own timer is stopped, and no failure goes untold."""

    def __init__(self, response: ClientResponse) -> None:
        connection = response.connection
        self._protocol = None if connection is None else connection.protocol  # None if all of the reply has come
        self._content = response.content
        self._tls: TlsObject | None = None
        if self._protocol is None:
            return
        # Its timer has only one limit for the first byte and for silences.
        self._protocol.read_timeout = None
        self._protocol.start_timeout()
        # aiohttp tells a fault in the framing to its protocol, and not to the reader of the body (3.14, 2026-11).
        self._tell = self._protocol.set_exception
        self._protocol.set_exception = self._failed  # type: ignore[method-assign,assignment]  # no other seam
        if (failure := self._protocol.exception()) is not None:
            self._pass_on(failure)
        transport = self._protocol.transport
        tls = tls_of(transport)
        if transport is not None and isinstance(tls, TlsObject):
            self._tls = tls
            tls.on_failure = partial(asyncio.get_running_loop().call_soon, transport.abort)

    def end(self) -> None:
        """The reply is over; its connection may serve again."""
        if self._protocol is not None:
            self._protocol.__dict__.pop("set_exception", None)
            self._protocol = None
        if self._tls is not None:
            self._tls.on_failure = None

    def _failed(self, failure: BaseException, *cause: BaseException) -> None:
        self._tell(failure, *cause)
        self._pass_on(failure)

    def _pass_on(self, failure: BaseException) -> None:
        if self._content.exception() is None and not self._content.is_eof():
            self._content.set_exception(failure)
