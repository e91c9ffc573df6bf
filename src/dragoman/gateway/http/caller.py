"""The caller of one request on a connection of ours: how its answer is framed. Knows no protocol above HTTP."""

import asyncio
from time import monotonic
from typing import Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.http.caller_base import Caller, CallerGoneError
from dragoman.gateway.http.heads import date, fields, status_line
from dragoman.types import Headers, Outcome, ServerResponse

LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"


class ConnectionPort(Protocol):
    """What a caller needs of its connection. `congested`: set once it reads again; None while it does."""

    congested: asyncio.Event | None

    def write(self, data: bytes) -> None:
        """Sends, now."""

    def answered(self, *, keep: bool) -> None:
        """The answer is over. `keep`: the connection may serve again."""

    def over(self, caller: "HttpCaller") -> None:
        """Nothing more is done for `caller`. Told once."""

    def reset_on_close(self, on: bool) -> None:
        """Whether the connection ends by a reset from here on, however it comes to end."""


class Watcher(Protocol):
    """Work for a caller that is done in callbacks, without a task that could be cancelled.

    `paused`: the caller reads more slowly than is sent; nothing more should be.
    """

    paused: bool

    def close(self) -> None:
        """The caller has gone."""

    def resume(self) -> None:
        """The caller reads again."""

    def interrupt(self, error: DragomanError) -> None:
        """The work is to end at once, with `error`."""


class HttpCaller(Caller):
    """Frames one answer: sized where its head says a length, in chunks for HTTP/1.1, until the end for HTTP/1.0.

    What is sent goes out at once, the head with the first of the body. `over`: nothing more is to be sent. `keep`: the
    connection may serve again. `more`: header fields of every answer to it, ready to send.

    An answer to HTTP/1.0 has no end but its connection's. A reset alone tells that it broke off, so that until its good
    end the connection can only be reset, whatever happens: a cut, a stop, a caller who is too slow, a killed process.
    """

    __slots__ = ("_body", "_chunks", "_endless", "_framed", "_head", "_line", "keep", "more", "over", "watcher")

    def __init__(self, line: ConnectionPort, outcome: Outcome, *, keep: bool = True, chunks: bool = True) -> None:
        super().__init__(outcome)
        self.over = self._framed = self._endless = False
        self.more = self._head = b""
        self.watcher: Watcher | None = None
        self._line = line
        self.keep = keep
        self._chunks = chunks
        self._body = outcome.method != "HEAD"

    @property
    def congested(self) -> bool:
        """Whether it reads more slowly than is sent."""
        return self._line.congested is not None

    async def start(self, status: int, headers: Headers) -> None:
        self.begin(status, fields(headers), sized=any(name == "content-length" for name, _ in headers))

    async def say(self, data: bytes, *, more: bool = True) -> None:
        self.write(data, more=more)
        if (congested := self._line.congested) is not None and not self.over:
            del data  # it is in the socket's hands, and waits there
            await congested.wait()
            if self.gone:
                raise CallerGoneError

    def give(self, answer: ServerResponse) -> None:
        """A whole answer, now."""
        if not self.gone:
            self.outcome.error = answer.error or self.outcome.error
            self.send(answer.status, fields(answer.headers), answer.body)

    def send(self, status: int, lines: bytes, body: bytes) -> None:
        """The same; `lines`: its header fields but the length, ready to send."""
        head = self._start(status, lines)
        if self.over:
            return
        close = b"" if self.keep else CLOSE
        shown = body if self._body else b""
        self.outcome.sent = len(shown)
        length = b"content-length: %d\r\n" % len(body) if status != 204 else b""
        self._line.write(b"%b%b%b\r\n%b" % (head, length, close, shown))
        self.whole = True
        self._finish(keep=self.keep)

    def begin(self, status: int, lines: bytes, *, sized: bool) -> None:
        """The head, unless a silence has begun the answer; `lines`: its fields, ready to send."""
        if self.started:
            self.outcome.began = monotonic()
            return
        head = self._start(status, lines)
        more = b""
        if not sized:
            if self._chunks:
                self._framed = self._body
                more = b"transfer-encoding: chunked\r\n"
            else:
                self.keep = False
                self._endless = self._body
                if self._endless:
                    self._line.reset_on_close(True)
        if not self.keep:
            more += CLOSE
        self._head = b"%b%b\r\n" % (head, more)

    def write(self, data: bytes, *, more: bool = True) -> None:
        """A piece of the body, now. Without `more` the answer ends well."""
        if self.gone:
            raise CallerGoneError
        if self.over:
            return
        head, self._head = self._head, b""
        if self._body:
            self.outcome.sent += len(data)
        if self._framed:
            last = b"" if more else LAST_CHUNK
            # Put together at once: a long piece is copied only here.
            data = b"%b%x\r\n%b\r\n%b" % (head, len(data), data, last) if data else head + last
        elif self._body:
            data = head + data
        else:
            data = head
        if data:
            self._line.write(data)
        if not more:
            self.whole = not self.broken
            if self._endless:
                self._line.reset_on_close(False)
            self._finish(keep=self.keep)

    def cut(self) -> None:
        if not self.over and not self.gone:
            if self._head:
                self._line.write(self._head)
            self._finish(keep=False)

    def leave(self) -> None:
        """It has hung up: work for it ends."""
        if self.gone:
            return
        self.gone = True
        if self.watcher is not None:
            self.watcher.close()
            self.watcher = None
        self.interrupt(CallerGoneError())
        if not self.over:
            self._line.over(self)

    def interrupt(self, reason: Exception) -> None:
        if self.watcher is not None and not self.gone and isinstance(reason, DragomanError):
            self.watcher.interrupt(reason)
        super().interrupt(reason)

    def pause(self) -> None:
        """It reads more slowly than is sent."""
        if self.watcher is not None:
            self.watcher.paused = True

    def resume(self) -> None:
        """It reads again."""
        if self.watcher is not None and not self.congested:
            self.watcher.resume()

    def beat(self) -> None:
        """Breaks a silence, if the protocol has something to break it with; the head goes out before it."""
        if not self.heartbeat or self.over or self.congested:
            return
        if not self.started:
            if self.opening is None:
                return
            status, headers = self.opening
            self.begin(status, fields(headers), sized=False)
            self.outcome.began = None
        self.write(self.heartbeat)

    def _start(self, status: int, lines: bytes) -> bytes:
        """The head, but for what says how the body ends."""
        if self.gone:
            raise CallerGoneError
        self.started = True
        self.outcome.began = monotonic()
        self.outcome.status = status
        return b"%b%b%b%bx-request-id: %b\r\n" % (
            status_line(status),
            lines,
            self.more,
            date(),
            self.outcome.request_id.encode(),
        )

    def _finish(self, *, keep: bool) -> None:
        self.over = True
        self.watcher = None
        self._line.answered(keep=keep)
        self._line.over(self)
