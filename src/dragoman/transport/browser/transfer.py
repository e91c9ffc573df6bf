"""One transfer in libcurl, from the request to the last byte. Knows no protocol except HTTP."""

import asyncio
from typing import Protocol

from curl_cffi import AsyncCurl, CurlECode, CurlError, CurlInfo
from curl_cffi.const import CurlOpt
from curl_cffi.curl import CURL_WRITEFUNC_ERROR, CURL_WRITEFUNC_PAUSE, CURLPAUSE_CONT, CURLPAUSE_RECV

from dragoman.errors import BadEventError, DragomanError, Phase, TruncatedStreamError
from dragoman.transport.base import Reply, Route
from dragoman.transport.browser.chunks import Chunks
from dragoman.transport.browser.errors import STALE, map_error
from dragoman.transport.browser.handles import Handle
from dragoman.transport.browser.head import Head
from dragoman.transport.deadlines import Deadlines
from dragoman.transport.exhausted import is_exhausted, overloaded
from dragoman.transport.heads import BODILESS, MAX_HEAD, TOO_LARGE
from dragoman.transport.http.target import Origin
from dragoman.types import HttpRequest

WINDOW = 8 << 10
"""Bytes kept for a slow reader before libcurl stops reading. The last piece, up to 16 KiB, may go beyond."""


class OnTransferEnd(Protocol):
    """Called once when a transfer is over, and no longer needs its handle. `well`: the handle can be used again."""

    def __call__(self, transfer: "Transfer", handle: Handle, *, well: bool) -> None: ...


