"""A large body is looked at in several turns of the loop, and others are answered meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway.app import Admitted
from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.types import Outcome
from dragoman.wire import json
from dragoman.wire.steps import PIECE
from tests.support.echo import Pipe
from tests.support.gateway import Running, connect, running
from tests.support.raw import LIVE, post, turns
from tests.support.server import Exchange, serve

FRONTS = {
    "/v1/chat/completions": "openai-chat",
    "/v1/responses": "openai-responses",
    "/v1/messages": "anthropic",
    "/v1beta/models/up/m:generateContent": "gemini",
    "/api/chat": "ollama",
}
SIZE = 4 * PIECE
WRONG = b'{"model":"up/m","messages":["%b\xff"]}' % (b'a \\"word\\", ' * (SIZE // 12))
"""Its last text is not UTF-8."""


def question(text: str) -> bytes:
    """A body."""
    return json.encode({"model": "up/m", "messages": [{"role": "user", "content": text}]})


LARGE = question('a "word", ' * (SIZE // 12))


class Socket:
    """A socket, as far as a server asks for one."""

    def fileno(self) -> int:
        return 0


class Wire(Pipe):
    """A connection that has a socket."""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return Socket() if name == "socket" else default


class Caller:
    """A caller whose bytes reach the gateway, and whose answers are seen, in the very turn."""

    def __init__(self, up: Running) -> None:
        loop, gateway = asyncio.get_running_loop(), up.gateway
        shared: ServerContext[Admitted] = ServerContext(loop, gateway.timeouts, gateway.limits, gateway.keys)
        self.pipe = Wire()
        self.connection = ServerConnection(up.server.current, shared)
        self.connection.connection_made(self.pipe)

    def says(self, data: bytes) -> None:
        """Sends `data`."""
        self.connection.data_received(data)

    @property
    def statuses(self) -> list[int]:
        """Those of the answers so far."""
        return [int(head[:3]) for head in self.pipe.sent.split(b"HTTP/1.1 ")[1:]]

    def leaves(self) -> None:
        """Hangs up."""
        self.connection.connection_lost(None)


@asynccontextmanager
async def gateway(protocol: str, url: str = "http://127.0.0.1:9/v1") -> AsyncIterator[tuple[Running, list[Outcome]]]:
    """A gateway before one service of that protocol, and the outcomes of its requests."""
    outcomes: list[Outcome] = []
    config = Config(gateway=GatewayConfig(port=0), providers={"up": ProviderConfig(protocol=protocol, url=url)})
    async with running(config, observers=(outcomes.append,)) as up:
        yield up, outcomes


@pytest.mark.parametrize("path", FRONTS)
async def test_others_are_answered_while_a_large_body_is_checked(path: str) -> None:
    async with gateway(FRONTS[path]) as (up, _):
        large, other = Caller(up), Caller(up)
        large.says(post(WRONG, path))
        other.says(LIVE)
        answered = 0
        while not large.statuses:
            await asyncio.sleep(0)
            if len(other.statuses) > answered:
                answered += 1
                other.says(LIVE)
        assert large.statuses == [400]
        assert answered >= SIZE // PIECE
        large.leaves()
        other.leaves()


async def test_answers_keep_their_order_on_one_connection() -> None:
    async with gateway("openai-chat") as (up, _):
        caller = Caller(up)
        caller.says(post(WRONG) + LIVE)
        while len(caller.statuses) < 2:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        assert caller.statuses == [400, 200]
        caller.leaves()


async def test_a_caller_that_leaves_meanwhile_costs_nothing_more() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply()

    async with serve(handler) as service, gateway("openai-chat", service.url) as (up, outcomes):
        caller = Caller(up)
        caller.says(post(LARGE))
        await turns()
        assert up.gateway.under_way == 1
        caller.leaves()
        await turns(2)
        assert not up.server.current.tasks
        assert up.gateway.under_way == 0
        assert [outcome.end for outcome in outcomes] == ["gone"]
        await turns(50)
        assert not service.connections


async def test_a_gateway_that_is_stopped_meanwhile_says_so() -> None:
    async with gateway("openai-chat") as (up, outcomes):
        caller = Caller(up)
        caller.says(post(LARGE))
        await turns()
        up.gateway.interrupt()
        await turns()
        assert caller.statuses == [503]
        assert b'"code":"stopped"' in caller.pipe.sent
        assert [outcome.error for outcome in outcomes] == ["stopped"]
        caller.leaves()


@pytest.mark.parametrize("path", FRONTS)
async def test_a_large_body_is_relayed_as_a_small_one_is(path: str) -> None:
    received: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        received.append(exchange.request.body)
        await exchange.reply(400, {"content-type": "application/json"}, b'{"error":{"message":"seen"}}')

    async with serve(handler) as service, gateway(FRONTS[path], service.url) as (up, _):
        for body in (LARGE, LARGE.replace(b" ", b"", 1)):
            async with connect(up.url) as wire:
                wire.writer.write(post(body, path))
                assert await wire.head() == 400
            (sent,) = received
            received.clear()
            assert json.decode_loosely(sent)["messages"] == json.decode_loosely(body)["messages"]
