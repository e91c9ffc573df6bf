"""The table of a connection's states, and the connection beside it: each event in each state, without a socket."""

import asyncio
from collections.abc import Callable
from itertools import product

import pytest

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError
from dragoman.loop.alarms import Alarms
from dragoman.loop.outbox import Outbox
from dragoman.transport.base import BODY, COMPLETE, FAILED, HEAD, IDLE, Reply, State, Timeouts
from dragoman.transport.native.buffer import Buffer
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.outgoing_body import PIECE
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.transitions import BEGIN, END, FAIL, REPLY, REST, TRANSITIONS, Event

HEADS = b"HTTP/1.1 200 OK\r\n"
SIZED = HEADS + b"content-length: 4\r\n\r\nab"
UNSIZED = HEADS + b"\r\nab"
MESSAGE = OutgoingRequest(b"POST / HTTP/1.1\r\n\r\n", b"", Timeouts(), 1e9)


class Wire(asyncio.Transport):
    """A socket that takes everything, and says whether it was closed."""

    closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Keeper:
    """Counts the idle connections that have ended."""

    def __init__(self) -> None:
        self.ends = 0

    def connections(self, loop: asyncio.AbstractEventLoop) -> list[Connection]:
        raise AssertionError("nothing ends with its loop here")

    def ended(self, connection: Connection) -> None:
        self.ends += 1

    def give_back(self, connection: Connection | None) -> None:
        raise AssertionError("nothing is given back here")

    def as_reply(self, connection: Connection) -> Reply:
        raise AssertionError("nothing is read by a task here")


