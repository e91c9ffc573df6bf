"""The relay alone, where its owner ends it at a bad moment: no slot of the pool may stay behind."""

import asyncio

from dragoman.engine.relay import Relay, RelayTarget
from dragoman.engine.secrets import Secrets
from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat.relay import ChatRelay
from dragoman.transport.base import Reply, Route
from dragoman.transport.native import NativeTransport
from dragoman.transport.native.transport import Stats
from tests.support.server import Exchange, serve

WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'


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

    def fail(self, error: DragomanError) -> None:
        self.heard.put_nowait(error)


def line(transport: NativeTransport, url: str) -> RelayTarget:
    """A line to the service at `url`."""
    codec = ChatRelay(f"{url}/chat/completions")
    stream, whole = (transport.template(codec.request_head(None, stream=stream), Route()) for stream in (True, False))
    return RelayTarget("up", Secrets(), codec, stream, whole)


async def test_ending_it_before_it_dials_again_leaves_no_slot() -> None:
    async def upstream(exchange: Exchange) -> None:
        if len(service.requests) != 2:
            await exchange.reply(headers={"content-type": "application/json"}, body=WHOLE)

    transport = NativeTransport()
    async with serve(upstream) as service:
        way = line(transport, service.url)
        heard: asyncio.Queue[bytes | DragomanError] = asyncio.Queue()
        Relay(way, None, Kept(heard)).start(b"{}", asyncio.get_running_loop())
        assert await heard.get() == WHOLE
        assert transport.stats() == Stats(idle=1, active=0, waiting=0)

        relay = Relay(way, None, Kept(heard))
        tasks = asyncio.all_tasks()
        relay.start(b"{}", asyncio.get_running_loop())  # over a connection that the service now ends
        while asyncio.all_tasks() <= tasks:  # noqa: ASYNC110  # nothing tells of a task but that it is there
            await asyncio.sleep(0)
        relay.close()  # before the task that dials again has run at all
        assert transport.stats() == Stats(idle=0, active=0, waiting=0)
        assert heard.empty()

        Relay(way, None, Kept(heard)).start(b"{}", asyncio.get_running_loop())
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
            relay = Relay(way, None, Kept(asyncio.Queue()))
            relay.start(b"{}", asyncio.get_running_loop())
            for _ in range(turns):
                await asyncio.sleep(0)
            relay.close()
            for _ in range(4):
                await asyncio.sleep(0)
            assert transport.stats().active == 0, turns
        transport.close()
