"""The life of a WebSocket of `/v1/responses`: who may open one, and what ends or outlives it."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from tests.support.gateway import ask, running
from tests.support.responses_socket import (
    ANSWER,
    EVENTS,
    PATH,
    ended,
    gateway,
    heard,
    say,
    socket,
    streams,
)
from tests.support.server import Exchange, serve


async def test_where_they_are_off_and_where_none_is_asked_for_426_says_so() -> None:
    async with gateway(streams(ANSWER), websockets=False) as (run, _, _):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(run):
                pass
        assert refused.value.response.status_code == 426
    async with gateway(streams(ANSWER)) as (run, _, _):
        got = await ask(run.url, "GET", PATH)
        assert (got.status, got.headers["upgrade"], got.headers["connection"]) == (426, "websocket", "close")
        headers = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
        assert (await ask(run.url, "GET", PATH, headers)).status == 400


async def test_keys_are_asked_for_and_one_that_is_taken_away_is_refused_at_once() -> None:
    async with gateway(streams(ANSWER), api_keys=("k1",)) as (run, _, _):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(run, authorization="Bearer k2"):
                pass
        assert refused.value.response.status_code == 401
        async with socket(run, authorization="Bearer k1") as caller:
            assert (await say(caller, '"hi"'))[-1]["type"] == "response.completed"
            run.gateway.keys.replace(("k3",))
            (error,) = await say(caller, '"hi"')
            assert error["status"] == 401


async def test_a_page_of_another_site_cannot_ask() -> None:
    async with gateway(streams(ANSWER)) as (run, up, _), socket(run, origin="https://elsewhere.example") as caller:
        (error,) = await say(caller, '"hi"')
        assert (error["status"], error["error"]["code"]) == (403, "foreign_origin")
        assert up.requests == []


async def test_a_stop_lets_the_answer_under_way_end_and_then_says_goodbye() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        asked.set()
        await go.wait()
        await streams(ANSWER)(exchange)

    async with gateway(script) as (run, _, _), socket(run) as idle, socket(run) as caller:
        answering = asyncio.create_task(say(caller, '"hi"'))
        await asked.wait()
        run.server.stop()
        with pytest.raises(ConnectionClosed):
            await idle.recv()
        assert idle.close_code == 1001
        go.set()
        assert (await answering)[-1]["type"] == "response.completed"
        with pytest.raises(ConnectionClosed):
            await caller.recv()
        assert caller.close_code == 1001


async def test_after_a_reload_no_earlier_gateway_is_kept_for_a_connection_that_stays() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if b"slow" in exchange.request.body:
            asked.set()
            await go.wait()
        await streams(ANSWER)(exchange)

    async with gateway(script) as (run, _, outcomes), socket(run) as caller, socket(run):
        earlier = []
        await caller.send('{"type":"response.create","input":"slow","stream_id":"slow"}')
        await asked.wait()
        for _ in range(3):
            earlier.append(run.server.gateway)
            run.server.replace(run.server.gateway.successor(Client(run.server.gateway.client.config)))
            assert (await say(caller, '"hi"'))[-1]["type"] == "response.completed"
        assert run.server.gateway.under_way == 2
        go.set()
        assert await ended(caller) == "slow"
        assert [each.under_way for each in (*earlier, run.server.gateway)] == [0, 0, 0, 2]
    assert [(outcome.method, outcome.end) for outcome in outcomes[-2:]] == [("GET", "whole")] * 2


async def test_a_caller_that_leaves_ends_what_is_done_for_it() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await exchange.chunk(ANSWER[:300])
        asked.set()
        await exchange.closed()
        left.set()

    async with gateway(script) as (run, _, outcomes):
        async with socket(run) as caller:
            await caller.send('{"type":"response.create","input":"hi"}')
            await asked.wait()
            caller.transport.abort()
        await left.wait()
    assert [outcome.end for outcome in outcomes] == ["gone", "gone"]


async def test_a_silence_is_broken_by_events() -> None:
    go = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await exchange.chunk(ANSWER[: ANSWER.index(b"event: response.output_text.delta")])
        await go.wait()
        await exchange.chunk(ANSWER[ANSWER.index(b"event: response.output_text.delta") :])
        await exchange.end()

    async with serve(script) as up:
        providers = {"up": ProviderConfig(protocol="openai-responses", url=f"{up.url}/v1", api_key="canary")}
        config = Config(gateway=GatewayConfig(port=0, default_model="up/m"), providers=providers)
        timeouts = ServerTimeouts(grace=0, heartbeat=0.05)
        async with running(config, timeouts=timeouts) as run, socket(run) as caller:
            await caller.send('{"type":"response.create","input":"hi"}')
            while json.loads(await caller.recv())["type"] != "keepalive":
                pass
            go.set()
            assert (await heard(caller))[-1]["type"] == "response.completed"
