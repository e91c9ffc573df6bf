"""What answers a request: a chat, or an answer that is known already. Knows no path."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import BrokenEnd, FrontConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.engine.explained import Explained
from dragoman.engine.spent import Noted
from dragoman.errors import Attempt, DragomanError
from dragoman.gateway.answer import answer_stream, answer_whole
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.loop.turns import in_turns
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.relay import RelayRequest, ReplySummary
from dragoman.protocols.steering import check_steering
from dragoman.routing.caller import Caller
from dragoman.routing.conversation import conversation_in
from dragoman.routing.plan import Plan
from dragoman.types import ChatRequest, Identity, Outcome, ServerRequest, ServerResponse
from dragoman.wire.steps import Steps

T = TypeVar("T")

LARGE = 256 << 10
"""Bytes of a body from which on it is checked in several turns of the loop, and decoded in a thread: that takes up to
twelve milliseconds per MiB, and all but a few of its calls let the loop go on after a millisecond."""


class Endpoint(ABC):
    """What answers a request."""

    @abstractmethod
    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        """Answers. Raises an error only as long as nothing has been sent."""


class ChatEndpoint(Endpoint):
    """Answers chat requests in a protocol, with the models of a client.

    `clean`: if an answer breaks off and that was reported, its transfer ends like a good one. `turns`: keeps opaque
    state for callers who do not send it back; None: nothing is kept.
    """

    def __init__(self, client: Client, codec: ServerCodec, *, clean: bool, turns: KeptTurns | None = None) -> None:
        self.client = client
        self.codec = codec
        self.clean = clean
        self.turns = turns

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        identity = writer.outcome.identity
        request = of_call(await self.question(call, identity), call, writer.outcome)
        handler = await self.handler(call, writer, request.model)
        answering = self.answer(request, handler, writer)
        del request, handler  # an open stream needs neither, and the request may be large
        await answering

    async def handler(self, call: ServerRequest, writer: ResponseWriter, model: str) -> Handler:
        """What answers the request of the caller of `writer` for `model`, by translation."""
        try:
            plan = self.client.plan(model)
        except DragomanError:
            return self.client.open  # it will raise the same, when the request has been checked
        conversation = None
        if plan.sticky:
            conversation = await in_turns(self.conversation(call, writer.outcome.identity, model))
        return self.client.handler(model, FrontCaller(self, writer, conversation))

    def fitting(self, answer: Answer) -> Answer:
        """`answer`, as one that fails before its content if this protocol cannot say why there is none."""
        return Explained(answer, self.codec.expresses)

    def conversation(self, call: ServerRequest, identity: Identity, model: str) -> Steps[bytes | None]:
        """The conversation to which a request of `identity` for `model` belongs; None if that cannot be known."""
        return conversation_in(self.codec, call, identity, model or self.client.default_model)

    def read_relayed(self, call: ServerRequest, identity: Identity) -> RelayRequest | None:
        """The request of `identity`, as far as a relay must know it; None if it must be translated."""
        return self.codec.reader.at_once(call)

    async def read_relayed_large(self, call: ServerRequest, identity: Identity) -> RelayRequest | None:
        """The same in several turns of the loop, for a body of more than LARGE bytes."""
        return await in_turns(self.codec.reader.in_steps(call))

    def plan(self, request: RelayRequest) -> Plan:
        """How a request is answered that `read_relayed` gave. Raises RequestError."""
        return self.client.plan(request.model)

    def begins(self, request: RelayRequest, summary: ReplySummary, outcome: Outcome) -> None:
        """Is told that a relayed answer passes from now on; `outcome` names its target."""

    async def question(self, call: ServerRequest, identity: Identity) -> ChatRequest:
        """The chat request of `identity` in `call`. Raises RequestError."""
        return await decoded(call, partial(self.codec.decode_request, key_shown=identity.known))

    async def recalled(self, request: ChatRequest, identity: Identity) -> ChatRequest:
        """`request` with what its caller has dropped of the turns before, as `encoded` gives it to its handler."""
        return request if self.turns is None else (await self.turns.recalled(request, identity.fingerprint))[0]

    def answer(self, request: ChatRequest, handler: Handler, writer: ResponseWriter) -> Awaitable[None]:
        """Answers `request` with what `handler` opens, once it is awaited."""
        return self.encoded(request, handler, writer, self.codec)

    def encoded(
        self, request: ChatRequest, handler: Handler, writer: ResponseWriter, codec: ServerCodec
    ) -> Awaitable[None]:
        """The same, by `codec`. No coroutine around that of the answer: an open stream would hold its frame, too."""
        if not request.model:
            request = replace(request, model=self.client.default_model)
        writer.outcome.model = request.model
        steerable = {"metadata": request.metadata or {}} | request.extra.get(self.codec.name, {})
        check_steering(steerable, self.client.allowed_fields(request.model))
        if self.turns is not None:
            handler = self.turns.keeping(handler, writer.outcome.identity.fingerprint)
        if request.stream:
            return answer_stream(handler, codec, request, writer, clean=self.clean)
        return answer_whole(handler, codec, request, writer)


class FrontCaller(Caller):
    """The caller of `writer`, whose request `chat` answers."""

    __slots__ = ("_chat", "_writer")

    def __init__(self, chat: ChatEndpoint, writer: ResponseWriter, conversation: bytes | None = None) -> None:
        super().__init__(conversation)
        self._chat = chat
        self._writer = writer

    def waits(self) -> bool:
        return not self._writer.unheard

    def fitting(self, answer: Answer) -> Answer:
        return self._chat.fitting(answer)

    def counted(self, answer: Answer) -> Answer:
        return Noted(answer, self._writer.outcome)

    def left(self, target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
        self._writer.outcome.answered_by(target, attempts, asked_at)


async def decoded(call: ServerRequest, decode: Callable[[ServerRequest], T]) -> T:
    """What `decode` makes of `call`: in a thread, if that takes long. Raises what it raises."""
    return decode(call) if len(call.body) <= LARGE else await asyncio.to_thread(decode, call)


class ImmediateEndpoint(Endpoint):
    """Sends an answer that needs no waiting."""

    def __init__(self, answer: Callable[[ServerRequest], ServerResponse]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await writer.send(self._answer(call))


class AwaitedEndpoint(Endpoint):
    """Sends an answer that has to be awaited; the wait ends if the caller leaves."""

    def __init__(self, answer: Callable[[ServerRequest], Awaitable[ServerResponse]]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        async with writer:
            answer = await self._answer(call)
        await writer.send(answer)


def of_call(request: ChatRequest, call: ServerRequest, outcome: Outcome) -> ChatRequest:
    """`request` with what belongs to its call: the trace, and the caller's bytes."""
    return replace(request, trace=outcome.trace, source=call.body)


def is_clean(client: Client, settings: FrontConfig, default: BrokenEnd) -> bool:
    """Whether the transfer of an answer that broke off, if that was reported, ends like a good one at a front."""
    return (settings.broken_end or client.config.gateway.broken_end or default) == "clean"
