"""Opaque state of one service never reaches another, and comes back to its own: every pair, every dialect of callers.

A conversation asks A, then B, then A again, and sends back all that came. One case is left out: the caller and both
services have the same dialect. Then bytes pass as they are, and the caller has the state from the service itself.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.registry import DIALECTS
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Exchange, Handler, ReceivedRequest, Server, serve
from tests.support.signed import JSON, SIGNED, Items, encoded, spellings

CANARY = {"a": "Q2FuYXJ5QWxwaGFBbHBoYUFscGhh", "b": "Q2FuYXJ5QnJhdm9CcmF2b0JyYXZv"}
"""Base64, as Gemini wants it."""

ROUTES = [
    (caller, first, second)
    for caller, first, second in product(SIGNED, SIGNED, SIGNED)
    if not caller == first == second
]


def test_every_dialect_with_opaque_state_is_here() -> None:
    signing = {name for name, dialect in DIALECTS.items() if dialect.client.origin is not ClientCodec.origin}
    assert signing == {name for name, voice in SIGNED.items() if voice.signs}


def answers(dialect: str, name: str, times: int = 3) -> Handler:
    """A service that answers so many times, and then is overloaded."""
    left = [503] + [200] * times

    async def handler(exchange: Exchange) -> None:
        if (status := left.pop()) != 200:
            await exchange.reply(status, JSON, b'{"error":{"message":"overloaded"}}')
            return
        await exchange.reply(200, JSON, encoded(SIGNED[dialect].reply(CANARY[name], f"I am {name}.")))

    return handler


def config(first: Server, second: Server, dialects: tuple[str, str]) -> Config:
    urls = zip("ab", (first, second), dialects, strict=True)
    providers = {
        name: ProviderConfig(protocol=dialect, url=up.url + SIGNED[dialect].base, api_key="k")
        for name, up, dialect in urls
    }
    models = {"route": ModelConfig(targets=("a/m", "b/m"))}
    return Config(gateway=GatewayConfig(port=0), providers=providers, models=models)


@asynccontextmanager
async def between(first: str, second: str, times: int = 2) -> AsyncIterator[tuple[Server, Server, str]]:
    """Two services of these dialects, and the gateway before them. The first one answers so many times."""
    async with (
        serve(answers(first, "a", times)) as a,
        serve(answers(second, "b")) as b,
        running_gateway(config(a, b, (first, second))) as url,
    ):
        yield a, b, url


def posted(server: Server) -> list[ReceivedRequest]:
    return [seen for seen in server.requests if seen.method == "POST"]


async def said(url: str, caller: str, model: str, items: Items) -> Any:
    voice = SIGNED[caller]
    got: Got = await ask(url, "POST", voice.path(model), JSON, encoded(voice.body(model, items)))
    assert got.status == 200, got.text
    return json.loads(got.body)


def holds(request: ReceivedRequest, name: str) -> bool:
    return any(each in request.body for each in spellings(CANARY[name]))


@pytest.mark.parametrize(("caller", "first", "second"), ROUTES)
async def test_it_is_sent_to_its_origin_only(caller: str, first: str, second: str) -> None:
    voice = SIGNED[caller]
    async with between(first, second) as (a, b, url):
        items: Items = []
        for model in ("a/m", "b/m", "a/m"):
            items.append(voice.user("Who are you?"))
            items += voice.turn(await said(url, caller, model, items))
    (asked_b,), (_, again) = posted(b), posted(a)
    assert not holds(asked_b, "a")
    assert not holds(again, "b")
    for request in (asked_b, again):
        assert b'"dragomanMark' not in request.body
    assert b"I am a." in again.body
    assert b"I am b." in again.body
    assert holds(again, "a") == SIGNED[first].signs


@pytest.mark.parametrize(("caller", "first", "second"), ROUTES)
async def test_the_next_target_of_a_route_does_not_get_it(caller: str, first: str, second: str) -> None:
    voice = SIGNED[caller]
    async with between(first, second, times=1) as (a, b, url):
        items: Items = []
        for _ in range(2):
            items.append(voice.user("Who are you?"))
            items += voice.turn(await said(url, caller, "route", items))
    (_, tried), (asked_b,) = posted(a), posted(b)
    assert holds(tried, "a") == SIGNED[first].signs
    assert not holds(asked_b, "a")
    assert b"I am a." in asked_b.body
