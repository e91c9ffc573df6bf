"""`continue` and `hedge` through the gateway, over real sockets, for callers of every front."""

import asyncio
import copy
from collections.abc import Awaitable, Callable

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProfileConfig, ProviderConfig
from dragoman.gateway.request_log import _tried
from dragoman.types import Outcome
from tests.faults.ground import until
from tests.shape.voices import VOICES, Answer
from tests.support.gateway import Got, ask, connect, running
from tests.support.server import Exchange, Server, serve

BEGUN = {"openai-chat": 1, "openai-responses": 4, "anthropic": 4, "gemini": 1, "ollama": 1}
"""Fronts, and the pieces of a service's answer up to its text."""
FRONTS = list(BEGUN)
NEXT = dict(zip(FRONTS, [*FRONTS[1:], FRONTS[0]], strict=True))
"""Front to the dialect of the second service; the first one has the front's own, which would be relayed."""

Handler = Callable[[Exchange], Awaitable[None]]


def broken(dialect: str, text: str) -> Handler:
    """Says `text`, and breaks off."""

    async def handler(exchange: Exchange) -> None:
        kind, pieces = VOICES[dialect].reply(Answer(text), True)
        await exchange.head(headers={"content-type": kind})
        for piece in pieces[: BEGUN[dialect]]:
            await exchange.chunk(piece)

    return handler


def saying(dialect: str, text: str) -> Handler:
    """Says `text`, as it is asked: as a stream or whole."""

    async def handler(exchange: Exchange) -> None:
        stream = VOICES[dialect].streams(exchange.request)
        kind, pieces = VOICES[dialect].reply(Answer(text, usage=(9, 4)), stream)
        await exchange.reply(headers={"content-type": kind}, body=b"".join(pieces))

    return handler


async def silent(exchange: Exchange) -> None:
    """Says nothing until its caller has gone."""
    await exchange.closed()


def config(front: str, first: Server, second: Server, drain: bool = False, **route: object) -> Config:
    entries = {
        name: ProviderConfig(protocol=dialect, url=up.url + VOICES[dialect].base, api_key="k")
        for name, dialect, up in (("first", front, first), ("second", NEXT[front], second))
    }
    made = ModelConfig(targets=("first/m", "second/m"), **route)  # type: ignore[arg-type]  # settings of a route
    return Config(
        gateway=GatewayConfig(port=0, default_model="route", on_disconnect="drain" if drain else "cancel"),
        providers=entries,
        models={"route": made},
        profiles={"*": ProfileConfig(prefill=True)},
    )


async def asked(url: str, front: str, *, stream: bool = True) -> Got:
    said = VOICES[front].ask("hi", stream)
    body = said.body.replace(b'"up/m"', b'"route"')
    return await ask(url, "POST", VOICES[front].address("route", stream=stream), said.headers, body)


def tried(outcome: Outcome) -> list[tuple[str, str]]:
    """All targets of a request, as the request log has them."""
    return [(each.target, each.error) for each in _tried(outcome)]


@pytest.mark.parametrize("front", FRONTS)
async def test_a_broken_answer_goes_on_and_the_log_has_both(front: str) -> None:
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(copy.copy(outcome))  # as it is when the request log writes its line

    first, second = broken(front, "Hello, "), saying(NEXT[front], "world")
    async with (
        serve(first) as one,
        serve(second) as two,
        running(config(front, one, two, continues=True), observers=[note]) as up,
    ):
        got = await asked(up.url, front)
    said = VOICES[front].read(got, True)
    assert (got.status, got.clean, said.text, said.finish_reason) == (200, True, "Hello, world", "stop")
    (outcome,) = outcomes
    assert (outcome.target, outcome.end, outcome.error) == ("second/m", "whole", "")
    assert tried(outcome) == [("first/m", "truncated"), ("second/m", "")]
    assert "answer.continued" in outcome.losses.split(", ")
    assert outcome.usage is not None
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (9, 4)


async def test_a_whole_answer_that_is_continued_says_so_in_its_head() -> None:
    async def first(exchange: Exchange) -> None:
        await broken("openai-chat", "Hello, ")(exchange)

    async with (
        serve(first) as one,
        serve(saying("openai-responses", "world")) as two,
        running(config("openai-chat", one, two, continues=True)) as up,
    ):
        got = await asked(up.url, "openai-chat", stream=False)
    assert VOICES["openai-chat"].read(got, False).text == "Hello, world"
    assert got.headers["x-dragoman-losses"] == "answer.continued"


async def test_if_nobody_can_go_on_the_caller_is_told_and_the_log_has_both() -> None:
    outcomes: list[Outcome] = []

    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(503, headers={"content-type": "application/json"}, body=b"{}")

    async with (
        serve(broken("openai-chat", "Hello, ")) as one,
        serve(refusing) as two,
        running(config("openai-chat", one, two, continues=True), observers=[outcomes.append]) as up,
    ):
        got = await asked(up.url, "openai-chat")
    assert got.body.count(b'"error"') == 1
    assert b"truncated" in got.body
    assert b"[DONE]" not in got.body
    (outcome,) = outcomes
    assert (outcome.end, outcome.error) == ("broken", "truncated")
    assert tried(outcome) == [("first/m", "truncated"), ("second/m", "overloaded")]


