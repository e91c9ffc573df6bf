"""Callers who ask again as soon as they are answered leave a turn of the loop to everybody else."""

import asyncio
import socket
from functools import partial
from itertools import pairwise
from typing import cast

import pytest

from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.caller_socket import CROWDED
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.incoming_requests import MAX_QUEUED
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.http.websocket import MANY_FRAMES, WebSocket
from dragoman.gateway.serving.descriptors import raise_limit, room
from dragoman.gateway.serving.serve import new_loop
from tests.support.echo import Echo, Pipe, Rules
from tests.support.raw import turns

ASK = b"POST /chat HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\nhi"
CALLERS = CROWDED + CROWDED // 2


def context() -> ServerContext[str]:
    """What the connections of a test have in common."""
    return ServerContext(asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(1000), Rules())


class Gauge(Pipe):
    """A caller's connection, with what was done to its reading."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[str] = []

    def pause_reading(self) -> None:
        self.changes.append("pause")

    def resume_reading(self) -> None:
        self.changes.append("resume")


async def test_a_caller_who_was_answered_in_a_long_turn_is_read_in_the_next() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    for _ in range(CROWDED):
        connection.data_received(ASK)
    assert gauge.changes == []
    connection.data_received(ASK)
    assert gauge.changes == ["pause"]
    await asyncio.sleep(0)
    connection.data_received(ASK)
    assert gauge.changes == ["pause", "resume"]
    connection.connection_lost(None)


async def test_one_who_does_not_read_meanwhile_is_not_read_either() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    for _ in range(CROWDED + 1):
        connection.data_received(ASK)
    connection.pause_writing()
    await asyncio.sleep(0)
    assert gauge.changes == ["pause"]
    connection.resume_writing()
    assert gauge.changes == ["pause", "resume"]
    connection.connection_lost(None)


def refused(first: int, number: int) -> bytes:
    """Requests in one read that are refused by their heads."""
    numbers = range(first, first + number)
    return b"".join(b"GET /none HTTP/1.1\r\nHost: here\r\nX-Request-Id: %d\r\n\r\n" % each for each in numbers)


def answered(gauge: Gauge) -> list[int]:
    """The requests that were answered."""
    return [int(line[14:]) for line in gauge.sent.split(b"\r\n") if line.startswith(b"x-request-id: ")]


async def test_of_thousands_of_requests_in_one_read_some_are_answered_in_each_turn() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    connection.data_received(refused(0, 3000))
    connection.data_received(refused(3000, 1))  # a read that was under way
    counts = [0]
    while counts[-1] < 3001:
        await asyncio.sleep(0)
        counts.append(len(answered(gauge)))
    most = max(later - earlier for earlier, later in pairwise(counts))
    await turns()
    assert answered(gauge) == list(range(3001))
    assert most < 400
    assert gauge.changes[-1] == "resume"
    connection.connection_lost(None)


async def test_no_more_is_read_before_what_waits_of_a_read_is_answered() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    connection.data_received(refused(0, 1000))
    connection.pause_writing()
    connection.resume_writing()
    assert gauge.changes == ["pause"]
    await turns(1000)
    assert answered(gauge) == list(range(1000))
    assert gauge.changes[-1] == "resume"
    connection.connection_lost(None)


async def test_one_who_does_not_read_meanwhile_is_not_read_after_that_either() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    connection.data_received(refused(0, 1000))
    connection.pause_writing()
    await turns(1000)
    assert "resume" not in gauge.changes
    connection.resume_writing()
    assert gauge.changes[-1] == "resume"
    connection.connection_lost(None)


async def test_many_requests_in_small_reads_are_answered_in_one_turn_as_one_read_is() -> None:
    shared, gauge = context(), Gauge()
    connection = ServerConnection(Echo(slow=False), shared)
    connection.connection_made(gauge)
    connection.data_received(refused(0, MAX_QUEUED))
    assert gauge.changes == []
    connection.data_received(refused(MAX_QUEUED, MAX_QUEUED + 1))
    assert gauge.changes == ["pause"]  # a loop that finds more to read there reads on in this turn
    await turns()
    assert answered(gauge) == list(range(2 * MAX_QUEUED + 1))
    assert gauge.changes == ["pause", "resume"]
    connection.connection_lost(None)


class Frames:
    """A WebSocket whose frames have so many bytes each."""

    def __init__(self, size: int = 6) -> None:
        self.unread = b""
        self.got = b""
        self._size = size

    def opened(self, port: object) -> None:
        """It needs no port."""

    def feed(self, data: bytes) -> int:
        self.got += data
        return len(data) // self._size


async def test_of_thousands_of_frames_in_one_read_some_are_read_in_each_turn() -> None:
    gauge, frames = Gauge(), Frames()
    connection = ServerConnection(Echo(slow=False), context())
    connection.connection_made(gauge)
    connection.switch(cast(WebSocket, frames))
    said = bytes(range(256)) * 1000
    connection.data_received(said)
    connection.data_received(b"and what was under way")
    most = first = len(frames.got)
    for _ in range(100):
        before = len(frames.got)
        await asyncio.sleep(0)
        most = max(most, len(frames.got) - before)
    assert most == first < 6 * 3 * MANY_FRAMES
    assert frames.got == said + b"and what was under way"
    assert gauge.changes[-1] == "resume"
    connection.connection_lost(None)


async def test_a_long_frame_is_read_in_one_turn() -> None:
    gauge, frames = Gauge(), Frames(1 << 20)
    connection = ServerConnection(Echo(slow=False), context())
    connection.connection_made(gauge)
    connection.switch(cast(WebSocket, frames))
    connection.data_received(b"x" * 256_000)
    assert (len(frames.got), gauge.changes) == (256_000, [])
    connection.connection_lost(None)


class Caller(asyncio.Protocol):
    """Asks again as soon as it is answered; all of them count in `answers`."""

    def __init__(self, answers: list[None]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        """Asks for the first time."""
        self._transport.write(ASK)

    def data_received(self, data: bytes) -> None:
        self._answers.append(None)
        self._transport.write(ASK)


def test_each_caller_is_answered_about_once_in_a_turn() -> None:
    raise_limit()
    if room().limit < (needed := 2 * CALLERS + 100):
        pytest.skip(f"the system allows a process {room().limit} descriptors, and this needs {needed}")

    async def test() -> None:
        loop, shared, answers = asyncio.get_running_loop(), context(), list[None]()
        service, callers = Echo(slow=False), list[Caller]()
        ends: list[asyncio.Transport] = []
        for _ in range(CALLERS):
            ours, theirs = socket.socketpair()
            transport, _ = await loop.connect_accepted_socket(lambda: ServerConnection(service, shared), ours)
            ends.append(transport)
            transport, caller = await loop.create_unix_connection(partial(Caller, answers), sock=theirs)
            ends.append(transport)
            callers.append(caller)
        for each in callers:
            each.ask()
        highest = 0
        for _ in range(10):
            before = len(answers)
            await asyncio.sleep(0)
            highest = max(highest, len(answers) - before)
        for end in ends:
            end.abort()
        await turns()
        assert CALLERS // 2 < highest < 3 * CALLERS

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(test())
