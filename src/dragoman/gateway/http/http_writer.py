"""The response to one request on a connection of our server: how it is framed. Knows no protocol above HTTP."""

import asyncio
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.http.heads import date, fields, status_line
from dragoman.gateway.http.response_writer import (
    END,
    ENDED,
    GONE,
    LEAVE,
    NEW,
    START,
    STARTED,
    WRITE,
    DisconnectedError,
    ResponseWriter,
)
from dragoman.types import Headers, Outcome, ServerResponse
from dragoman.wire import json

if TYPE_CHECKING:
    from dragoman.gateway.http.websocket import WebSocket

LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"


class ConnectionPort(Protocol):
    """What a writer needs of its connection."""

    @property
    def congested(self) -> asyncio.Event | None:
        """None while the caller reads; else an event that is set when it reads again."""

    def write(self, data: bytes) -> None:
        """Sends at once."""

    def response_ended(self, *, keep_alive: bool) -> None:
        """The response is over. `keep_alive`: the connection may serve again."""

    def release(self, writer: "HttpResponseWriter") -> None:
        """Nothing more is done for the request of `writer`. Called once."""

    def reset_on_close(self, on: bool) -> None:
        """Whether from now on the connection ends with a reset, whatever ends it."""

    def switch(self, websocket: "WebSocket") -> None:
        """From now on what comes is for `websocket`."""


class Watcher(Protocol):
    """Work for a caller that is done in callbacks, without a task that could be cancelled."""

    paused: bool
    """The caller reads more slowly than we send: nothing more should be sent."""

    def close(self) -> None:
        """The caller has left."""

    def resume(self) -> None:
        """The caller reads again."""

    def interrupt(self, error: DragomanError) -> None:
        """The work has to end at once, with `error`."""


class Framing(Enum):
    """How the end of a body is known."""

    BODILESS = "there is no body: the request is a HEAD"
    SIZED = "by the length in the head"
    CHUNKED = "by a last chunk, in HTTP/1.1"
    UNTIL_CLOSE = "by the connection's end, in HTTP/1.0"


BODILESS, SIZED, CHUNKED, UNTIL_CLOSE = Framing


