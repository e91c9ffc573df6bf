"""A gateway as connections see it: what it answers, from its configuration's first request to its last.

A reload makes a new generation. Each connection goes on with the one in which its present request began, and takes the
new one for its next request; so every answer is whole, and of one configuration.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import LARGE
from dragoman.gateway.http.application import Peer, ServerContext
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.heads import ID, fields
from dragoman.gateway.http.response_writer import DisconnectedError
from dragoman.gateway.http.unpacking import unpacked
from dragoman.gateway.serving.relays import Relays
from dragoman.loop.outbox import Outbox
from dragoman.types import ServerRequest

LATER = 1.0
"""Seconds in which answers can report that they were interrupted, before their connections are closed."""


class Doorkeeper(Protocol):
    """What knows the connections."""

    def opened(self, connection: Peer) -> None:
        """A connection was opened."""

    def closed(self, connection: Peer) -> None:
        """A connection was closed."""


class Generation:
    """Serves one gateway (as Application of `gateway/http`)."""

    def __init__(self, gateway: Gateway, doorkeeper: Doorkeeper, outbox: Outbox) -> None:
        self.gateway = gateway
        self.opened = doorkeeper.opened
        self.closed = doorkeeper.closed
        self.release = gateway.release
        self.postpone = gateway.postpone
        self.hold = gateway.hold
        self.resign = gateway.resign
        self.outcome = gateway.outcome
        self.begun = gateway.begun
        self.admit = gateway.admit
        self.refusal = gateway.refusal
        self.new_request_id = gateway.request_ids.new
        self.tasks: set[asyncio.Task[None]] = set()
        """What is under way in tasks."""
        self._loop = asyncio.get_running_loop()
        self._relays = Relays(gateway, self._spawn)
        self.shared: ServerContext[Admitted] = ServerContext(
            self._loop, gateway.timeouts, gateway.limits, gateway.keys, outbox
        )

    def drain(self) -> None:
        """From now on no more requests are wanted."""
        self.gateway.drain()

    async def aclose(self) -> None:
        """Closes the gateway, when no answer is under way."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=LATER)
        await self.gateway.aclose()

    # What a connection asks.

    def fields(self, call: ServerRequest) -> bytes:
        return fields(self.gateway.headers(call, ID))

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        gateway = self.gateway
        if gateway.gate.active and (full := gateway.turned_away(call, writer)) is not None:
            writer.send_nowait(full.response, full.lines)
        elif len(call.body) > LARGE:
            self._spawn(self._serve_large(admitted, call, writer))
        elif not self._relays.begin(admitted, call, writer):
            self._spawn(gateway.answer(admitted, call, writer))

    async def _serve_large(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        try:
            begun = await self._relays.begin_large(admitted, call, writer)
        except DisconnectedError:
            return
        except DragomanError as exc:  # the gateway was stopped
            await self.gateway.refuse(admitted.front, call, exc, writer)
        except BaseException:  # a bug of ours: the response ends, and the loop's handler reports it
            writer.abort()
            raise
        else:
            if not begun:
                await self.gateway.answer(admitted, call, writer)

    def unpack(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        if self.gateway.gate.active and (full := self.gateway.turned_away(call, writer)) is not None:
            writer.send_nowait(full.response, full.lines)
        else:
            self._spawn(self._unpack(admitted, call, writer))

    async def _unpack(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        try:
            plain = await unpacked(call, self.gateway.limits.body)
        except DragomanError as exc:
            writer.send_nowait(self.gateway.refusal(call, exc, writer.outcome))
        else:
            if not writer.disconnected:
                self.serve(admitted, plain, writer)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
