"""A caller that leaves, in each phase: the service is left at once, and the outcome has the tokens that are known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from dragoman.config import Config, GatewayConfig, ProviderConfig, TimeoutsConfig
from dragoman.types import Outcome
from dragoman.wire import json, sse
from tests.faults.dialects import FRONTS
from tests.support.gateway import Running, connect, running
from tests.support.golden import cases
from tests.support.raw import turns
from tests.support.relaying import EVENTS, GATEWAY, JSON, PATH, Translating, configured, question
from tests.support.server import Exchange, Server, serve

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
TEXTS = (" a word", " a second", " the third")
PIECES = [sse.encode(json.encode({"choices": [{"index": 0, "delta": {"content": text}}]})) for text in TEXTS]
REPORT = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":40,"total_tokens":47}}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' + REPORT + b"data: [DONE]\n\n"
WHOLE = json.encode(
    {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "half"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 40, "total_tokens": 47},
    }
)
WAYS = ("relay", "translate")


class Scene(Struct):
    """A service that says some of its answer, and the rest once it is let go; a gateway; what became of requests."""

    service: Server
    gateway: Running
    outcomes: "asyncio.Queue[Outcome]"
    reached: asyncio.Event
    go: asyncio.Event


@asynccontextmanager
async def scene(way: str, first: list[bytes] | None, rest: bytes = b"", **settings: object) -> AsyncIterator[Scene]:
    """`first`: what the service says before it is let go; None: not even its head."""
    reached, go = asyncio.Event(), asyncio.Event()
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    async def play(exchange: Exchange) -> None:
        stream = b'"stream":true' in exchange.request.body.replace(b" ", b"")
        media = EVENTS if stream else JSON
        if first is not None:
            await exchange.head(headers=media)
            for piece in first:
                await exchange.chunk(piece)
        reached.set()
        await go.wait()
        if first is None:
            await exchange.head(headers=media)
        await exchange.chunk(rest if stream else WHOLE)
        await exchange.end()

    async with serve(play) as service:
        ours = GatewayConfig(port=0, default_model="up/m", **settings)  # type: ignore[arg-type]
        config = configured(service.url, "up/m", "down/m", gateway=ours)
        client = Translating(config) if way == "translate" else None
        async with running(config, client=client, observers=[outcomes.put_nowait]) as gateway:
            yield Scene(service, gateway, outcomes, reached, go)


async def left(on: Scene, *, stream: bool, after: bytes = b"", model: str = "up/m") -> None:
    """A caller asks, reads until `after` has come, and leaves."""
    async with connect(on.gateway.url) as wire:
        wire.send("POST", PATH, body=question(model, stream=stream))
        if after:
            got = b""
            await wire.head()
            while after not in got:
                got += await wire.chunk()
        await on.reached.wait()
        await turns(8)


BEFORE_CONTENT = {"waiting for the head": None, "before the first token": [ROLE]}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", BEFORE_CONTENT)
async def test_a_caller_that_leaves_before_the_first_content_closes_the_service(
    phase: str, way: str, stream: bool
) -> None:
    first = BEFORE_CONTENT[phase] if stream else None if BEFORE_CONTENT[phase] is None else [WHOLE[:20]]
    async with scene(way, first) as on:
        await left(on, stream=stream)
        await on.service.peer_closed()
        outcome = await on.outcomes.get()
    assert (outcome.end, outcome.usage, outcome.usage_estimated) == ("gone", None, False)


@pytest.mark.parametrize("way", WAYS)
async def test_a_caller_that_leaves_in_mid_stream_closes_the_service_and_its_tokens_are_estimated(way: str) -> None:
    async with scene(way, [ROLE, *PIECES]) as on:
        await left(on, stream=True, after=TEXTS[-1].encode())
        await on.service.peer_closed()
        outcome = await on.outcomes.get()
    assert outcome.end == "gone"
    assert outcome.target == "up/m"
    assert outcome.usage_estimated
    assert outcome.usage is not None
    assert len("".join(TEXTS)) // 4 <= (outcome.usage.output_tokens or 0) <= 12


@pytest.mark.parametrize(("way", "stream"), [("relay", True), ("translate", True), ("translate", False)])
async def test_usage_that_was_reported_on_the_way_is_not_estimated(way: str, stream: bool) -> None:
    async with scene(way, [ROLE, *PIECES[:-1], REPORT, PIECES[-1]]) as on:
        await left(on, stream=stream, after=TEXTS[-1].encode() if stream else b"")
        await on.service.peer_closed()
        outcome = await on.outcomes.get()
    assert outcome.end == "gone"
    assert outcome.usage is not None
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (7, 40)
    assert not outcome.usage_estimated


def gemini_chunk(text: str, count: int) -> dict[str, object]:
    content = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": count, "totalTokenCount": 7 + count}
    return {"candidates": [{"content": content, "index": 0}], "usageMetadata": usage}


def chat_chunk(text: str, count: int) -> dict[str, object]:
    usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
    return {"choices": [{"index": 0, "delta": {"content": text}}], "usage": usage}


COUNTING = {"gemini": gemini_chunk, "openai-chat": chat_chunk}
"""Services that report in each event, as Gemini does, and xAI and vLLM in OpenAI's protocol."""