class HttpResponseWriter(ResponseWriter):
    """Frames one response; `Framing` says in which ways.

    What is sent goes out at once, the head together with the first piece of the body. The methods `…_nowait` do not
    wait for a slow caller: those who call them look at `congested` themselves.

    In HTTP/1.0 only a reset shows that a response broke off. So until its good end the connection is set to be reset,
    whatever ends it: an abort, a stop, a slow caller, a killed process.
    """

    __slots__ = (
        "_chunks",
        "_framing",
        "_head",
        "_port",
        "keep_alive",
        "more",
        "watcher",
    )

    def __init__(self, port: ConnectionPort, outcome: Outcome, *, keep_alive: bool = True, chunks: bool = True) -> None:
        super().__init__(outcome)
        self.more = self._head = b""
        """Header fields of every response to this request, ready to send. `_head`: the head, until it is sent."""
        self.watcher: Watcher | None = None
        self._port = port
        self.keep_alive = keep_alive
        """The connection may serve again."""
        self._chunks = chunks
        """The caller speaks HTTP/1.1."""
        self._framing = BODILESS if outcome.method == "HEAD" else SIZED

    @property
    def congested(self) -> bool:
        """Whether the caller reads more slowly than we send."""
        return self._port.congested is not None

    @property
    def upgrades(self) -> bool:
        return self._chunks and self.state is NEW

    def upgrade(self, websocket: "WebSocket") -> None:
        self.state = STARTED
        self.outcome.status, self.outcome.first_byte_at = 101, monotonic()
        self._port.write(websocket.head)
        self.watcher = websocket
        self._port.switch(websocket)

    async def start(self, status: int, headers: Headers) -> None:
        self.start_nowait(status, fields(headers), sized=any(name == "content-length" for name, _ in headers))

    async def write(self, data: bytes, *, more: bool = True) -> None:
        self.write_nowait(data, more=more)
        if (congested := self._port.congested) is not None and self.state is not ENDED:
            del data  # the transport has it: this reference would keep it in memory during the wait
            await congested.wait()
            if self.state is GONE:
                raise DisconnectedError

    def send_nowait(self, response: ServerResponse) -> None:
        """Sends a complete response at once; nothing if the caller has left."""
        if self.state is not GONE:
            self.outcome.error = response.error or self.outcome.error
            self.send_bytes(response.status, fields(response.headers), response.body)

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        """The same; `lines`: the header fields except the length, ready to send."""
        if self.state is ENDED:
            return
        head = self._start(status, lines)
        close = b"" if self.keep_alive else CLOSE
        shown = b"" if self._framing is BODILESS else body
        self.outcome.sent = len(shown)
        length = b"content-length: %d\r\n" % len(body) if status != 204 else b""
        self._port.write(b"%b%b%b\r\n%b" % (head, length, close, shown))
        self.complete = True
        self._finish(keep_alive=self.keep_alive)

    def send_fault(self, error: DragomanError) -> None:
        """Sends what is wrong with the connection itself, in words of no protocol. Its owner then closes it."""
        self.enter(END)
        outcome = self.outcome
        body = json.encode({"error": {"message": error.message, "type": error.type, "code": error.code}})
        self._port.write(
            b"%b%bx-request-id: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
            % (status_line(error.status), date(), outcome.request_id.encode(), len(body), CLOSE, body)
        )
        outcome.status, self.complete, outcome.sent = error.status, True, len(body)
        outcome.fail(error)
        self._port.release(self)

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        """The head, unless a heartbeat has sent one already; `lines`: its fields, ready to send."""
        if self.state is STARTED:
            self.outcome.first_byte_at = monotonic()
            return
        if self.state is ENDED:
            return
        head = self._start(status, lines)
        more = b""
        if not sized:
            has_body = self._framing is not BODILESS
            if self._chunks:
                more = b"transfer-encoding: chunked\r\n"
                if has_body:
                    self._framing = CHUNKED
            else:
                self.keep_alive = False
                if has_body:
                    self._framing = UNTIL_CLOSE
                    self._port.reset_on_close(True)
        if not self.keep_alive:
            more += CLOSE
        self._head = b"%b%b\r\n" % (head, more)

    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        """Sends a piece of the body at once. Without `more` the response ends well."""
        if self.state is not STARTED:
            self.enter(WRITE)
            if self.state is GONE:
                raise DisconnectedError
            return
        head, self._head = self._head, b""
        framing = self._framing
        if framing is BODILESS:
            data = head
        else:
            self.outcome.sent += len(data)
            if framing is CHUNKED:
                last = b"" if more else LAST_CHUNK
                # Joined in one step, so that a long piece is copied only here.
                data = b"%b%x\r\n%b\r\n%b" % (head, len(data), data, last) if data else head + last
            else:
                data = head + data
        if data:
            self._port.write(data)
        if not more:
            self.complete = not self.broken
            if framing is UNTIL_CLOSE:
                self._port.reset_on_close(False)
            self._finish(keep_alive=self.keep_alive)

    def abort(self) -> None:
        if self.state is NEW or self.state is STARTED:
            if self._head:
                self._port.write(self._head)
            self._finish(keep_alive=False)

    def disconnect(self) -> None:
        """The caller has hung up: work for it ends."""
        before = self.state
        if before is GONE:
            return
        self.enter(LEAVE)
        if self.watcher is not None:
            self.watcher.close()
            self.watcher = None
        self.interrupt(DisconnectedError())
        if before is not ENDED:
            self._port.release(self)

    def interrupt(self, reason: Exception) -> None:
        if self.watcher is not None and self.state is not GONE and isinstance(reason, DragomanError):
            self.watcher.interrupt(reason)
        super().interrupt(reason)

    def pause(self) -> None:
        """The caller reads more slowly than we send."""
        if self.watcher is not None:
            self.watcher.paused = True

    def resume(self) -> None:
        """The caller reads again, after `pause`."""
        if self.watcher is not None and not self.congested:
            self.watcher.resume()

    def send_heartbeat(self) -> None:
        """Sends the protocol's heartbeat, if it has one, and before it the head, if that has not been sent."""
        if not self.heartbeat or self.state is ENDED or self.congested:
            return
        if self.state is NEW:
            if self.opening is None:
                return
            status, headers = self.opening
            self.start_nowait(status, fields(headers), sized=False)
            self.outcome.first_byte_at = None
        self.write_nowait(self.heartbeat)

    def _start(self, status: int, lines: bytes) -> bytes:
        """The head, except the fields that say how the body ends."""
        if self.state is not NEW:
            self.enter(START)
            raise DisconnectedError
        self.state = STARTED
        self.outcome.first_byte_at = monotonic()
        self.outcome.status = status
        return b"%b%b%b%bx-request-id: %b\r\n" % (
            status_line(status),
            lines,
            self.more,
            date(),
            self.outcome.request_id.encode(),
        )

    def _finish(self, *, keep_alive: bool) -> None:
        self.state = ENDED
        self.watcher = None
        self._port.response_ended(keep_alive=keep_alive)
        self._port.release(self)
