"""Those who wait are accepted many at a time, and none of them is lost."""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, cast

import pytest

from dragoman.gateway.serving.acceptor import Acceptor
from dragoman.gateway.serving.serve import new_loop

LOOPS = {"asyncio": asyncio.new_event_loop, "the best there is": new_loop}
MANY = 200
GONE = struct.pack("ii", 1, 0)

Test = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(params=tuple(LOOPS.values()), ids=tuple(LOOPS))
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Runs a test in a loop."""

    def running(test: Test) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(test())

    return running


class Listener(socket.socket):
    """A listening socket that fails as often as it is told to, and notes how many it has accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.bind(("127.0.0.1", 0))
        self.listen(MANY)
        self.failures = 0
        self.accepted = 0
        self.asked = asyncio.Event()

    def accept(self) -> tuple[socket.socket, Any]:
        self.asked.set()
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        found = super().accept()
        self.accepted += 1
        return found

    def call(self) -> socket.socket:
        """A caller of it, who may wait to be accepted."""
        caller = socket.create_connection(self.getsockname())
        caller.setblocking(False)
        return caller


class Greeter(asyncio.Protocol):
    """Sends a byte to whoever is accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sender = cast(asyncio.Transport, transport)  # uvloop's are none by class
        sender.write(b"x")
        sender.close()


async def greeted(caller: socket.socket) -> bool:
    """Whether it was accepted, once its connection has ended."""
    return await asyncio.get_running_loop().sock_recv(caller, 2) == b"x"


class Crowd:
    """Connections that are held."""

    def __init__(self, listener: Listener) -> None:
        self.held: list[asyncio.Transport] = []
        self.ahead = 0
        """The most callers who had been accepted and had no connection yet."""
        self.whole = asyncio.Event()
        """All are there."""
        self._listener = listener

    def connect(self) -> asyncio.Protocol:
        crowd = self

        class Held(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                crowd.ahead = max(crowd.ahead, crowd._listener.accepted - len(crowd.held))
                crowd.held.append(cast(asyncio.Transport, transport))
                if len(crowd.held) == MANY:
                    crowd.whole.set()

        return Held()


def test_all_who_wait_are_accepted_in_a_few_turns(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        with Listener() as listener, ExitStack() as stack:
            for _ in range(MANY):
                stack.enter_context(listener.call())
            crowd = Crowd(listener)
            acceptor = Acceptor(asyncio.get_running_loop(), crowd.connect, MANY)
            acceptor.begin(listener)
            for _ in range(MANY // 10):
                await asyncio.sleep(0)
            assert len(crowd.held) == MANY
            await acceptor.aclose()
            for each in crowd.held:
                each.close()

    run(test)


def test_one_turn_accepts_no_more_than_it_may(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        with Listener() as listener, ExitStack() as stack:
            for _ in range(MANY):
                stack.enter_context(listener.call())
            crowd = Crowd(listener)
            acceptor = Acceptor(asyncio.get_running_loop(), crowd.connect, 8)
            acceptor.begin(listener)
            await crowd.whole.wait()
            assert 4 <= crowd.ahead <= 8
            await acceptor.aclose()
            for each in crowd.held:
                each.close()

    run(test)


def test_callers_wait_while_nobody_can_be_accepted(
    run: Callable[[Test], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        with Listener() as listener, listener.call() as caller:
            listener.failures = 2
            acceptor = Acceptor(asyncio.get_running_loop(), Greeter, 8)
            acceptor.begin(listener)
            assert await greeted(caller)
            assert not listener.failures
            await acceptor.aclose()

    with caplog.at_level(logging.ERROR, "dragoman.gateway"):
        run(test)
    assert caplog.messages == ["no caller can be accepted: Too many open files; they wait"]


def test_what_was_ended_while_it_failed_stays_ended(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        loop, failures = asyncio.get_running_loop(), list[dict[str, Any]]()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        with Listener() as listener, listener.call(), Listener() as other, other.call() as caller:
            listener.failures = other.failures = 1
            acceptor = Acceptor(loop, Greeter, 8)
            acceptor.begin(listener)
            await listener.asked.wait()
            acceptor.end(listener)
            acceptor.begin(other)  # it fails later, and so accepts again later
            assert await greeted(caller)
            assert not failures
            assert not listener.accepted
            await acceptor.aclose()

    run(test)


def test_those_who_were_accepted_at_the_end_have_their_connections(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        with Listener() as listener, listener.call() as caller, listener.call() as late:
            acceptor = Acceptor(asyncio.get_running_loop(), Greeter, 8)
            acceptor.begin(listener)
            await listener.asked.wait()
            assert listener.accepted == 1
            await acceptor.aclose()
            assert caller.recv(2) == b"x"
            with pytest.raises(BlockingIOError):
                late.recv(2)

    run(test)


def test_a_caller_who_has_left_while_it_waited_harms_nobody(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        with Listener() as listener:
            with listener.call() as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)
            with listener.call() as caller:
                acceptor = Acceptor(asyncio.get_running_loop(), Greeter, 8)
                acceptor.begin(listener)
                assert await greeted(caller)
                await acceptor.aclose()

    run(test)