class Stage:
    """A connection that has served once, so that it is IDLE with all that a connection can have."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.keeper, self.wire = Keeper(), Wire()
        self.connection = Connection("service", Alarms(loop), Outbox(loop), Buffer(), self.keeper)
        self.connection.connection_made(self.wire)
        self.begin()
        self.came(HEADS + b"content-length: 0\r\n\r\n")
        assert self.connection.rest()

    def begin(self) -> None:
        """Sends a request."""
        self.connection.begin(MESSAGE)

    def came(self, data: bytes) -> None:
        """The service has sent this."""
        self.connection.get_buffer(-1)[: len(data)] = data
        self.connection.buffer_updated(len(data))


def begin(stage: Stage) -> None:
    """In the middle of nothing."""
    stage.begin()


def reply(stage: Stage) -> None:
    """The head and half of the body; in the middle of a body only some of it."""
    stage.came(b"a" if stage.connection.state is BODY else SIZED)


def whole(stage: Stage) -> None:
    """All that is missing."""
    stage.came(b"cd" if stage.connection.state is BODY else SIZED + b"cd")


def fail(stage: Stage) -> None:
    """We want no more of it."""
    stage.connection.abort()


def rest(stage: Stage) -> None:
    """It is given back."""
    stage.connection.rest()


DONE: dict[Event, Callable[[Stage], None]] = {BEGIN: begin, REPLY: reply, END: whole, FAIL: fail, REST: rest}
"""How each event happens."""

WAY: dict[State, tuple[Event, ...]] = {
    IDLE: (),
    HEAD: (BEGIN,),
    BODY: (BEGIN, REPLY),
    COMPLETE: (BEGIN, END),
    FAILED: (BEGIN, REPLY, FAIL),
}
"""How to get into each state."""

MAY: dict[tuple[State, Event], State] = {
    (IDLE, BEGIN): HEAD,
    (IDLE, FAIL): FAILED,
    (IDLE, REST): IDLE,
    (HEAD, REPLY): BODY,
    (HEAD, END): COMPLETE,
    (HEAD, FAIL): FAILED,
    (BODY, REPLY): BODY,
    (BODY, END): COMPLETE,
    (BODY, FAIL): FAILED,
    (COMPLETE, FAIL): FAILED,
    (COMPLETE, REST): IDLE,
    (FAILED, FAIL): FAILED,
}
"""The table, written a second time."""


def at(state: State) -> Stage:
    """A connection in this state."""
    stage = Stage()
    for event in WAY[state]:
        DONE[event](stage)
    assert stage.connection.state is state
    return stage


def test_the_table_has_each_state_and_leads_to_no_other() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {(state, event): then for state, row in TRANSITIONS.items() for event, then in row.items()} == MAY


@pytest.mark.parametrize(("state", "event"), MAY)
async def test_what_may_happen_leads_where_the_table_says(state: State, event: Event) -> None:
    stage = at(state)
    DONE[event](stage)
    assert stage.connection.state is MAY[state, event]


@pytest.mark.parametrize(("state", "event"), [pair for pair in product(State, Event) if pair not in MAY])
async def test_what_may_not_happen_is_a_bug(state: State, event: Event) -> None:
    with pytest.raises(KeyError):
        at(state).connection._enter(event)


@pytest.mark.parametrize("state", [HEAD, BODY, FAILED])
async def test_a_connection_whose_reply_has_not_ended_well_does_not_rest(state: State) -> None:
    stage = at(state)
    assert not stage.connection.rest()
    assert stage.connection.state is state


@pytest.mark.parametrize(
    ("state", "following", "ends"), [(IDLE, FAILED, 1), (COMPLETE, COMPLETE, 0), (FAILED, FAILED, 0)]
)
async def test_bytes_that_nobody_asked_for(state: State, following: State, ends: int) -> None:
    stage = at(state)
    error = stage.connection.error
    stage.came(b"x")
    assert (stage.connection.state, stage.keeper.ends) == (following, ends)
    assert not stage.connection.rest()
    if state is not IDLE:
        assert stage.connection.error is error


@pytest.mark.parametrize(
    ("state", "following", "ends"),
    [(IDLE, IDLE, 1), (HEAD, FAILED, 0), (BODY, FAILED, 0), (COMPLETE, COMPLETE, 0), (FAILED, FAILED, 0)],
)
@pytest.mark.parametrize("lost", [False, True])
async def test_a_peer_that_closes(state: State, following: State, ends: int, lost: bool) -> None:
    stage = at(state)
    if lost:
        stage.connection.connection_lost(None)
    else:
        stage.connection.eof_received()
    assert (stage.connection.state, stage.keeper.ends) == (following, ends)
    assert isinstance(stage.connection.error, TruncatedStreamError) == (following is FAILED)
    if state is COMPLETE:
        assert not stage.connection.rest()


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    stage = at(HEAD)
    stage.came(UNSIZED)
    assert stage.connection.state is BODY
    stage.connection.eof_received()
    assert stage.connection.state is COMPLETE
    assert not stage.connection.rest()


@pytest.mark.parametrize(("state", "following", "ends"), [(IDLE, FAILED, 1), (HEAD, FAILED, 0), (BODY, FAILED, 0)])
async def test_a_peer_that_is_silent_for_too_long(state: State, following: State, ends: int) -> None:
    stage = at(state)
    stage.connection.late()
    assert (stage.connection.state, stage.keeper.ends) == (following, ends)
    assert stage.wire.closed


@pytest.mark.parametrize("state", [HEAD, BODY])
async def test_bytes_that_are_not_http(state: State) -> None:
    stage = at(state)
    if state is BODY:
        stage.connection.abort()
        stage = at(HEAD)
        stage.came(HEADS + b"transfer-encoding: chunked\r\n\r\n")
    stage.came(b"zz\r\n")
    error: DragomanError | None = stage.connection.error
    assert stage.connection.state is FAILED
    assert isinstance(error, BadEventError)


async def test_a_connection_is_not_idle_before_its_body_is_written() -> None:
    stage = Stage()
    stage.connection.begin(OutgoingRequest(b"POST / HTTP/1.1\r\n\r\n", b"x" * (2 * PIECE), Timeouts(), 1e9))
    stage.came(HEADS + b"content-length: 0\r\n\r\n")
    assert stage.connection.state is COMPLETE
    assert not stage.connection.rest()
    await asyncio.sleep(0)
    assert stage.connection.rest()
