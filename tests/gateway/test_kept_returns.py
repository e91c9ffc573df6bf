"""A caller comes back to the stream of an answer that its service keeps: how that ends is told. Over real sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import Got, ask, running_gateway
from tests.support.responses import events_of
from tests.support.server import Exchange, serve

JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}
PATH = "/v1/responses"
ANSWER = {"id": "resp_1", "object": "response", "created_at": 1, "status": "queued", "model": "m", "output": []}


def event(number: int, kind: str = "response.output_text.delta", **more: Any) -> bytes:
    said = {"type": kind, "sequence_number": number} | more
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode()


DELTAS = [event(number, item_id="m", output_index=0, content_index=0, delta="é") for number in (5, 6)]
END = event(7, "response.completed", response=ANSWER | {"status": "completed"})


@asynccontextmanager
async def returning(*pieces: bytes, end: bool = True) -> AsyncIterator[str]:
    """A gateway in front of a service that gives the stream back so; without `end` it then closes the connection."""

    async def script(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            await exchange.reply(200, JSON, json.dumps(ANSWER).encode())
            return
        await exchange.head(200, EVENTS)
        for piece in pieces:
            await exchange.chunk(piece)
        if end:
            await exchange.end()

    async with serve(script) as up:
        entry = ProviderConfig(protocol="openai-responses", url=f"{up.url}/v1", api_key="sk-canary-0123")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
            body = {"model": "up/m", "input": "x", "background": True}
            assert (await ask(url, "POST", PATH, JSON, json.dumps(body).encode())).status == 200
            yield url


async def returned(url: str) -> Got:
    return await ask(url, "GET", f"{PATH}/resp_1?stream=true&starting_after=4")


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_whole_stream_passes_as_it_came_however_it_is_cut(size: int) -> None:
    said = b"".join([b": hello\n\n", *DELTAS, END])
    async with returning(*(said[at : at + size] for at in range(0, len(said), size))) as url:
        got = await returned(url)
    assert (got.status, got.clean, got.body) == (200, True, said)


@pytest.mark.parametrize("kind", ["response.failed", "response.incomplete", "response.cancelled", "error"])
async def test_an_end_that_the_service_tells_is_told_once(kind: str) -> None:
    last = event(7, kind, response=ANSWER)
    async with returning(*DELTAS, last) as url:
        got = await returned(url)
    assert (got.clean, got.body) == (True, b"".join([*DELTAS, last]))


async def test_who_has_the_end_already_gets_nothing_more() -> None:
    async with returning() as url:
        got = await returned(url)
    assert (got.status, got.clean, got.body) == (200, True, b"")


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("half", [b"", END[:40], END[:-30]])
async def test_a_stream_that_breaks_off_is_told_with_the_next_number_and_without_half_an_event(
    end: bool, half: bytes
) -> None:
    async with returning(*DELTAS, half or b": nothing\n\n", end=end) as url:
        got = await returned(url)
    said = events_of(got.body)
    assert [each["sequence_number"] for each in said] == [5, 6, 7, 8]
    assert [each["type"] for each in said[2:]] == ["error", "response.failed"]
    assert (said[3]["response"]["id"], said[3]["response"]["status"]) == ("resp_1", "failed")


async def test_an_end_without_its_blank_line_is_one() -> None:
    async with returning(*DELTAS, END.rstrip(b"\n")) as url:
        got = await returned(url)
    assert [each["sequence_number"] for each in events_of(got.body)] == [5, 6, 7]


@pytest.mark.parametrize("kind", ["response.failed", "error"])
async def test_a_failure_that_the_service_tells_shows_no_key_of_ours(kind: str) -> None:
    async with returning(*DELTAS, event(7, kind, message="the key sk-canary-0123 is é")) as url:
        got = await returned(url)
    assert b"canary" not in got.body
    assert (got.clean, events_of(got.body)[2]["message"]) == (True, "the key … is é")
