"""Requests within a connection that has left HTTP: each is answered as if it had come over HTTP. Knows no protocol."""

import asyncio
from typing import Protocol

from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.response_writer import ENDED, GONE, NEW, STARTED, WRITE, DisconnectedError
from dragoman.types import Outcome


class NestedAnswer(Protocol):
    """What is told of the response to a nested request."""

    def head(self, status: int, lines: bytes) -> None:
        """The response begins; `lines`: its header fields."""

    def body(self, data: bytes) -> None:
        """A piece of the body."""

    def ended(self, *, whole: bool) -> None:
        """Nothing more follows; `whole`: its transfer ended well."""


class NestedPort:
    """What a nested writer needs of its connection; `connection` is the one that bears it."""

    def __init__(self, connection: "Bearer", answer: NestedAnswer) -> None:
        self._connection = connection
        self._answer = answer

    @property
    def congested(self) -> asyncio.Event | None:
        """None while the caller reads; else an event that is set when it reads again."""
        return self._connection.congested

    def write(self, data: bytes) -> None:
        """Never called: a nested writer has no frames of its own."""
        raise NotImplementedError

    def response_ended(self, *, keep_alive: bool) -> None:
        """The response is over; `keep_alive`: it ended well."""
        self._answer.ended(whole=keep_alive)

    def release(self, writer: HttpResponseWriter) -> None:
        """Nothing more is done for the request of `writer`."""
        self._connection.release(writer)

    def switch(self, websocket: object) -> None:
        """Never called: within a WebSocket there is no other."""
        raise NotImplementedError

    def reset_on_close(self, on: bool) -> None:
        """Never called: no response ends with the connection."""
        raise NotImplementedError


class Bearer(Protocol):
    """A connection that bears nested requests."""

    @property
    def congested(self) -> asyncio.Event | None:
        """None while the caller reads; else an event that is set when it reads again."""

    def release(self, writer: HttpResponseWriter) -> None:
        """Nothing more is done for the request of `writer`."""


class NestedWriter(HttpResponseWriter):
    """Passes a response on to a NestedAnswer, without HTTP's framing."""

    __slots__ = ("_answer",)

    def __init__(self, connection: Bearer, outcome: Outcome, answer: NestedAnswer) -> None:
        super().__init__(NestedPort(connection, answer), outcome)
        self._answer = answer

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        if self.state is ENDED:
            return
        self._begin(status, lines)
        self.outcome.sent = len(body)
        self._answer.body(body)
        self.complete = True
        self._finish(keep_alive=True)

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        if self.state is STARTED:
            super().start_nowait(status, lines, sized=sized)
        elif self.state is not ENDED:
            self._begin(status, lines)

    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        if self.state is not STARTED:
            self.enter(WRITE)
            if self.state is GONE:
                raise DisconnectedError
            return
        self.outcome.sent += len(data)
        if data:
            self._answer.body(data)
        if not more:
            self.complete = not self.broken
            self._finish(keep_alive=True)

    def abort(self) -> None:
        if self.state is NEW or self.state is STARTED:
            self._finish(keep_alive=False)

    def _begin(self, status: int, lines: bytes) -> None:
        self._start(status, lines)
        self._answer.head(status, lines)