async def test_a_caller_who_leaves_a_continued_answer_is_logged_with_both_targets() -> None:
    outcomes: list[Outcome] = []
    gone = asyncio.Event()

    async def second(exchange: Exchange) -> None:
        await broken("openai-responses", "world")(exchange)
        await exchange.closed()
        gone.set()

    async with (
        serve(broken("openai-chat", "Hello, ")) as one,
        serve(second) as two,
        running(config("openai-chat", one, two, continues=True), observers=[outcomes.append]) as up,
    ):
        said = VOICES["openai-chat"].ask("hi", True)
        async with connect(up.url) as wire:
            wire.send("POST", "/v1/chat/completions", said.headers, said.body.replace(b"up/m", b"route"))
            await wire.head()
            async with asyncio.timeout(5):
                while b'"rld"' not in await wire.chunk():  # the second half of the rest
                    pass
        async with asyncio.timeout(5):
            await gone.wait()
    (outcome,) = outcomes
    assert (outcome.end, outcome.target) == ("gone", "second/m")
    assert [each.target for each in outcome.attempts] == ["first/m"]


async def test_a_caller_who_leaves_while_the_rest_is_asked_for_is_logged_with_both_targets() -> None:
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    reached = asyncio.Event()

    async def second(exchange: Exchange) -> None:
        reached.set()
        await exchange.closed()

    async with (
        serve(broken("openai-chat", "Hello, ")) as one,
        serve(second) as two,
        running(config("openai-chat", one, two, continues=True), observers=[outcomes.put_nowait]) as up,
        asyncio.timeout(5),
    ):
        said = VOICES["openai-chat"].ask("hi", True)
        async with connect(up.url) as wire:
            wire.send("POST", "/v1/chat/completions", said.headers, said.body.replace(b"up/m", b"route"))
            await reached.wait()
        outcome = await outcomes.get()
    assert (outcome.end, outcome.target, outcome.upstream_status) == ("gone", "second/m", None)
    assert [(each.target, each.code, each.upstream_status) for each in outcome.attempts] == [
        ("first/m", "truncated", 200)
    ]


async def test_for_a_caller_who_has_left_nobody_is_asked_for_the_rest() -> None:
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    go = asyncio.Event()

    async def first(exchange: Exchange) -> None:
        await broken("openai-chat", "Hello, ")(exchange)
        await go.wait()

    async with (
        serve(first) as one,
        serve(saying("openai-responses", "world")) as two,
        running(config("openai-chat", one, two, drain=True, continues=True), observers=[outcomes.put_nowait]) as up,
        asyncio.timeout(5),
    ):
        said = VOICES["openai-chat"].ask("hi", True)
        async with connect(up.url) as wire:
            wire.send("POST", "/v1/chat/completions", said.headers, said.body.replace(b"up/m", b"route"))
            await wire.head()
            await wire.chunk()
        assert await until(lambda: any(writer.unheard for writer in up.gateway._writers))
        go.set()
        outcome = await outcomes.get()
    assert (outcome.end, outcome.error, two.requests) == ("gone", "truncated", [])
    assert tried(outcome) == []


@pytest.mark.parametrize("front", FRONTS)
async def test_a_silent_target_is_hedged_and_its_connection_closed(front: str) -> None:
    outcomes: list[Outcome] = []
    async with (
        serve(silent) as one,
        serve(saying(NEXT[front], "hello")) as two,
        running(config(front, one, two, hedge=0.02), observers=[outcomes.append]) as up,
    ):
        got = await asked(up.url, front)
        async with asyncio.timeout(5):
            await one.leavings.get()
    assert VOICES[front].read(got, True).text == "hello"
    (outcome,) = outcomes
    assert (outcome.target, outcome.end, outcome.error) == ("second/m", "whole", "")
    assert tried(outcome) == [("first/m", "hedged"), ("second/m", "")]


async def test_a_caller_who_leaves_closes_both() -> None:
    both = asyncio.Event()

    async def second(exchange: Exchange) -> None:
        both.set()
        await exchange.closed()

    async with serve(silent) as one, serve(second) as two, running(config("openai-chat", one, two, hedge=0.01)) as up:
        said = VOICES["openai-chat"].ask("hi", True)
        async with connect(up.url) as wire:
            wire.send("POST", "/v1/chat/completions", said.headers, said.body.replace(b"up/m", b"route"))
            async with asyncio.timeout(5):
                await both.wait()
        async with asyncio.timeout(5):
            await one.leavings.get()
            await two.leavings.get()
