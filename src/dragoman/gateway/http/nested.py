"""Requests within a connection that has left HTTP: each is answered as if it had come over HTTP. Knows no protocol."""

import asyncio
from typing import Protocol

from dragoman.gateway.http.direct_writer import DirectWriter, WriterConnection
from dragoman.gateway.http.response_writer import ENDED, STARTED
from dragoman.types import Outcome


class NestedAnswer(Protocol):
    """What is told of the response to a nested request."""

    def head(self, status: int, lines: bytes) -> None:
        """The response begins; `lines`: its header fields."""

    def body(self, data: bytes) -> None:
        """A piece of the body."""

    def ended(self, *, whole: bool) -> None:
        """Nothing more follows; `whole`: its transfer ended well."""


class OuterConnection(WriterConnection, Protocol):
    """A connection with nested requests."""

    def has_sent(self, writer: DirectWriter) -> bool:
        """See ConnectionPort."""


class NestedPort:
    """Tells `answer` that its response has ended, and leaves all else to `connection`."""

    def __init__(self, connection: OuterConnection, answer: NestedAnswer) -> None:
        self._connection = connection
        self._answer = answer
        self.service = connection.service
        self.await_sending = connection.await_sending

    @property
    def congested(self) -> asyncio.Event | None:
        """None while the caller reads; else an event that is set when it reads again."""
        return self._connection.congested

    def response_ended(self, writer: DirectWriter, *, keep_alive: bool) -> bool:
        """The response of `writer` is over; `keep_alive`: it ended well. Whether all of it was sent; see WriterPort."""
        self._answer.ended(whole=keep_alive)
        return self._connection.has_sent(writer)


class NestedWriter(DirectWriter):
    """Passes a response on to a NestedAnswer, as it is."""

    __slots__ = ("_answer",)

    def __init__(self, connection: OuterConnection, outcome: Outcome, answer: NestedAnswer) -> None:
        super().__init__(NestedPort(connection, answer), outcome)
        self._answer = answer

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        if self.state is ENDED:
            return
        self._start(status)
        self._answer.head(status, lines)
        self.write_nowait(body, more=False)

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        if not self._has_started():
            self._start(status)
            self._answer.head(status, lines)

    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        if self.state is not STARTED:
            self._cannot_write()
            return
        self.outcome.sent += len(data)
        if data:
            self._answer.body(data)
        if not more:
            self.complete = not self.broken
            self._finish(keep_alive=True)
