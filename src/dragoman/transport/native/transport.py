"""The native transport: requests out, replies as they arrive. Knows no protocol above HTTP."""

import asyncio
import math
from functools import partial

from msgspec import Struct

from dragoman.errors import ConnectError
from dragoman.transport.base import CallbackTransport, Reply, Route
from dragoman.transport.http.target import HttpTarget, Origin, head, parse
from dragoman.transport.native.dial import Dialer
from dragoman.transport.native.exchange import sent
from dragoman.transport.native.lookup import Resolver, by_system
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.pool import Pool
from dragoman.transport.native.template import NativeTemplate
from dragoman.types import HttpRequest

CONNECTIONS = 16_384
"""Connections to one origin at a time. HTTP/1.1 carries one answer on each, and a worker is to hold 8,000 streams, so
that the limit of file descriptors comes before this one. Envoy allows 1024 by default; httpx and aiohttp allow 100."""

TARGETS = 1024
"""Parsed URLs that are remembered: far more than services have. If the URL has the model in it, there may be more; then
all are forgotten."""


class Stats(Struct, frozen=True):
    """Numbers of idle connections, of slots in use, and of requests that wait for a slot."""

    idle: int
    active: int
    waiting: int


class NativeTransport(CallbackTransport):
    """HTTP/1.1 with a pool of connections to each origin. May be used in one event loop after another."""

    def __init__(self, connections: int = CONNECTIONS, resolver: Resolver = by_system) -> None:
        self._connections = connections
        self._dialer = Dialer(resolver)
        self._targets: dict[tuple[str, str | None, str | None], tuple[HttpTarget, Pool]] = {}
        self._pools: dict[Origin, Pool] = {}
        self._templated: set[Pool] = set()
        self._closed = False

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        found = self._targets.get((request.url, route.proxy, route.ca_file))
        target, pool = found or self._target(request.url, route)
        loop = asyncio.get_running_loop()
        timeouts, method = route.timeouts, request.method
        ends = math.inf if timeouts.total is None else loop.time() + timeouts.total
        outgoing = OutgoingRequest(
            head(request, target),
            request.body,
            timeouts,
            ends,
            bodiless=method == "HEAD",
            marked=request.mark_chunks,
        )
        connection = await sent(pool, outgoing, loop)
        return pool.as_reply(connection, method)

    def template(self, request: HttpRequest, route: Route) -> NativeTemplate:
        target, pool = self._target(request.url, route)
        self._templated.add(pool)
        return NativeTemplate(request, target, pool, route.timeouts)

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

    def _target(self, url: str, route: Route) -> tuple[HttpTarget, Pool]:
        if self._closed:
            raise ConnectError("this transport is closed")
        target = parse(url, route.proxy, route.ca_file)
        origin = target.origin
        if len(self._targets) >= TARGETS:
            self._targets.clear()
            self._pools = {key: pool for key, pool in self._pools.items() if pool.idle or pool.active}
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin, self._connections, partial(self._dialer.dial, origin))
        self._targets[url, route.proxy, route.ca_file] = found = (target, pool)
        return found
