"""The table of a caller's connection, and the connection beside it: each event in each state."""

import asyncio
from collections.abc import Callable
from itertools import product

import pytest

from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.connection_state import (
    BREAK,
    BROKEN,
    CLOSE,
    CLOSED,
    DRAIN,
    DRAINING,
    OPEN,
    PART,
    PARTED,
    SWITCH,
    SWITCHED,
    TRANSITIONS,
    ConnectionEvent,
    ConnectionState,
)
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.http.websocket import WebSocket
from dragoman.types import ServerRequest
from tests.support.echo import Echo, Pipe, Rules

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx"
JUNK = b"\0\r\n\r\n"
UPGRADE = ServerRequest(
    method="GET",
    path="/",
    headers=(
        (b"host", b"here"),
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    ),
)


class Stage:
    """A connection on which one request is under way."""

    def __init__(self) -> None:
        self.service = Echo(slow=True)
        self.pipe = Pipe()
        shared: ServerContext[str] = ServerContext(
            asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(1000), Rules()
        )
        self.connection = ServerConnection(self.service, shared)
        self.connection.connection_made(self.pipe)
        self.connection.data_received(REQUEST)

    def drain(self) -> None:
        """The server is being stopped."""
        self.connection.drain()

    def junk(self) -> None:
        """What comes cannot be understood."""
        self.connection.data_received(JUNK)

    def part(self) -> None:
        """The last answer is sent, and what follows it is wrong."""
        self.junk()
        self.service.answer()

    def close(self) -> None:
        """The last answer is sent."""
        self.drain()
        self.service.answer()

    def switch(self) -> None:
        """A WebSocket takes over."""
        self.connection.switch(WebSocket(UPGRADE, 1000, lambda _: ""))

    def lose(self) -> None:
        """The caller leaves."""
        self.connection.connection_lost(None)


WAY: dict[ConnectionState, Callable[[Stage], None]] = {
    OPEN: lambda stage: None,
    DRAINING: Stage.drain,
    BROKEN: Stage.junk,
    SWITCHED: Stage.switch,
    PARTED: Stage.part,
    CLOSED: Stage.close,
}
"""How to get into each state."""

DONE: dict[ConnectionEvent, Callable[[Stage], None]] = {
    DRAIN: Stage.drain,
    BREAK: Stage.junk,
    SWITCH: Stage.switch,
    PART: Stage.part,
    CLOSE: Stage.lose,
}
"""How each event happens."""

MAY: dict[tuple[ConnectionState, ConnectionEvent], ConnectionState] = {
    (OPEN, DRAIN): DRAINING,
    (OPEN, BREAK): BROKEN,
    (OPEN, SWITCH): SWITCHED,
    (OPEN, PART): PARTED,
    (OPEN, CLOSE): CLOSED,
    (DRAINING, DRAIN): DRAINING,
    (DRAINING, BREAK): BROKEN,
    (DRAINING, SWITCH): SWITCHED,
    (DRAINING, PART): PARTED,
    (DRAINING, CLOSE): CLOSED,
    (BROKEN, DRAIN): BROKEN,
    (BROKEN, PART): PARTED,
    (BROKEN, CLOSE): CLOSED,
    (SWITCHED, DRAIN): SWITCHED,
    (SWITCHED, BREAK): SWITCHED,
    (SWITCHED, PART): CLOSED,
    (SWITCHED, CLOSE): CLOSED,
    (PARTED, DRAIN): CLOSED,
    (PARTED, CLOSE): CLOSED,
    (CLOSED, DRAIN): CLOSED,
    (CLOSED, CLOSE): CLOSED,
}
"""Where a connection then is, written a second time. One that is parted has no request: the server closes it. What a
WebSocket does not understand is not HTTP's to break: it says so, and then its response ends."""


def test_the_table_has_each_state_and_leads_to_no_other() -> None:
    table = {(state, event): then for state, row in TRANSITIONS.items() for event, then in row.items()}
    assert set(TRANSITIONS) == set(ConnectionState)
    by_websocket = {(SWITCHED, BREAK), (SWITCHED, PART)}
    assert table == {key: then for key, then in MAY.items() if key not in by_websocket} | {(PARTED, DRAIN): PARTED}


@pytest.mark.parametrize(("state", "event"), list(product(ConnectionState, ConnectionEvent)))
async def test_each_event_in_each_state(state: ConnectionState, event: ConnectionEvent) -> None:
    stage = Stage()
    WAY[state](stage)
    assert stage.connection._state is state
    following = MAY.get((state, event))
    if event not in TRANSITIONS[state]:
        with pytest.raises(KeyError):
            stage.connection._enter(event)
    if event is not SWITCH or following is not None:
        DONE[event](stage)
    assert stage.connection._state is (following or state)
    if stage.connection._state is not CLOSED:
        stage.lose()


MANY = {OPEN: 2, DRAINING: 2, BROKEN: 1, SWITCHED: 1, PARTED: 0, CLOSED: 1}
"""Requests that a connection has, once another has come."""


@pytest.mark.parametrize("state", ConnectionState)
async def test_only_an_open_and_a_draining_one_read(state: ConnectionState) -> None:
    stage = Stage()
    WAY[state](stage)
    stage.connection.data_received(REQUEST)
    assert len(stage.connection._requests) == MANY[state]
    if state is not CLOSED:
        stage.lose()


async def test_a_closed_one_is_closed_once() -> None:
    stage = Stage()
    stage.close()
    stall = stage.connection._stall
    stage.drain()
    stage.connection._close()
    assert stage.connection._stall is stall is not None
    assert stage.pipe.ended == "close"