@pytest.mark.parametrize("front", COUNTING)
@pytest.mark.parametrize("dialect", COUNTING)
async def test_usage_that_each_event_reports_is_known_of_an_answer_that_broke_off(dialect: str, front: str) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for number in range(20):  # many, so that most of them pass unread
            await exchange.chunk(sse.encode(json.encode(COUNTING[dialect](" a word", 41 + number))))
            await asyncio.sleep(0)
        await exchange.closed()

    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    async with serve(play) as service:
        base = service.url if dialect == "gemini" else f"{service.url}/v1"
        up = ProviderConfig(protocol=dialect, url=base, api_key="k")
        config = Config(gateway=GATEWAY, providers={"up": up})
        async with running(config, observers=[outcomes.put_nowait]) as gateway, connect(gateway.url) as wire:
            path, body = FRONTS[front].ask("up/m", "hi", stream=True)
            wire.send("POST", path, JSON, body)
            await wire.head()
            got = b""
            while got.count(b" a word") < 20:
                got += await wire.chunk()
            wire.writer.close()
            outcome = await outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage_estimated) == ("gone", False)
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens, outcome.usage.total_tokens) == (7, 60, None)


@pytest.mark.parametrize("way", WAYS)
async def test_a_first_report_that_only_says_that_the_output_began_is_no_count(way: str) -> None:
    begin = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "sixteen letters!"}}
    first = [sse.encode(json.encode(each), str(each["type"]).encode()) for each in (begin, block, delta, delta)]
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for piece in first:
            await exchange.chunk(piece)
        await exchange.closed()

    async with serve(play) as service:
        up = ProviderConfig(protocol="anthropic", url=service.url, api_key="k")
        config = Config(gateway=GATEWAY, providers={"up": up})
        client = Translating(config) if way == "translate" else None
        async with running(config, client=client, observers=[outcomes.put_nowait]) as gateway:
            async with connect(gateway.url) as wire:
                body = {
                    "model": "up/m",
                    "max_tokens": 99,
                    "stream": True,
                    "messages": [{"role": "user", "content": "a"}],
                }
                wire.send("POST", "/v1/messages", body=json.encode(body))
                got = b""
                await wire.head()
                while got.count(b"sixteen") < 2:
                    got += await wire.chunk()
            await service.peer_closed()
            outcome = await outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.input_tokens, outcome.usage_estimated) == ("gone", 9, True)
    assert 8 <= (outcome.usage.output_tokens or 0) <= 24


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_caller_that_leaves_before_there_is_a_connection_ends_the_attempt(way: str, stream: bool) -> None:
    accepted, closed = asyncio.Event(), asyncio.Event()
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the beginning of a TLS handshake, which is not answered
        accepted.set()
        await reader.read()
        closed.set()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        config = configured(f"https://127.0.0.1:{port}", timeouts=TimeoutsConfig(tls=None, connect=None))
        client = Translating(config) if way == "translate" else None
        async with running(config, client=client, observers=[outcomes.put_nowait]) as gateway:
            async with connect(gateway.url) as wire:
                wire.send("POST", PATH, body=question(stream=stream))
                await accepted.wait()
            await closed.wait()
            outcome = await outcomes.get()
    assert (outcome.end, outcome.status, outcome.usage) == ("gone", None, None)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_caller_that_leaves_after_the_last_byte_has_got_the_answer(way: str, stream: bool) -> None:
    async with scene(way, None, ROLE + PIECES[0] + END) as on:
        on.go.set()
        async with connect(on.gateway.url) as wire:
            wire.send("POST", PATH, body=question(stream=stream))
            assert (await wire.answer()).clean
        outcome = await on.outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.output_tokens, outcome.usage_estimated) == ("whole", 40, False)


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_that_breaks_off_has_estimated_tokens_too(way: str) -> None:
    async with scene(way, [ROLE, *PIECES], rest=b"") as on:
        on.go.set()
        async with connect(on.gateway.url) as wire:
            wire.send("POST", PATH, body=question(stream=True))
            got = await wire.answer()
        outcome = await on.outcomes.get()
    assert b"truncated" in got.body
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage_estimated) == ("broken", True)


