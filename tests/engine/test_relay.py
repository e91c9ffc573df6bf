"""The relay alone, where its owner ends it at a bad moment: no slot of the pool may stay behind."""

import asyncio
from collections.abc import Hashable

from dragoman.engine.relay import Relay
from dragoman.engine.relay_target import RelayTarget
from dragoman.engine.secrets import Secrets
from dragoman.engine.templates import Templates
from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.loop.outlet import Outlet
from dragoman.protocols.openai_chat.relay import ChatRelay, ChatRelayRequest
from dragoman.protocols.relay import RelayRequest
from dragoman.transport.base import Reply, RequestTemplate, Route
from dragoman.transport.native import NativeTransport
from dragoman.transport.native.transport import Stats
from dragoman.types import HttpRequest
from tests.support.server import Exchange, serve

WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'


REQUEST = ChatRelayRequest("m", stream=False, fields={})


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self, heard: "asyncio.Queue[bytes | DragomanError]") -> None:
        self.heard = heard

    def refuse(self, error: DragomanError) -> None:
        self.heard.put_nowait(error)

    def take_over(self, reply: Reply) -> None:
        reply.close()

    def give(self, body: bytes) -> None:
        self.heard.put_nowait(body)

    def begin(self, data: bytes, *, more: bool) -> None:
        self.heard.put_nowait(data)

    def pass_on(self, data: bytes, *, more: bool) -> None:
        self.heard.put_nowait(data)

    def connect(self, outlet: Outlet) -> bool:
        return False

    def fail(self, error: DragomanError) -> None:
        self.heard.put_nowait(error)


def line(transport: NativeTransport, url: str) -> RelayTarget:
    """A line to the service at `url`."""
    codec = ChatRelay(f"{url}/chat/completions")
    templates = Templates(
        lambda model, request: transport.template(codec.head_for(None, model, request), Route()),
        codec.head_key,
    )
    return RelayTarget("up", Secrets(), codec, templates)


async def test_ending_it_before_it_dials_again_leaves_no_slot() -> None:
    async def upstream(exchange: Exchange) -> None:
        if len(service.requests) != 2:
            await exchange.reply(headers={"content-type": "application/json"}, body=WHOLE)

    transport = NativeTransport()
    async with serve(upstream) as service:
        way = line(transport, service.url)
        heard: asyncio.Queue[bytes | DragomanError] = asyncio.Queue()
        Relay(way, REQUEST, Kept(heard)).start(REQUEST, "m", asyncio.get_running_loop())
        assert await heard.get() == WHOLE
        assert transport.stats() == Stats(idle=1, active=0, waiting=0)

        relay = Relay(way, REQUEST, Kept(heard))
        tasks = asyncio.all_tasks()
        relay.start(REQUEST, "m", asyncio.get_running_loop())  # over a connection that the service now ends
        while asyncio.all_tasks() <= tasks:  # noqa: ASYNC110  # nothing tells of a task but that it is there
            await asyncio.sleep(0)
        relay.close()  # before the task that dials again has run at all
        assert transport.stats() == Stats(idle=0, active=0, waiting=0)
        assert heard.empty()

        Relay(way, REQUEST, Kept(heard)).start(REQUEST, "m", asyncio.get_running_loop())
        assert await heard.get() == WHOLE
        transport.close()
        assert transport.stats().active == 0


async def test_ending_it_while_it_dials_leaves_no_slot() -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "application/json"}, body=WHOLE)

    transport = NativeTransport()
    async with serve(upstream) as service:
        way = line(transport, service.url)
        for turns in range(8):
            relay = Relay(way, REQUEST, Kept(asyncio.Queue()))
            relay.start(REQUEST, "m", asyncio.get_running_loop())
            for _ in range(turns):
                await asyncio.sleep(0)
            relay.close()
            for _ in range(4):
                await asyncio.sleep(0)
            assert transport.stats().active == 0, turns
        transport.close()


class PathRelay(ChatRelay):
    """A protocol whose URL names the model."""

    def head_key(self, model: str, request: RelayRequest) -> Hashable:
        return model, request.stream

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        return HttpRequest(url=f"{self._url}/{model}:{'stream' if stream else 'whole'}")


async def test_a_model_in_the_path_and_headers_of_the_caller_go_up() -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "application/json"}, body=WHOLE)

    transport = NativeTransport()
    async with serve(upstream) as service:
        codec = PathRelay(f"{service.url}/models")

        def made(model: str, request: RelayRequest) -> RequestTemplate:
            return transport.template(codec.head_for(None, model, request), Route())

        target = RelayTarget("up", Secrets(), codec, Templates(made, codec.head_key))
        heard: asyncio.Queue[bytes | DragomanError] = asyncio.Queue()
        beta = ChatRelayRequest("m", stream=False, fields={}, headers=(("some-beta", "a,b"),))
        for request, model in ((beta, "one"), (REQUEST, "two"), (REQUEST, "one")):
            Relay(target, request, Kept(heard)).start(request, model, asyncio.get_running_loop())
            assert await heard.get() == WHOLE
        assert [seen.path for seen in service.requests] == [f"/models/{model}:whole" for model in ("one", "two", "one")]
        assert [seen.headers.get("some-beta") for seen in service.requests] == ["a,b", None, None]

        bad = ChatRelayRequest("m", stream=False, fields={}, headers=(("x", "a\r\ny: b"),))
        Relay(target, bad, Kept(heard)).start(bad, "one", asyncio.get_running_loop())
        assert isinstance(await heard.get(), InvalidRequestError)
        assert transport.stats().active == 0
        transport.close()
