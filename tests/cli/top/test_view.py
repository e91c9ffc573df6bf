"""The tables of `dragoman top`, from the text that a gateway's metrics are."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.cli.top.scrape import Scrape, fetch, read_scrape
from dragoman.cli.top.view import overview
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.errors import Attempt, AuthenticationError, BadEventError, ConfigurationError, ConnectError
from dragoman.gateway.metrics.exposition import exposition
from dragoman.gateway.metrics.observer import Metrics
from dragoman.gateway.metrics.regions import Regions
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import Outcome, Usage
from tests.support.gateway import running_gateway
from tests.support.server import Exchange, serve

CONFIG = Config(models={'od"d': ModelConfig(targets=("up/m", "down/m"))}, providers={"up": ProviderConfig()})


class Counting:
    """Metrics that can be looked at, at any time."""

    def __init__(self) -> None:
        self.metrics = Metrics(CONFIG, {"up", "down"}, Regions().region(0))

    def note(self, count: int = 1, **fields: Any) -> None:
        usual: dict[str, Any] = {
            "front": "openai-chat",
            "model": 'od"d',
            "target": "up/m",
            "status": 200,
            "end": "whole",
            "stream": True,
            "asked_at": 10.0,
            "came_at": 10.2,
            "first_byte_at": 10.2,
            "ended_at": 10.79,
            "usage": Usage(output_tokens=21),
        }
        for _ in range(count):
            self.metrics.note(Outcome("id", "POST", "/", 10.0, **(usual | fields)))

    def look(self, at: float) -> Scrape:
        self.metrics.refresh()
        return read_scrape(exposition(self.metrics.regions).decode(), at)


def cells(text: str) -> dict[str, list[str]]:
    """The rows of all tables, by their first cell."""
    rows = [[cell for cell in line.split("  ") if cell] for line in text.splitlines()]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows if row}


def test_two_looks_tell_what_happened_in_between() -> None:
    counting = Counting()
    counting.note(50, ended_at=200.0)
    first = counting.look(100.0)
    counting.note(3)
    failed = (Attempt("down/m", "timeout", 504, ""),)
    counting.note(status=502, error="timeout", target="", attempts=failed, usage=None, came_at=None)
    counting.metrics.turned(BreakerChange("down/m", State.OPEN))
    shown = cells(overview(counting.look(102.0), first, clock=0.0, width=None))
    assert shown['od"d'] == ["2.0", "25.0 %", "1.00", "1 s", "1 s"]
    assert shown["up/m"] == ["0.0", "31.5", "250 ms", "250 ms", "30 ms", "-"]
    assert shown["down/m"] == ["0.5", "0.0", "-", "-", "-", "open"]


def test_one_look_tells_all_since_the_start() -> None:
    counting = Counting()
    counting.note(50)
    look = counting.look(100.0)
    started = look.one("dragoman_start_time_seconds")
    shown = overview(look, None, clock=started + 3725, width=None)
    assert shown.startswith("up 1:02:05, 0.0 requests/s, 0 in flight, 0 connections\n")
    shown = overview(look, None, clock=started + 10, width=None)
    assert cells(shown)['od"d'][0] == "5.0"


def test_a_look_is_not_counted_itself() -> None:
    counting = Counting()
    first = counting.look(100.0)
    counting.note(2)
    counting.note(front="", model="", target="")  # the request that was the first look
    second = counting.look(101.0)
    values = {**second.values, "dragoman_in_flight": {(): 3.0}, "dragoman_connections": {(): 4.0}}
    shown = overview(replace(second, values=values), first, clock=0.0, width=None)
    assert ", 2.0 requests/s, 2 in flight, 3 connections\n" in shown


def test_a_gateway_that_was_started_anew_has_no_negative_rates() -> None:
    before, after = Counting(), Counting()
    before.note(50)
    after.note(4)
    shown = cells(overview(after.look(102.0), before.look(100.0), clock=0.0, width=None))
    assert shown['od"d'][0] == "2.0"


def test_a_narrow_window_has_a_paragraph_for_each() -> None:
    counting = Counting()
    counting.note()
    shown = overview(counting.look(1.0), None, clock=0.0, width=40)
    tables = shown.split("\n\n", 1)[1]
    assert max(map(len, tables.splitlines())) <= 40
    assert "token gap p50" in tables


async def test_a_key_is_shown_and_what_is_refused_is_said() -> None:
    keyed = GatewayConfig(port=0, api_keys=("key-canary",))
    async with running_gateway(Config(gateway=keyed)) as url:
        assert (await asyncio.to_thread(fetch, url, "key-canary", 7.0)).at == 7.0
        with pytest.raises(AuthenticationError, match="name it with --key"):
            await asyncio.to_thread(fetch, url, "", 0.0)
        with pytest.raises(AuthenticationError, match="does not know this key"):
            await asyncio.to_thread(fetch, url, "another", 0.0)
    async with running_gateway(Config(gateway=replace(keyed, metrics="none"))) as url:
        with pytest.raises(ConfigurationError, match="shows no metrics"):
            await asyncio.to_thread(fetch, url, "key-canary", 0.0)


async def test_what_another_status_than_that_of_a_missing_path_means_is_not_guessed() -> None:
    async def away(exchange: Exchange) -> None:
        await exchange.reply(502, body=b"<html>")

    async with serve(away) as server:
        with pytest.raises(BadEventError, match=r"expected the metrics of a dragoman gateway at .*, got status 502$"):
            await asyncio.to_thread(fetch, server.url, "", 0.0)


def test_what_is_no_gateway_is_said() -> None:
    with pytest.raises(BadEventError):
        read_scrape("# HELP go_goroutines Number\ngo_goroutines 7\n", 0.0)
    with pytest.raises(ConnectError, match="no gateway answers"):
        fetch("http://127.0.0.1:9/\u00e4", "", 0.0)


@pytest.mark.parametrize(
    "url", ["", "here:8642", "ftp://here", "http://here:port", "http://[::1", "http://a b", "http://u:canary@h"]
)
def test_what_is_no_url_of_a_gateway_is_said(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected the URL of a gateway, as ") as caught:
        fetch(url, "", 0.0)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("key", ["canary\n", "ca nary", "canary\u00e9"])
def test_a_key_that_no_header_can_hold_is_said(key: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a key of visible ASCII characters, got others") as caught:
        fetch("http://127.0.0.1:9", key, 0.0)
    assert "canary" not in str(caught.value)
