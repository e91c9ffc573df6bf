"""The response to one request on a connection of our server: how it is framed. Knows no protocol above HTTP."""

from collections.abc import Callable
from enum import Enum
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.caller_handle import Give
from dragoman.gateway.http.direct_writer import DirectWriter, WriterPort
from dragoman.gateway.http.heads import date, status_line
from dragoman.gateway.http.response_writer import END, ENDED, LEAVE, NEW, STARTED
from dragoman.loop.outlet import Outlet
from dragoman.types import Outcome
from dragoman.wire import json

if TYPE_CHECKING:
    from dragoman.gateway.http.websocket import WebSocket

LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"


class ConnectionPort(WriterPort, Protocol):
    """What a writer that frames needs of its connection."""

    def write(self, data: bytes) -> None:
        """Sends at once."""

    def has_sent(self, writer: DirectWriter) -> bool:
        """Whether the system has taken all that was written. If not, the connection calls `sent` or `lose` later."""

    def connect(self, outlet: Outlet) -> None:
        """From now on `outlet` sends at once, too."""

    def reset_on_close(self, on: bool) -> None:
        """Whether from now on the connection ends with a reset, whatever ends it. Not `on`: once all has been sent."""

    @property
    def may_switch(self) -> bool:
        """Whether nothing has come after the request that is answered."""

    def switch(self, websocket: "WebSocket") -> None:
        """From now on what comes is for `websocket`."""

    def hand_over(self, give: Give) -> bool:
        """Gives the socket away, if nothing is on it but one request; see DirectWriter."""


class Framing(Enum):
    """How the end of a body is known."""

    BODILESS = "there is no body: the request is a HEAD"
    SIZED = "by the length in the head"
    CHUNKED = "by a last chunk, in HTTP/1.1"
    UNTIL_CLOSE = "by the connection's end, in HTTP/1.0"


BODILESS, SIZED, CHUNKED, UNTIL_CLOSE = Framing


class HttpResponseWriter(DirectWriter):
    """Frames one response; `Framing` says in which ways. The head goes out together with the first piece of the body.

    In HTTP/1.0 only a reset shows that a response broke off. So until its good end the connection is set to be reset,
    whatever ends it: an abort, a stop, a slow caller, a killed process.
    """

    __slots__ = (
        "_chunks",
        "_framing",
        "_head",
        "_outlet",
        "_port",
        "keep_alive",
        "more",
    )

    def __init__(self, port: ConnectionPort, outcome: Outcome, *, keep_alive: bool = True, chunks: bool = True) -> None:
        DirectWriter.__init__(self, port, outcome)  # `super()` takes three times as long, at each request
        self.more = self._head = b""
        """Header fields of every response to this request, ready to send. `_head`: the head, until it is sent."""
        self._port: ConnectionPort = port
        self.keep_alive = keep_alive
        """The connection may serve again."""
        self._chunks = chunks
        """The caller speaks HTTP/1.1."""
        self._framing = BODILESS if outcome.method == "HEAD" else SIZED
        self._outlet: Outlet | None = None

    def upgrade(self, make: "Callable[[], WebSocket]") -> "WebSocket | None":
        if not self._chunks or self.state is not NEW:
            return None
        if not self._port.may_switch:
            raise InvalidRequestError("expected nothing before the response that begins it", code="bad_websocket")
        websocket = make()
        self.state = STARTED
        self.outcome.status, self.outcome.first_byte_at = 101, monotonic()
        self._port.write(websocket.head)
        self.watcher = websocket
        self._port.switch(websocket)
        return websocket

    @property
    def passed_at(self) -> float:
        """When something was last sent past this writer, in the loop's time; 0 if nothing was."""
        return 0.0 if self._outlet is None else self._outlet.sent_at

    def connect(self, outlet: Outlet) -> bool:
        if self.state is not STARTED or self._framing is not CHUNKED or self._head:
            return False
        self._port.connect(outlet)
        self._outlet = outlet
        return True

    def hand_over(self, give: Give) -> bool:
        if self.state is not NEW or not self._port.hand_over(give):
            return False
        self.enter(LEAVE)
        return True

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        if self.state is ENDED:
            return
        head, size = self._head_of(status, lines), len(body)
        length = b"content-length: %d\r\n" % size if status != 204 else b""
        if self._framing is BODILESS:
            body, size = b"", 0
        self.outcome.sent = size
        keep_alive = self.keep_alive
        self._port.write(b"".join((head, length, b"" if keep_alive else CLOSE, b"\r\n", body)))
        self.complete = True
        self._finish(keep_alive=keep_alive)

    def send_fault(self, error: DragomanError) -> None:
        """Sends what is wrong with the connection itself, in words of no protocol. Its owner then closes it."""
        self.enter(END)
        outcome = self.outcome
        body = json.encode({"error": {"message": error.message, "type": error.type, "code": error.code}})
        again = b"" if error.retry_after is None else b"retry-after: %d\r\n" % ceil(error.retry_after)
        self._port.write(
            b"%b%b%bx-request-id: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
            % (status_line(error.status), date(), again, outcome.request_id.encode(), len(body), CLOSE, body)
        )
        outcome.status, self.complete, outcome.sent = error.status, True, len(body)
        outcome.fail(error)
        if self._port.has_sent(self):
            self.service.release(self)

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        if self._has_started():
            return
        head = self._head_of(status, lines)
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
        if self.state is not STARTED:
            self._cannot_write()
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

    def _head_of(self, status: int, lines: bytes) -> bytes:
        """The head, except the fields that say how the body ends."""
        self._start(status)
        request_id = self.outcome.request_id.encode()
        return b"".join((status_line(status), lines, self.more, date(), b"x-request-id: ", request_id, b"\r\n"))
