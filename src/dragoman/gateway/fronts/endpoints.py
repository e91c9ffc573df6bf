"""What answers a request: a chat, or an answer that is there. Knows no path."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import BrokenEnd, FrontConfig
from dragoman.engine.answer import Handler
from dragoman.gateway.answer import answer_stream, answer_whole
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.steering import check_steering
from dragoman.types import ChatRequest, ServerRequest, ServerResponse

LARGE = 256 << 10
"""Bytes of a body that is checked, decoded and encoded in turns of the loop of their own: a step takes up to twelve
milliseconds a MiB, in which nobody else is served."""


class Endpoint(ABC):
    """What answers a request."""

    @abstractmethod
    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        """Answers. Raises what is wrong, as long as nothing has been sent."""


class Chat(Endpoint):
    """Answers questions in a protocol, with the models of a client.

    `clean`: an answer that broke off ends, once that was said, like a good one.
    """

    def __init__(self, client: Client, codec: ServerCodec, *, clean: bool) -> None:
        self.client = client
        self.codec = codec
        self.clean = clean

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await self.answer(await self.question(call, key_shown=writer.outcome.identity.known), self.client.open, writer)

    async def question(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        """What `call` asks. Raises what is wrong with it."""
        if len(call.body) <= LARGE:
            return self.codec.decode_request(call, key_shown=key_shown)
        await others()  # to find out that this cannot be relayed, it was read too
        request = self.codec.decode_request(call, key_shown=key_shown)
        await others()
        return request

    async def answer(self, request: ChatRequest, handler: Handler, writer: ResponseWriter) -> None:
        """Answers `request` with what `handler` opens."""
        if not request.model:
            request = replace(request, model=self.client.default_model)
        writer.outcome.model = request.model
        check_steering(request.extra.get(self.codec.name, {}), self.client.allowed_fields(request.model))
        if request.stream:
            await answer_stream(handler, self.codec, request, writer, clean=self.clean)
        else:
            await answer_whole(handler, self.codec, request, writer)


async def others() -> None:
    """Lets others be served: what they have sent is read in one turn of the loop, and answered in the next."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class ImmediateEndpoint(Endpoint):
    """Gives an answer for which nobody is asked."""

    def __init__(self, answer: Callable[[ServerRequest], ServerResponse]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await writer.send(self._answer(call))


class AwaitedEndpoint(Endpoint):
    """Gives an answer for which others are asked; they are left once the caller has."""

    def __init__(self, answer: Callable[[ServerRequest], Awaitable[ServerResponse]]) -> None:
        self._answer = answer

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        async with writer:
            answer = await self._answer(call)
        await writer.send(answer)


def is_clean(client: Client, settings: FrontConfig, default: BrokenEnd) -> bool:
    """Whether an answer of a front that broke off ends, once that was said, like a good one."""
    return (settings.broken_end or client.config.gateway.broken_end or default) == "clean"
