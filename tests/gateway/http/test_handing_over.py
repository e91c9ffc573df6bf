"""A connection that another process takes over: only if nothing is on it but one request that waits for its answer."""

import asyncio
from collections.abc import Callable

import pytest

from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.caller_handle import CallerHandle
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.connection_state import CLOSED, OPEN
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.request import Request
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.response_writer import GONE, NEW
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.types import ServerRequest
from tests.support.echo import Echo, Pipe, Rules
from tests.support.raw import turns

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx"
HANDLE = CallerHandle(7, http_1_1=True, keep_alive=True)


class Numbered(Pipe):
    """A caller's connection whose socket has the number 7, and of which `unsent` bytes wait."""

    unsent = 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self if name == "socket" else default

    def fileno(self) -> int:
        return 7

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Stage:
    """A connection on which one request waits for its answer."""

    def __init__(self, request: bytes = REQUEST) -> None:
        self.service = Echo(slow=True)
        self.pipe = Numbered()
        shared: ServerContext[str] = ServerContext(
            asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(1000), Rules()
        )
        self.connection = ServerConnection(self.service, shared)
        self.connection.connection_made(self.pipe)
        self.connection.data_received(request)
        (writer,) = self.service.waiting
        assert isinstance(writer, HttpResponseWriter)
        self.writer = writer
        self.given: list[CallerHandle] = []

    def give(self, caller: CallerHandle) -> bool:
        self.given.append(caller)
        return True


async def test_what_was_given_is_closed_here_and_told_to_nobody() -> None:
    on = Stage()
    assert on.writer.hand_over(on.give)
    assert (on.given, on.pipe.ended, on.pipe.sent) == ([HANDLE], "abort", b"")
    assert (on.connection._state, on.writer.state) == (CLOSED, GONE)
    heard = len(on.service.heard)
    on.connection.connection_lost(None)
    on.service.answer()
    assert (len(on.service.heard), on.pipe.sent) == (heard, b"")
    assert not on.writer.hand_over(on.give)


@pytest.mark.parametrize(
    ("request_", "handle"),
    [
        (REQUEST.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost"), CallerHandle(7, True, keep_alive=False)),
        (REQUEST.replace(b"1.1", b"1.0"), CallerHandle(7, False, keep_alive=False)),
    ],
)
async def test_how_the_request_wants_its_answer_is_said(request_: bytes, handle: CallerHandle) -> None:
    on = Stage(request_)
    assert on.writer.hand_over(on.give)
    assert on.given == [handle]


def another(on: Stage) -> None:
    on.connection.data_received(REQUEST)


def half_a_head(on: Stage) -> None:
    on.connection.data_received(b"POST / HT")


def junk(on: Stage) -> None:
    on.connection.data_received(b"\0\r\n\r\n")


def unsent(on: Stage) -> None:
    on.pipe.unsent = 1


@pytest.mark.parametrize("happens", [another, half_a_head, junk, unsent])
async def test_what_has_more_on_it_stays(happens: Callable[[Stage], None]) -> None:
    on = Stage()
    happens(on)
    assert not on.writer.hand_over(on.give)
    assert not on.given
    assert on.writer.state is NEW
    on.service.answer()
    assert on.pipe.sent.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_what_nobody_takes_stays() -> None:
    on = Stage()
    assert not on.writer.hand_over(lambda caller: False)
    assert (on.connection._state, on.pipe.ended) == (OPEN, "")
    on.service.answer()
    on.connection.data_received(REQUEST)
    on.service.answer()
    await turns()
    assert on.pipe.sent.count(b"HTTP/1.1 200 OK\r\n") == 2


async def test_an_answer_that_has_begun_stays() -> None:
    on = Stage()
    on.writer.start_nowait(200, b"", sized=False)
    assert not on.writer.hand_over(on.give)
    assert not on.given


@pytest.mark.parametrize("path", ["/", "/none"])
async def test_a_connection_begins_with_a_request_that_was_read_elsewhere(path: str) -> None:
    service, pipe = Echo(slow=False), Pipe()
    shared: ServerContext[str] = ServerContext(
        asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(1000), Rules()
    )
    connection = ServerConnection(service, shared)
    connection.connection_made(pipe)
    connection.begin(Request(call=ServerRequest(method="POST", path=path)))
    connection.data_received(REQUEST)
    await turns()
    assert pipe.sent.startswith(b"HTTP/1.1 404" if path == "/none" else b"HTTP/1.1 200")
    assert pipe.sent.count(b"HTTP/1.1 ") == 2
    connection.drain()
    connection.begin(Request(call=ServerRequest(method="POST", path=path)))
    await turns()
    assert pipe.sent.count(b"HTTP/1.1 ") == 2
    connection.connection_lost(None)