@pytest.mark.parametrize("model", ["up/m", "route"])
async def test_a_caller_of_a_whole_answer_that_is_translated_has_estimated_tokens(model: str) -> None:
    async with scene("translate", [ROLE, *PIECES]) as on:
        await left(on, stream=False, model=model)
        await on.service.peer_closed()
        outcome = await on.outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.output_tokens, outcome.usage_estimated) == ("gone", 7, True)


DRAINED = {"waiting for the head": None, "before the first token": [ROLE], "in mid-stream": [ROLE, *PIECES]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", DRAINED)
async def test_with_drain_the_answer_is_read_to_its_end_and_counted(phase: str, way: str) -> None:
    rest = END if phase == "in mid-stream" else PIECES[0] + END
    async with scene(way, DRAINED[phase], rest, on_disconnect="drain") as on:
        await left(on, stream=True, after=TEXTS[-1].encode() if phase == "in mid-stream" else b"")
        on.go.set()
        outcome = await on.outcomes.get()
        assert len(on.service.requests) == 1
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.output_tokens, outcome.usage_estimated) == ("gone", 40, False)
    assert outcome.finish_reason == "stop"
    assert outcome.status == (200 if phase == "in mid-stream" else None)


@pytest.mark.parametrize("way", WAYS)
async def test_with_drain_a_whole_answer_is_read_to_its_end_and_counted(way: str) -> None:
    async with scene(way, None, PIECES[0] + END, on_disconnect="drain") as on:
        await left(on, stream=False)
        on.go.set()
        outcome = await on.outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.output_tokens, outcome.sent) == ("gone", 40, 0)


@pytest.mark.parametrize("way", WAYS)
async def test_with_drain_nothing_changes_for_a_caller_that_stays(way: str) -> None:
    async with scene(way, [ROLE, *PIECES], END, on_disconnect="drain") as on:
        on.go.set()
        async with connect(on.gateway.url) as wire:
            for _ in range(2):
                wire.send("POST", PATH, body=question(stream=True))
                got = await wire.answer()
                assert got.clean
                assert got.body.count(b"[DONE]") == 1
                assert b"id:" not in got.body
                assert (await on.outcomes.get()).end == "whole"


@pytest.mark.parametrize("way", WAYS)
async def test_a_drained_answer_ends_with_its_timeouts(way: str) -> None:
    async with scene(way, [ROLE, *PIECES], on_disconnect="drain") as on:
        hurried = replace(
            on.gateway.gateway.client.config.providers["up"], timeouts=TimeoutsConfig(idle=0.05), url=on.service.url
        )
        config = replace(on.gateway.gateway.client.config, providers={"up": hurried}, models={})
        client = Translating(config) if way == "translate" else None
        async with running(config, client=client, observers=[on.outcomes.put_nowait]) as gateway:
            await left(replace(on, gateway=gateway), stream=True, after=TEXTS[-1].encode())
            outcome = await on.outcomes.get()
        await on.service.peer_closed()
    assert (outcome.end, outcome.error, outcome.usage_estimated) == ("gone", "timeout", True)


