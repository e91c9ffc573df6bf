"""A relayed answer on its way to a caller: what the engine's relay does, in this server's words."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from dragoman.client.models import Relayed
from dragoman.engine.answer import Answer, Handler
from dragoman.engine.env import system_env
from dragoman.engine.relay import Relay
from dragoman.errors import DragomanError
from dragoman.gateway.answer import STREAM, fit
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import Chat
from dragoman.gateway.http.heads import fields
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.relay import RelayRequest
from dragoman.routing.fallback import fallback
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, ServerRequest

OPENING = (200, (("content-type", "text/event-stream"), *STREAM.items()))
STREAM_FIELDS = fields(OPENING[1])
WHOLE_FIELDS = b"content-type: application/json\r\n"

Spawn = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a coroutine in a task that is held."""


class Relays:
    """What one server relays for its gateway."""

    def __init__(self, gateway: Gateway, spawn: Spawn) -> None:
        self.gateway = gateway
        self.spawn = spawn
        self._loop = asyncio.get_running_loop()

    def begin(self, admitted: Admitted, call: ServerRequest, writer: HttpResponseWriter) -> bool:
        """Begins to relay; False where the request must be translated, or refused in detail."""
        chat = admitted.endpoint
        if not isinstance(chat, Chat):
            return False
        try:
            request = chat.codec.read_relayed(call.body)
            relayed = chat.client.relayed(request.model, chat.codec.name) if request is not None else None
        except DragomanError:
            return False
        if request is None or relayed is None:
            return False
        writer.outcome.model = request.model or chat.client.default_model
        relay = RelayedAnswer(self, admitted, call, writer, relayed, chat=chat, request=request)
        self.gateway.hold(writer)
        relay.start(request.body_for(relayed.model), self._loop)
        return True


class RelayedAnswer(Relay):
    """One relayed answer to a caller. What cannot pass as it is, is translated instead, in a task."""

    __slots__ = ("_admitted", "_call", "_chat", "_outcome", "_relayed", "_relays", "_writer")

    def __init__(
        self,
        relays: Relays,
        admitted: Admitted,
        call: ServerRequest,
        writer: HttpResponseWriter,
        relayed: Relayed,
        *,
        chat: Chat,
        request: RelayRequest,
    ) -> None:
        super().__init__(relayed.line, request)
        self._relays = relays
        self._admitted = admitted
        self._chat = chat
        self._call = call
        self._writer = writer
        self._outcome = writer.outcome
        self._relayed = relayed
        self.paused = writer.congested
        writer.watcher = self
        if request.stream:
            writer.heartbeat = relayed.line.codec.heartbeat
            writer.opening = OPENING

    def refuse(self, error: DragomanError) -> None:
        if error.provider is not None:  # and no end that we put to it
            error.attempts = (error.attempt(self._relayed.target),)
        if self._head_checked:
            error.upstream_status = 200
        rest = self._relayed.rest
        if rest and not self._relays.gateway.stopped:

            async def refused(request: ChatRequest) -> Answer:
                raise error

            self._translate(fallback([refused, *rest]))
        elif self._writer.started:
            self.fail(error)
        else:
            self._outcome.fail(error)
            error = fit(error, self._writer)
            self._writer.send_nowait(self._chat.codec.encode_error(error))

    def take_over(self, reply: Reply) -> None:
        handler, rest = self._relayed.received(reply), self._relayed.rest
        self._translate(fallback([handler, *rest]) if rest else handler, reply)

    def give(self, body: bytes) -> None:
        self._note()
        self._answers()
        self._writer.send_bytes(200, WHOLE_FIELDS, body)

    def begin(self, data: bytes, *, more: bool) -> None:
        if not more:
            self._note()
        self._answers()
        self._writer.start_nowait(200, STREAM_FIELDS, sized=False)
        self._writer.write_nowait(data, more=more)

    def pass_on(self, data: bytes, *, more: bool) -> None:
        if not more:
            self._note()
        self._writer.write_nowait(data, more=more)

    def fail(self, error: DragomanError) -> None:
        words = _words(self._chat.codec, fit(error, self._writer))
        self._outcome.fail(error)
        self._writer.broken = True
        self._note()
        self._writer.write_nowait(words, more=not (self._chat.clean and words))
        self._writer.abort()

    def _answers(self) -> None:
        self._outcome.target, self._outcome.upstream_status = self._relayed.target, 200

    def _note(self) -> None:
        if self.summary is not None:
            self._outcome.usage, self._outcome.finish_reason = self.summary.usage, self.summary.finish_reason

    def _translate(self, handler: Handler, reply: Reply | None = None) -> None:
        self._writer.watcher = None
        admitted = Admitted(self._admitted.front, Translated(self._chat, handler, reply))
        self._relays.spawn(self._relays.gateway.answer(admitted, self._call, self._writer))


class Translated(Chat):
    """Answers a question that could not be relayed, with a handler of its own."""

    def __init__(self, chat: Chat, handler: Handler, reply: Reply | None) -> None:
        super().__init__(chat.client, chat.codec, clean=chat.clean)
        self._handler = handler
        self._reply = reply

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        try:
            request = await self.question(call, key_shown=writer.outcome.identity.known)
            await self.answer(request, self._handler, writer)
        except DragomanError as exc:
            if not writer.started:
                raise
            # A silence has spent the status before it was known that the question is wrong.
            writer.outcome.error = exc.code
            await writer.break_off(_words(self.codec, fit(exc, writer)), clean=self.clean)
        finally:
            # Nobody else does where the question is wrong, or its caller has gone before this began.
            if self._reply is not None:
                self._reply.close()


def _words(codec: ServerCodec, error: DragomanError) -> bytes:
    """`error` as it is said inside a stream. That does not depend on what was asked, which may be more than we read."""
    return codec.encoder(ChatRequest(model="", messages=()), system_env()).fail(error)
