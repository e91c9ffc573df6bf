"""When an answer counts as sent: a connection without a socket, which a test lets take what is written, or not."""

import asyncio

from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts
from tests.support.echo import Echo, Pipe, Rules

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx"
NONE = b"GET /none HTTP/1.1\r\nHost: here\r\n\r\n"
WHOLE, CUT, WAITS = "POST / 200 True", "POST / 200 False", "/ waits"


class Narrow(Pipe):
    """One that takes nothing if it is `full`, and fails if it is `broken`, as a socket does whose peer has reset it."""

    full = broken = False
    unsent = 0
    reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.broken:
            self.abort()
            return
        super().write(data)
        self.unsent += len(data) if self.full else 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Stage:
    """A connection with one such request under way."""

    def __init__(self) -> None:
        self.service = Echo(slow=True)
        self.pipe = Narrow()
        self.shared: ServerContext[str] = ServerContext(
            asyncio.get_running_loop(), ServerTimeouts(), RequestLimits(1000), Rules()
        )
        self.connection = ServerConnection(self.service, self.shared)
        self.connection.connection_made(self.pipe)
        self.connection.data_received(REQUEST)
        self.service.heard.clear()

    async def busy(self) -> None:
        """The turn that begins now follows one of several messages, so that the next waits for its end."""
        for _ in range(2):
            self.shared.outbox.write(Pipe(), b"to others")
        await asyncio.sleep(0)

    def fill(self) -> None:
        """The caller reads no more."""
        self.pipe.full = True
        self.connection.pause_writing()

    def read(self) -> None:
        """It reads again."""
        self.pipe.full, self.pipe.unsent = False, 0
        self.connection.resume_writing()


async def test_an_answer_that_the_socket_takes_is_sent_at_once() -> None:
    on = Stage()
    on.service.answer()
    assert on.service.heard == [WHOLE]


async def test_an_answer_that_waits_for_the_turns_end_is_sent_then() -> None:
    on = Stage()
    await on.busy()
    on.service.answer()
    assert (on.pipe.sent, on.service.heard) == (b"", [])
    await asyncio.sleep(0)
    assert on.pipe.sent
    assert on.service.heard == [WHOLE]


async def test_an_answer_that_waited_for_the_turns_end_may_wait_on() -> None:
    on = Stage()
    await on.busy()
    on.service.answer()
    on.fill()
    await asyncio.sleep(0)
    assert on.service.heard == [WAITS]
    on.read()
    assert on.service.heard == [WAITS, WHOLE]


async def test_a_caller_who_leaves_before_the_turns_end_has_nothing() -> None:
    on = Stage()
    await on.busy()
    on.service.answer()
    on.pipe.abort()
    on.connection.connection_lost(None)
    assert on.service.heard == []
    await asyncio.sleep(0)
    assert on.service.heard == [CUT]


async def test_a_write_that_fails_has_sent_nothing() -> None:
    for closes in (False, True):
        on = Stage()
        on.pipe.broken = True
        if closes:
            on.connection.drain()
        on.service.answer()
        assert on.service.heard == [WAITS]
        on.connection.connection_lost(ConnectionResetError())
        assert on.service.heard == [WAITS, CUT]


async def test_what_waits_is_told_once_whatever_follows() -> None:
    on = Stage()
    on.fill()
    on.service.answer()
    on.read()
    on.fill()
    on.read()
    on.connection.connection_lost(None)
    assert on.service.heard == [WAITS, WHOLE]


async def test_a_connection_that_closes_tells_when_all_was_sent() -> None:
    on = Stage()
    on.fill()
    on.connection.drain()
    on.service.answer()
    assert on.pipe.ended == "close"
    assert on.service.heard == [WAITS]
    on.read()
    on.connection.connection_lost(None)
    assert on.service.heard == [WAITS, WHOLE]


async def test_a_refusal_and_an_error_wait_too() -> None:
    on = Stage()
    on.service.answer()
    on.fill()
    on.service.heard.clear()
    on.connection.data_received(NONE)
    on.connection.data_received(b"\0\r\n\r\n")
    assert on.service.heard == ["/none waits", " waits"]
    on.read()
    assert on.service.heard == ["/none waits", " waits", "GET /none 404 True", "  400 True"]
    assert on.pipe.ended == "eof"


async def test_a_slow_caller_is_cut_after_its_own_time_and_not_as_an_idle_one() -> None:
    on = Stage()
    on.fill()
    ends = on.connection._alarm.deadline
    on.service.answer()
    assert on.connection._alarm.deadline == ends
    on.read()
    assert on.connection._alarm.deadline < ends
