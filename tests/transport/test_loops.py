"""One transport in two event loops, one after the other: what the first leaves behind harms nobody."""

import asyncio
import gc
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from dragoman.transport.base import Reply, Transport, read_all
from dragoman.transport.native import NativeTransport
from dragoman.transport.native.connection import Connection
from tests.transport.foreign import ALL, PATIENT, Make, ask

Run = Callable[[Coroutine[Any, Any, bytes]], bytes]

RUNS: dict[str, Run] = {"asyncio": asyncio.run, "uvloop": uvloop.run}

every = pytest.mark.parametrize("make", ALL)
loops = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)

CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n"
FINE = CHUNK + b"0\r\n\r\n"


class Service:
    """Answers in threads of its own: it outlives every loop. `open`: connections that nobody has closed yet."""

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.connections = 0
        self.open = 0
        self.closed = threading.Condition()
        self._listener = listener
        self._answer = answer

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open += 1
            threading.Thread(target=self._serve, args=(connection,)).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(self._answer)
            except ConnectionError:
                pass
        with self.closed:
            self.open -= 1
            self.closed.notify_all()

    def left(self) -> bool:
        """Whether all connections are closed, now or soon."""
        with self.closed:
            return self.closed.wait_for(lambda: self.open == 0, 10)


@contextmanager
def service(answer: bytes = FINE) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Service(listener, answer)
        thread = threading.Thread(target=made.accept)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


async def once(transport: Transport, url: str) -> bytes:
    return await read_all(await transport.send(ask(url), PATIENT))


@every
@loops
def test_each_run_is_served(make: Make, run: Run) -> None:
    transport = make()
    with service() as there:
        for _ in range(3):
            assert run(once(transport, there.url)) == b"fine"
        transport.close()
        assert there.left()


@loops
def test_a_loop_that_ends_takes_its_connections_along(run: Run) -> None:
    transport = NativeTransport()
    with service() as there:
        assert run(once(transport, there.url)) == b"fine"
        assert there.left()
        assert run(once(transport, there.url)) == b"fine"
        assert there.connections == 2
    transport.close()


@loops
def test_loops_that_have_ended_are_not_held(run: Run) -> None:
    transport = NativeTransport()
    with service() as there:
        for _ in range(5):
            assert run(once(transport, there.url)) == b"fine"
        gc.collect()
        assert sum(type(each) is Connection for each in gc.get_objects()) <= 1
        transport.close()


@every
@loops
def test_a_reply_left_open_by_the_last_loop_is_closed_with_it_or_with_the_transport(make: Make, run: Run) -> None:
    kept: list[Reply] = []

    async def leave(url: str) -> bytes:
        kept.append(await transport.send(ask(url), PATIENT))
        return b"".join(await kept[0].read())

    transport = make()
    with service(CHUNK) as there, service() as other:
        assert run(leave(there.url)) == b"fine"
        assert run(once(transport, other.url)) == b"fine"
        transport.close()
        kept.clear()
        gc.collect()
        assert there.left()


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_only_stopped_does_not_harm_the_next(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    transport = NativeTransport()
    loop = make_loop()
    with service() as there:
        assert loop.run_until_complete(once(transport, there.url)) == b"fine"
        assert asyncio.run(once(transport, there.url)) == b"fine"
        assert there.connections == 2
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        transport.close()
        assert there.left()


async def test_a_transport_that_is_dropped_closes_its_connections() -> None:
    transport: Transport | None = NativeTransport()
    with service() as there:
        assert transport is not None
        assert await once(transport, there.url) == b"fine"
        transport = None
        gc.collect()
        assert await asyncio.to_thread(there.left)


def test_one_client_may_be_used_in_two_loops_at_a_time_if_not_at_once() -> None:
    transport = NativeTransport()

    async def twice() -> bytes:
        first = await once(transport, there.url)
        other = await asyncio.to_thread(asyncio.run, once(transport, there.url))
        return first + other + await once(transport, there.url)

    with service() as there:
        assert asyncio.run(twice()) == b"finefinefine"
        transport.close()
        assert there.left()
