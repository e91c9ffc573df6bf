"""One transfer in libcurl, from the request to the last byte. Knows no protocol but HTTP."""

import asyncio
from collections.abc import Callable

from curl_cffi import AsyncCurl, Curl, CurlECode, CurlError, CurlInfo
from curl_cffi.const import CurlOpt
from curl_cffi.curl import CURL_WRITEFUNC_ERROR, CURL_WRITEFUNC_PAUSE, CURLPAUSE_CONT

from dragoman.errors import BadEventError, DragomanError, Phase, TruncatedStreamError
from dragoman.transport.browser.chunks import ChunkEnds
from dragoman.transport.browser.faults import error_of
from dragoman.transport.native.coding import REWRITTEN
from dragoman.transport.seam import MAX_BODY, Reply, Route
from dragoman.transport.waits import Waits
from dragoman.types import HttpRequest, ReplyHead

WINDOW = 64 << 10
"""Bytes kept for a slow reader, then libcurl stops reading: 64 KiB, four of its own buffers."""

DATA_IN = 3
"""CURLINFO_DATA_IN: bytes of a body as they came. https://curl.se/libcurl/c/CURLOPT_DEBUGFUNCTION.html"""

MAX_HEAD = 64 << 10
"""Bytes of a reply's head: 64 KiB, as nginx and Node give at most; libcurl itself stops at 300 KB."""


