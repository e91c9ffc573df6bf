"""The native transport: requests out, replies as they arrive. Knows no protocol above HTTP."""

import asyncio
import math
from functools import partial

from msgspec import Struct

from dragoman.errors import ConnectError, TruncatedStreamError
from dragoman.transport.base import Reply, Route, Transport
from dragoman.transport.http.coding import unpacked
from dragoman.transport.http.target import Origin, Target, head, parse
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.dial import Dialer
from dragoman.transport.native.pool import Pool
from dragoman.transport.native.state import BODY, COMPLETE, HEAD
from dragoman.transport.native.template import RequestTemplate
from dragoman.types import HttpRequest

CONNECTIONS = 16_384
"""Connections to one origin at a time: HTTP/1.1 carries one answer on each, and a worker is to hold 8,000 streams, so
that the process's descriptors are the wall. Envoy breaks its circuit at 1024; httpx and aiohttp give 100."""

TARGETS = 1024
"""Parsed URLs kept: far more than services have; where a URL names the model, all start anew now and then."""


class Stats(Struct, frozen=True):
    """Connections that are idle; slots in use; requests that wait for one."""

    idle: int
    active: int
    waiting: int


class NativeReply(Reply):
    """A reply on a connection, which goes back to the pool at the end."""

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.head = connection.head
        self._connection: Connection | None = connection
        self._pool = pool
        self._ended = False

    async def read(self) -> list[bytes]:
        connection = self._connection
        if connection is None:
            return self._after()
        pieces = connection.pieces
        while not pieces:
            if connection.state is not BODY:
                return self._end(connection)
            try:
                await connection.more()
            except asyncio.CancelledError:
                self.close()
                raise
            if self._connection is None:
                return self._after()
        batch = pieces.copy()
        pieces.clear()
        connection.taken()
        return batch

    def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._pool.give_back(connection)

    def _end(self, connection: Connection) -> list[bytes]:
        self._ended = connection.state is COMPLETE
        self.close()
        if not self._ended and connection.error is not None:
            raise connection.error
        return self._after()

    def _after(self) -> list[bytes]:
        if self._ended:
            return []
        raise TruncatedStreamError("the reply was closed before its end")


class NativeTransport(Transport):
    """HTTP/1.1 with a pool of connections to each origin. Lives in one event loop after another."""

    def __init__(self, connections: int = CONNECTIONS) -> None:
        self._connections = connections
        self._dialer = Dialer()
        self._targets: dict[tuple[str, str | None, str | None], tuple[Target, Pool]] = {}
        self._pools: dict[Origin, Pool] = {}
        self._templated: set[Pool] = set()
        self._closed = False

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        found = self._targets.get((request.url, route.proxy, route.ca_file))
        target, pool = found or self._target(request.url, route)
        message = head(request, target)
        timeouts = route.timeouts
        ends = math.inf if timeouts.total is None else asyncio.get_running_loop().time() + timeouts.total
        connection = pool.take(asyncio.get_running_loop()) or await pool.slot(timeouts, ends)
        reused = connection is not None
        if connection is None:
            connection = await pool.dial(timeouts, ends)
        while True:
            connection.begin(
                message,
                request.body,
                timeouts,
                ends,
                bodiless=request.method == "HEAD",
                marked=request.mark_chunks,
            )
            try:
                while connection.state is HEAD:
                    await connection.more()
            except asyncio.CancelledError:
                pool.drop(connection)
                pool.give_back(None)
                raise
            if connection.state is BODY or connection.state is COMPLETE or connection.pieces:
                break
            pool.drop(connection)
            error = connection.error
            if not (reused and not connection.received and isinstance(error, TruncatedStreamError)) or self._closed:
                pool.give_back(None)
                raise error or TruncatedStreamError(f"{target.origin.name} closed the connection without an answer")
            reused = False  # closed while idle, no byte answered: once more, afresh (RFC 9112, section 9.3.1)
            connection = await pool.dial(timeouts, ends)
        reply = NativeReply(connection, pool)
        if target.origin.forwarded and connection.head.status == 407:
            reply.close()
            proxy = target.origin.proxy
            raise ConnectError(f"{proxy.name if proxy else ''} refused the request: 407", code="proxy_error")
        return unpacked(reply, request.method) if connection.coding else reply

    def template(self, request: HttpRequest, route: Route) -> "RequestTemplate":
        """What sends requests like this one, each with another body, to a listener."""
        target, pool = self._target(request.url, route)
        self._templated.add(pool)
        return RequestTemplate(request, target, pool, route.timeouts)

    def close(self) -> None:
        self._closed = True
        for pool in self._templated.union(self._pools.values()):
            pool.close()
        self._dialer.close()
        self._targets.clear()
        self._pools.clear()

    def stats(self) -> Stats:
        """What the pools hold now."""
        pools = self._pools.values()
        return Stats(sum(p.idle for p in pools), sum(p.active for p in pools), sum(p.waiting for p in pools))

    def _target(self, url: str, route: Route) -> tuple[Target, Pool]:
        if self._closed:
            raise ConnectError("this transport is closed")
        target = parse(url, route.proxy, route.ca_file)
        origin = target.origin
        if len(self._targets) >= TARGETS:
            self._targets.clear()
            self._pools = {key: pool for key, pool in self._pools.items() if pool.idle or pool.active}
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin.name, self._connections, partial(self._dialer.dial, origin))
        self._targets[url, route.proxy, route.ca_file] = found = (target, pool)
        return found
