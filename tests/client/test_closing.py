"""A client that is closed while calls are under way: each ends, and no other target is asked in place of its own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dragoman.client import Client
from dragoman.errors import TruncatedStreamError
from dragoman.providers.session import StreamSession
from dragoman.transport.selector import Transports
from tests.support.server import Exchange, serve

WORD = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'

CALLS: dict[str, Callable[[Client, str], Awaitable[object]]] = {
    "chat": lambda client, model: client.chat(model, "Hi", retries=0),
    "stream": lambda client, model: client.stream(model, "Hi").response(),
    "run": lambda client, model: client.run(model, "Hi", tools=[]).response(),
    "embed": lambda client, model: client.embed(model, "Hi"),
    "count_tokens": lambda client, model: client.count_tokens(model, "Hi"),
}
POLICIES: dict[str, dict[str, object]] = {
    "falls back": {},
    "hedges": {"hedge": 1000},
    "asks again": {"retry": {"attempts": 3}},
    "continues": {"continue": True},
}


def tables(url: str, last: str, policy: dict[str, object]) -> dict[str, object]:
    """A route from a service to another one, or to `last`."""
    up = {"protocol": "openai-chat", "url": url, "api_key": "k"}
    counted = {"protocol": "anthropic", "url": url, "api_key": "k"}
    return {
        "providers": {"up": up, "other": up, "counted": counted},
        "profiles": {"*": {"prefill": True}},
        "models": {"route": {"targets": ["up/m", last], **policy}, "count": {"targets": ["counted/m", last]}},
    }


async def silent(exchange: Exchange) -> None:
    await exchange.closed()


async def begun(exchange: Exchange) -> None:
    await exchange.head(headers={"content-type": "text/event-stream"})
    await exchange.chunk(WORD)
    await exchange.closed()


@pytest.mark.parametrize("last", ["other/m", "offline/echo"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("call", CALLS)
async def test_no_other_target_is_asked(call: str, policy: str, last: str) -> None:
    asked = asyncio.Event()

    async def service(exchange: Exchange) -> None:
        asked.set()
        await silent(exchange)

    async with serve(service) as server:
        client = Client(tables(server.url, last, POLICIES[policy]))
        waiting = asyncio.ensure_future(CALLS[call](client, "count" if call == "count_tokens" else "route"))
        await asked.wait()
        await client.aclose()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await asyncio.wait_for(waiting, 5)
        assert len(server.requests) == 1


@pytest.mark.parametrize("policy", POLICIES)
async def test_an_answer_that_has_begun_is_not_continued(policy: str) -> None:
    async with serve(begun) as server:
        client = Client(tables(server.url, "other/m", POLICIES[policy]))
        text = client.stream("route", "Hi").text
        assert await anext(text) == "Hel"
        await client.aclose()
        with pytest.raises((RuntimeError, TruncatedStreamError), match="closed"):
            await asyncio.wait_for(anext(text), 5)
        assert len(server.requests) == 1


async def test_a_session_that_is_closed_sends_nothing() -> None:
    async with serve(silent) as server:
        session = StreamSession()
        session.close()
        with pytest.raises(RuntimeError, match="closed"):
            async with session.get(server.url):
                pass
        assert not server.requests


def test_transports_that_are_closed_make_no_new_one() -> None:
    transports = Transports()
    transports.close()
    transports.close()
    with pytest.raises(RuntimeError, match="closed"):
        transports.pick()
