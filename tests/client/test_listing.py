"""The models that services list themselves: when they are asked, and what it costs if they do not answer."""

import asyncio
from collections.abc import Awaitable, Callable

from dragoman.client import Client, SyncClient
from dragoman.client.listing import FRESH, PAUSE, Listing
from dragoman.config import Config, ProviderConfig
from dragoman.errors import DragomanError, TransportError
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.transport.selector import Transports
from tests.support.server import Exchange, serve

OFFLINE = ("offline/eliza", "offline/echo", "offline/script")
LIST = b'{"data":[{"id":"a"},{"id":"b"}]}'

ReplySummary = list[tuple[str, ...] | DragomanError]
Fetch = Callable[[], Awaitable[tuple[str, ...]]]


def fetching(fetch: Fetch) -> type[AsyncGeneratorProvider]:
    class Service(AsyncGeneratorProvider):
        @classmethod
        async def fetch_models(cls, transports: Transports) -> tuple[str, ...]:
            return await fetch()

    return Service


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def listing(told: ReplySummary, clock: Clock) -> Listing:
    async def fetch() -> tuple[str, ...]:
        following = told.pop(0)
        if isinstance(following, DragomanError):
            raise following
        return following

    return Listing({"up": fetching(fetch)}, Transports(), clock)


async def test_a_list_is_good_for_five_minutes() -> None:
    clock, told = Clock(), ReplySummary([("a",), ("b",)])
    models = listing(told, clock)
    assert await models.of(("up",)) == {"up": ("a",)}
    clock.now = FRESH - 1
    assert await models.of(("up",)) == {"up": ("a",)}
    clock.now = FRESH
    assert await models.of(("up",)) == {"up": ("b",)}


async def test_a_service_without_a_list_is_not_asked_again_for_a_minute_and_its_last_list_holds() -> None:
    clock, told = Clock(), ReplySummary([("a",), TransportError("gone"), TransportError("gone"), ("b",)])
    models = listing(told, clock)
    assert await models.of(("up",)) == {"up": ("a",)}
    clock.now = FRESH
    assert await models.of(("up",)) == {"up": ("a",)}
    clock.now += PAUSE - 1
    assert await models.of(("up",)) == {"up": ("a",)}
    assert len(told) == 2
    clock.now += 1
    assert await models.of(("up",)) == {"up": ("a",)}
    clock.now += PAUSE
    assert await models.of(("up",)) == {"up": ("b",)}


async def test_all_who_want_to_know_ask_once_and_may_leave() -> None:
    asked: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def fetch() -> tuple[str, ...]:
        answered = asyncio.Event()
        asked.put_nowait(answered)
        await answered.wait()
        return ("a",)

    models = Listing({"up": fetching(fetch), "down": fetching(fetch)}, Transports())
    first, second = (asyncio.ensure_future(models.of(("up", "down"))) for _ in range(2))
    questions = [await asked.get() for _ in ("up", "down")]
    first.cancel()
    for answered in questions:
        answered.set()
    assert await second == {"up": ("a",), "down": ("a",)}
    assert first.cancelled()
    assert asked.empty()


async def test_closing_leaves_those_who_still_ask() -> None:
    begun = asyncio.Event()

    async def fetch() -> tuple[str, ...]:
        begun.set()
        await asyncio.Event().wait()
        return ()

    models = Listing({"up": fetching(fetch)}, Transports())
    asking = asyncio.ensure_future(models.of(("up",)))
    await begun.wait()
    models.close()
    assert await asyncio.wait_for(asking, 5) == {"up": ()}


def configured(**urls: str) -> Config:
    return Config(
        providers={name: ProviderConfig(protocol="openai-chat", url=f"{url}/v1") for name, url in urls.items()}
        | {"named": ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:1", models=("m",))}
        | {"site": ProviderConfig(protocol="cromicle", url="http://127.0.0.1:1")}
    )


async def models(exchange: Exchange) -> None:
    assert (exchange.request.method, exchange.request.path) == ("GET", "/v1/models")
    await exchange.reply(headers={"content-type": "application/json"}, body=LIST)


async def test_configured_services_are_asked_for_their_models_and_only_then(unused_tcp_port: int) -> None:
    async with serve(models) as up, Client(configured(up=up.url, down=f"http://127.0.0.1:{unused_tcp_port}")) as client:
        assert client.models() == ("named/m", *OFFLINE)
        assert not up.requests
        assert await client.list_models() == ("up/a", "up/b", "named/m", *OFFLINE)
        assert await client.list_models() == ("up/a", "up/b", "named/m", *OFFLINE)
        assert len(up.requests) == 1


async def test_a_list_that_is_none_costs_nothing() -> None:
    async def page(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "text/html"}, body=b"<html>")

    async with serve(page) as up, Client(configured(up=up.url)) as client:
        assert await client.list_models() == ("named/m", *OFFLINE)


def test_the_client_without_a_loop_asks_too() -> None:
    with SyncClient(configured(down="http://127.0.0.1:1")) as client:
        assert client.list_models() == ("named/m", *OFFLINE)
