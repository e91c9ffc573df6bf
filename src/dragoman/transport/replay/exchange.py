"""A recorded reply, played to a receiver, so that a relay can run from a cassette. Does not read the cassette."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace

from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.transport.base import BODY, COMPLETE, FAILED, Exchange, Receiver, Reply, RequestTemplate, Route, Transport
from dragoman.transport.http.coding import unpacked_reply
from dragoman.types import Headers, HttpRequest


class ReplayTemplate(RequestTemplate):
    """Requests like `request`, each with its own body, to which `transport` has replies."""

    def __init__(self, transport: Transport, request: HttpRequest, route: Route) -> None:
        self._transport = transport
        self._request = request
        self._route = route

    def send(
        self, body: bytes, receiver: Receiver, loop: asyncio.AbstractEventLoop, headers: Headers = ()
    ) -> "ReplaySending":
        request = replace(self._request, body=body, headers=(*self._request.headers, *headers))
        return ReplaySending(self._play(request, receiver), loop)

    async def _play(self, request: HttpRequest, receiver: Receiver) -> None:
        try:
            reply = await self._transport.send(request, self._route)
        except DragomanError as exc:
            receiver.on_failure(exc)
            return
        await ReplayExchange(reply, receiver).play()


class ReplaySending:
    """A reply that is being played."""

    def __init__(self, playing: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
        self._task = loop.create_task(playing)

    def close(self) -> None:
        """Ends it."""
        self._task.cancel()


class ReplayExchange(Exchange):
    """Reads on only while its receiver wants more, as a socket would."""

    def __init__(self, reply: Reply, receiver: Receiver) -> None:
        self.head = reply.head
        self.coding = (reply.head.header("content-encoding") or "").lower()
        self.pieces: list[bytes] = []
        self.state = BODY
        self.error: DragomanError | None = None
        self.quiet = False
        self._reply = reply
        self._receiver: Receiver | None = receiver
        self._wanted = asyncio.Event()

    async def play(self) -> None:
        """Calls the receiver for each read, until the end or until it has left."""
        while self._receiver is not None and self.state is BODY:
            try:
                batch = await self._reply.read()
            except DragomanError as exc:
                self.error, self.state = exc, FAILED
            else:
                self.pieces += batch
                self.state = BODY if batch else COMPLETE
            if self._receiver is not None:
                self._wanted.clear()
                self._receiver.on_news(self)
                await self._wanted.wait()

    def go_on(self) -> None:
        self._wanted.set()

    def committed(self) -> None:
        """Does nothing: there are no limits here."""

    def release(self) -> None:
        self._receiver = None
        self._wanted.set()
        self._reply.close()

    def drain(self, seconds: float) -> None:
        self.release()

    def as_reply(self, taken: list[bytes]) -> Reply:
        self._receiver = None
        self._wanted.set()
        return unpacked_reply(_Resumed(self._reply, [*taken, *self.pieces], self.state is COMPLETE, self.error))


class _Resumed(Reply):
    """A reply of which some was read already, and perhaps its end."""

    def __init__(self, reply: Reply, taken: list[bytes], ended: bool, error: DragomanError | None) -> None:
        self.head = reply.head
        self._reply = reply
        self._taken = taken
        self._ended = ended
        self._error = error

    async def read(self) -> list[bytes]:
        if self._taken:
            taken, self._taken = self._taken, []
            return taken
        if self._error is not None:
            raise self._error
        if self._ended:
            return []
        return await self._reply.read()

    def close(self) -> None:
        if self._taken:
            self._taken, self._error = [], self._error or TruncatedStreamError("the reply was closed before its end")
        self._reply.close()