class Transfer(Reply):
    """A reply as libcurl brings it. `left` is told once it has ended."""

    def __init__(
        self,
        multi: AsyncCurl,
        handle: Curl,
        request: HttpRequest,
        route: Route,
        left: Callable[["Transfer"], object],
    ) -> None:
        self._waits = Waits(route.limits, request.url)
        self._route = route
        self._marked = request.mark_chunks
        self._chunks: ChunkEnds | None = None
        self._tls = request.url.startswith("https:")
        self._left = left
        self._pieces: list[bytes] = []
        self._size = 0
        self._total = 0
        self._paused = False
        self._arriving = _Head()
        self._arrived = False
        self._over = False
        self._fault: DragomanError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._multi = multi
        self._curl = handle
        self._curl.setopt(CurlOpt.HEADERFUNCTION, self._on_header)
        self._curl.setopt(CurlOpt.WRITEFUNCTION, self._on_body)
        if self._marked:
            # Of all that libcurl tells, only this holds the chunks as they came.
            self._curl.setopt(CurlOpt.VERBOSE, 1)
            self._curl.setopt(CurlOpt.DEBUGFUNCTION, self._on_wire)
        self._multi.add_handle(self._curl).add_done_callback(self._on_end)

    async def arrive(self) -> None:
        """Returns once the head is here. Raises what went wrong before that."""
        limits = self._waits.limits
        while not self._arrived and not self._over:
            now = self._waits.passed()
            self._waits.left()
            sent = self._number(CurlInfo.PRETRANSFER_TIME_T) / 1_000_000
            ends: list[tuple[float, float | None, Phase]] = []
            if sent and limits.first_byte is not None:
                ends.append((sent + limits.first_byte, limits.first_byte, "first_byte"))
            if not sent and limits.connect is not None and not self._connected():
                ends.append((limits.connect, limits.connect, "connect"))
            for end, limit, phase in ends:
                if end <= now:
                    raise self._waits.over(phase, limit)
            # Nobody tells when the connection stands, so it is looked up again before the next limit could have passed.
            looks = [end for end, _, _ in ends]
            looks += [now + limits.first_byte] if limits.first_byte is not None and not sent else []
            looks += [limits.total] if limits.total is not None else []
            await self._change(min(looks) - now if looks else None)
        if not self._arrived:
            raise self._fault or TruncatedStreamError(f"{self._waits.host} broke off within the head")

    async def read(self) -> list[bytes]:
        """What has arrived, an empty piece behind each chunk where they are marked, or each piece of a packed body."""
        try:
            self._waits.left()
            if not self._pieces and not self._over:
                await self._waits.within(self._something, "idle", self._waits.limits.idle)
        except DragomanError as exc:
            self._stop(exc)
        batch, self._pieces, self._size = self._pieces, [], 0
        if self._paused and not self._over:
            self._resume()
        if not batch and self._fault is not None:
            raise self._fault
        return batch

    def _resume(self) -> None:
        self._paused = False
        try:
            self._curl.pause(CURLPAUSE_CONT)
        except CurlError as exc:
            self._stop(self._meaning(exc))

    def close(self) -> None:
        """Ends it at once. May be called twice."""
        if not self._over:
            self._stop(TruncatedStreamError("the reply was closed before its end"))

    def _stop(self, fault: DragomanError) -> None:
        """Ends the transfer: libcurl closes the connection of one that is not whole as soon as it is taken away."""
        if self._over:
            return
        self._finish(fault)
        self._multi.remove_handle(self._curl)
        self._curl.close()

    def _finish(self, fault: DragomanError | None) -> None:
        self._over = True
        self._fault = fault
        self._wake()
        self._left(self)

    async def _change(self, seconds: float | None) -> None:
        """Waits until something has come, at most so long."""
        await asyncio.wait([self._something()], timeout=seconds)

    def _something(self) -> "asyncio.Future[None]":
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _connected(self) -> bool:
        return self._number(CurlInfo.NUM_CONNECTS) > 0

    def _number(self, info: CurlInfo) -> int:
        value = self._curl.getinfo(info)
        return value if isinstance(value, int) else 0

    def _on_header(self, line: bytes) -> int:
        if self._arrived:
            return len(line)  # a trailer
        head = self._arriving.feed(line)
        if self._arriving.size > MAX_HEAD:
            return CURL_WRITEFUNC_ERROR
        if head is not None:
            self.head = head
            self._arrived = True
            if self._marked and self._arriving.chunked and not self._arriving.coded:
                self._chunks = ChunkEnds()
            self._wake()
        return len(line)

    def _on_body(self, data: bytes) -> int:
        if self._size >= WINDOW:
            self._paused = True
            return CURL_WRITEFUNC_PAUSE
        self._pieces += self._cut(data)
        self._size += len(data)
        self._total += len(data)
        if self._total > MAX_BODY and self._arriving.coded:
            return CURL_WRITEFUNC_ERROR
        self._wake()
        return len(data)

    def _cut(self, data: bytes) -> list[bytes]:
        if self._chunks is not None:
            return self._chunks.cut(data)
        return [data, b""] if self._marked else [data]

    def _on_wire(self, kind: int, data: bytes) -> None:
        if kind == DATA_IN and self._chunks is not None and (marks := self._chunks.feed(data)):
            self._pieces += marks
            self._wake()

    def _on_end(self, transfer: "asyncio.Future[None]") -> None:
        if self._over or transfer.cancelled():
            return
        exc = transfer.exception()
        self._finish(None if exc is None else self._meaning(exc))
        self._curl.close()

    def _meaning(self, exc: BaseException) -> DragomanError:
        host = self._waits.host
        if not isinstance(exc, CurlError):
            return TruncatedStreamError(f"{host} broke off: {type(exc).__name__}")
        if exc.code == CurlECode.OPERATION_TIMEDOUT:
            phase: Phase = "proxy" if self._route.proxy else "tls" if self._tls else "connect"
            return self._waits.over(phase if self._connected() else "connect", self._waits.passed())
        if exc.code == CurlECode.WRITE_ERROR:
            what = f"a packed body of at most {MAX_BODY}" if self._arrived else f"a head of at most {MAX_HEAD}"
            return BadEventError(f"{host}: expected {what} bytes", code="upstream_too_large")
        return error_of(exc, host, proxied=self._route.proxy is not None and not self._arrived)


class _Head:
    """A reply's head from its lines; those of interim replies are passed over.

    libcurl hands out a packed body unpacked, so such a head no longer says that it was `coded`.
    """

    def __init__(self) -> None:
        self.size = 0
        self.coded = False
        self.chunked = False
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []

    def feed(self, line: bytes) -> ReplyHead | None:
        """The head, once it is whole."""
        self.size += len(line)
        if line.startswith(b"HTTP/"):
            words = line.split(None, 2)
            self._status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            self._headers = []
        elif line.strip():
            name, _, value = line.partition(b":")
            self._headers.append((name.strip(), value.strip()))
        elif self._status >= 200:
            head = ReplyHead(self._status, tuple(self._headers))
            self.chunked = head.header("transfer-encoding") is not None
            self.coded = (head.header("content-encoding") or "identity").lower() != "identity"
            return (
                head
                if not self.coded
                else ReplyHead(self._status, tuple(p for p in head.headers if p[0].lower() not in REWRITTEN))
            )
        return None