class Transfer(Reply):
    """A reply as libcurl brings it; its body is still packed, if its head says so."""

    def __init__(
        self,
        multi: AsyncCurl,
        handle: Handle,
        request: HttpRequest,
        route: Route,
        on_end: OnTransferEnd,
        *,
        passed: float,
    ) -> None:
        """`passed`: seconds of the total that are spent already."""
        self._deadlines = Deadlines(route.timeouts, request.url, passed=passed)
        self._route = route
        self._marked = request.mark_chunks
        self._bodiless = request.method == "HEAD"
        self._chunks: Chunks | None = None
        self._tls = request.url.startswith("https:")
        self._report_end = on_end
        self._pieces: list[bytes] = []
        self._size = 0
        self._overhead = 0
        self._paused = False
        self._arriving = Head(self._deadlines.host)
        self._arrived = False
        self._over = False
        self.stale = False
        """Whether it failed because a kept connection had been closed by the peer: not a byte of a reply has come."""
        self.socket = -1
        """That of its connection of HTTP/1, once the head has arrived: libcurl does not say it after the end."""
        self._fault: DragomanError | None = None
        self._broken: BadEventError | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._multi = multi
        self._curl = handle
        self._curl.setopt(CurlOpt.HEADERFUNCTION, self._on_header)
        self._curl.setopt(CurlOpt.WRITEFUNCTION, self._on_body)
        self._multi.add_handle(self._curl).add_done_callback(self._on_end)

    @property
    def origin(self) -> Origin:
        """Where the request goes."""
        return self._curl.target.origin

    def passed(self) -> float:
        """Seconds since it was begun."""
        return self._deadlines.passed()

    async def arrive(self) -> None:
        """Returns once the head has arrived. Raises what went wrong before that."""
        timeouts = self._deadlines.timeouts
        begun = False
        while not self._arrived and not self._over:
            now = self._deadlines.passed()
            self._deadlines.left()
            # Before libcurl has begun, its times are those of the handle's last transfer.
            sent = self._number(CurlInfo.PRETRANSFER_TIME_T) / 1_000_000 if begun else 0.0
            ends: list[tuple[float, float | None, Phase]] = []
            if sent and timeouts.first_byte is not None:
                ends.append((sent + timeouts.first_byte, timeouts.first_byte, "first_byte"))
            if not sent and timeouts.connect is not None and not (begun and self._connected()):
                ends.append((timeouts.connect, timeouts.connect, "connect"))
            for end, limit, phase in ends:
                if end <= now:
                    raise self._deadlines.over(phase, limit)
            # libcurl does not report when it is connected, so we ask again before the next limit could have passed.
            looks = [end for end, _, _ in ends]
            looks += [now + timeouts.first_byte] if timeouts.first_byte is not None and not sent else []
            looks += [timeouts.total] if timeouts.total is not None else []
            await self._change(min(looks) - now if looks else None)
            begun = True
        if not self._arrived:
            raise self._fault or TruncatedStreamError(f"{self._deadlines.host} broke off within the head")

    async def read(self) -> list[bytes]:
        """What has arrived; if chunks are marked, with an empty piece after each."""
        try:
            await self._more()
        except DragomanError as exc:
            self._stop(exc)
        batch, self._pieces, self._size = self._pieces, [], 0
        if self._paused and not self._over:
            self._resume()
        if not batch and self._fault is not None:
            raise self._fault
        return batch

    async def _more(self) -> None:
        """Waits until there is something to read. Raises TimeoutError."""
        left = self._deadlines.left()
        if self._pieces or self._over:
            return
        timeouts = self._deadlines.timeouts
        if left is not None and (timeouts.idle is None or left < timeouts.idle):
            if not await self._change(left):
                raise self._deadlines.over("total", timeouts.total)
        elif not await self._change(timeouts.idle):
            raise self._deadlines.over("idle", timeouts.idle)

    def _resume(self) -> None:
        self._paused = False
        try:
            self._curl.pause(CURLPAUSE_CONT)
        except CurlError as exc:
            # So it says of a transfer that has ended, and has no connection any more: `_on_end` is about to be told.
            if exc.code != CurlECode.BAD_FUNCTION_ARGUMENT:
                self._stop(self._meaning(exc))

    def close(self) -> None:
        """Ends it at once. May be called twice."""
        if not self._over:
            self._stop(TruncatedStreamError("the reply was closed before its end"))

    def _stop(self, fault: DragomanError) -> None:
        """Ends the transfer: if it is not complete, libcurl closes the connection as soon as the handle is removed."""
        if self._over:
            return
        try:
            self._multi.remove_handle(self._curl)
        finally:
            self._finish(fault)

    def _finish(self, fault: DragomanError | None, *, well: bool = False) -> None:
        self._over = True
        self._fault = fault
        if self._chunks is not None:
            self._chunks.close()
        self._report_end(self, self._curl, well=well)
        self._wake()

    async def _change(self, seconds: float | None) -> bool:
        """Waits at most `seconds` until something has come; False if nothing has."""
        loop = self._multi.loop
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = None if seconds is None else loop.call_later(seconds, self._late)
        try:
            return await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    def _late(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(False)

    def _connected(self) -> bool:
        return self._number(CurlInfo.NUM_CONNECTS) > 0

    def _number(self, info: CurlInfo) -> int:
        value = self._curl.getinfo(info)
        return value if isinstance(value, int) else 0

    def _on_header(self, line: bytes) -> int:
        if self._arrived:
            return len(line)  # a trailer
        try:
            head = self._arriving.feed(line)
        except BadEventError as exc:
            self._broken = exc
            return CURL_WRITEFUNC_ERROR
        if head is not None:
            self.head = head
            self._arrived = True
            self.socket = self._curl.socket
            bodiless = self._bodiless or head.status in BODILESS
            if (head.header("transfer-encoding") or "").lower() == "chunked" and not bodiless:
                self._chunks = Chunks(marked=self._marked)
            # A chunked body comes as it is, in few pieces instead of one for each chunk; libcurl still finds its end.
            self._curl.setopt(CurlOpt.HTTP_TRANSFER_DECODING, self._chunks is None)
            self._wake()
        return len(line)

    def _on_body(self, data: bytes) -> int:
        if self._size >= WINDOW:
            self._paused = True
            return CURL_WRITEFUNC_PAUSE
        awaited = self._waiter is not None and not self._waiter.done()
        if self._chunks is not None:
            taken = self._on_chunks(self._chunks, data)
        else:
            taken = len(data)
            self._pieces += [data, b""] if self._marked else [data]
            self._size += taken
            self._wake()
        if self._size >= WINDOW and not awaited:
            # Nobody waits for data. If we paused only at libcurl's next call, it would have to hold what that brings.
            self._paused = True
            self._curl.pause(CURLPAUSE_RECV)
        return taken

    def _on_chunks(self, chunks: Chunks, data: bytes) -> int:
        pieces = chunks.feed(data)
        self._pieces += pieces
        self._size += sum(map(len, pieces))
        self._overhead = 0 if pieces else self._overhead + len(data)
        if pieces:
            self._wake()
        if chunks.broken:
            self._broken = BadEventError(f"{self._deadlines.host}: expected HTTP chunks")
        elif self._overhead > MAX_HEAD:
            words = f"{self._deadlines.host}: expected at most {MAX_HEAD} bytes of chunk extensions or trailers"
            self._broken = BadEventError(words, code=TOO_LARGE)
        return len(data) if self._broken is None else CURL_WRITEFUNC_ERROR

    def _on_end(self, transfer: "asyncio.Future[None]") -> None:
        exc = None if transfer.cancelled() else transfer.exception()  # asked for in any case, or asyncio complains
        if self._over or transfer.cancelled():
            return
        chunks = self._chunks
        if chunks is not None and chunks.whole:
            # An error can only be about what came after the end: that ends the connection, not the answer.
            self._finish(None, well=exc is None)
        elif exc is not None:
            broken = isinstance(exc, CurlError) and exc.code in STALE
            self.stale = broken and not self._arriving.begun and not self._connected()
            self._finish(self._meaning(exc))
        elif chunks is not None:
            self._finish(BadEventError(f"{self._deadlines.host}: expected HTTP chunks"))
        else:
            self._finish(None, well=True)

    def _meaning(self, exc: BaseException) -> DragomanError:
        if self._broken is not None:
            return self._broken
        host = self._deadlines.host
        if not isinstance(exc, CurlError):
            return TruncatedStreamError(f"{host} broke off: {type(exc).__name__}")
        if exc.code == CurlECode.OPERATION_TIMEDOUT:
            phase: Phase = "proxy" if self._route.proxy else "tls" if self._tls else "connect"
            return self._deadlines.over(phase if self._connected() else "connect", self._deadlines.passed())
        if not self._arrived and is_exhausted(exc):
            return overloaded()
        on_the_way = self._route.proxy is not None and not self._number(CurlInfo.REQUEST_SIZE)
        return map_error(exc, host, on_the_way=on_the_way)