@pytest.mark.parametrize("way", WAYS)
async def test_a_gateway_that_stops_drains_nothing(way: str) -> None:
    async with scene(way, [ROLE, *PIECES], on_disconnect="drain") as on:
        await left(on, stream=True, after=TEXTS[-1].encode())
        on.gateway.server.stop()
        outcome = await on.outcomes.get()
        await on.service.peer_closed()
    assert (outcome.end, outcome.usage_estimated) == ("gone", True)


@pytest.mark.parametrize("settings", [{}, {"on_disconnect": "drain"}], ids=["left", "drained until it stops"])
@pytest.mark.parametrize("way", WAYS)
async def test_the_request_log_has_the_tokens_that_were_known_at_the_end(
    way: str, settings: dict[str, str], tmp_path: Path
) -> None:
    where = tmp_path / "log"
    async with scene(way, [ROLE, *PIECES], b"", request_log=str(where), **settings) as on:
        await left(on, stream=True, after=TEXTS[-1].encode())
        if settings:
            assert on.outcomes.empty(), "it is not drained"
            on.gateway.server.stop()
        await on.service.peer_closed()
    (line,) = (json.decode_event(each) for each in where.read_bytes().splitlines())
    assert (line["status"], line["end"], line["target"]) == (200, "gone", "up/m")
    assert (len("".join(TEXTS)) // 4 <= line["output_tokens"] <= 12, line["tokens_estimated"]) == (True, True)


@pytest.mark.parametrize("way", WAYS)
async def test_a_drained_answer_does_not_wait_for_a_caller_that_does_not_read(way: str) -> None:
    big = sse.encode(json.encode({"choices": [{"index": 0, "delta": {"content": "x" * (64 << 10)}}]}))
    async with scene(way, [ROLE, *PIECES, *[big] * 100], END, on_disconnect="drain") as on:
        async with connect(on.gateway.url) as wire:
            wire.send("POST", PATH, body=question(stream=True))
            assert await wire.head() == 200
            wire.reader._limit = 1  # type: ignore[attr-defined]  # how a reader is told to hold little
            on.go.set()
        outcome = await on.outcomes.get()
    assert outcome.usage is not None
    assert (outcome.end, outcome.usage.output_tokens) == ("gone", 40)


ASKED: dict[str, tuple[str, dict[str, object]]] = {
    "openai-responses": ("/v1/responses", {"input": "hi", "stream": True}),
    "anthropic": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": True}),
    "ollama": ("/api/chat", {"messages": [{"role": "user", "content": "hi"}]}),
    "gemini": (
        "/v1beta/models/up/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
}


@pytest.mark.parametrize("dialect", ASKED)
async def test_what_was_relayed_is_estimated_in_each_dialect(dialect: str) -> None:
    """Gemini reports the tokens so far with each event."""
    reply = cases(dialect)["text"].reply
    text = reply.index(b"Hel")
    half = reply[: reply.index(b"\n", text) + 1 if dialect == "ollama" else sse.blank_line(reply, text)]
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "application/x-ndjson"} if dialect == "ollama" else EVENTS)
        await exchange.chunk(half)
        await exchange.closed()

    async with serve(play) as service:
        up = ProviderConfig(protocol=dialect, url=service.url, api_key="k")
        config = Config(gateway=GATEWAY, providers={"up": up})
        async with running(config, observers=[outcomes.put_nowait]) as gateway:
            async with connect(gateway.url) as wire:
                path, body = ASKED[dialect]
                wire.send("POST", path, body=json.encode({"model": "up/m"} | body))
                assert await wire.head() == 200
                assert b"Hel" in await wire.chunk()
            await service.peer_closed()
            outcome = await outcomes.get()
    assert outcome.usage is not None
    assert outcome.usage_estimated == (dialect != "gemini")
    assert 1 <= (outcome.usage.output_tokens or 0) <= 24
