"""What OpenTelemetry is told: spans and metrics by the GenAI conventions, and nothing of what was said."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import Gateway
from dragoman.gateway.telemetry import PATIENCE, Pipelines, exporting
from dragoman.types import Outcome
from tests.faults.dialects import DIALECTS, FRONTS, SERVICES, Reply, reply
from tests.faults.fault import said
from tests.faults.wire import Script, Service, listening
from tests.gateway.test_attempts import good
from tests.gateway.test_trace import PARENT, TRACE
from tests.support.gateway import ask, chat_body, connect, running
from tests.support.relaying import EVENTS, JSON, PATH, Translating, configured, question
from tests.support.server import Exchange, serve


def traced(url: str, *targets: str) -> Config:
    """A configuration with a service there, whose requests are told to OpenTelemetry."""
    config = configured(url, *targets)
    return replace(config, gateway=replace(config.gateway, otel=True))


class Collector:
    """Telemetry that is kept in memory."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()

    def pipelines(self) -> Pipelines:
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self.spans))
        return Pipelines(traces, MeterProvider([self._reader], shutdown_on_exit=False))

    def finished(self) -> tuple[ReadableSpan, list[ReadableSpan]]:
        """The server's span of the one request there was, and those below it."""
        found = list(self.spans.get_finished_spans())
        (server,) = (span for span in found if span.kind is SpanKind.SERVER)
        return server, [span for span in found if span.kind is SpanKind.CLIENT]

    def points(self) -> Iterator[tuple[str, Any]]:
        """The data points of all metrics, with their names."""
        data = self._reader.get_metrics_data()
        assert data is not None
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield from ((metric.name, point) for point in metric.data.data_points)


@pytest.mark.parametrize("translating", [True, False])
async def test_each_target_that_was_asked_is_a_span_below_the_request_s(translating: bool) -> None:
    async with serve(good) as service:
        config = traced(service.url, "down/m", "up/m")
        collector = Collector()
        client = Translating(config) if translating else None
        async with running(config, client=client, pipelines=collector.pipelines) as up:
            headers = TRACE | {"content-type": "application/json"}
            await ask(up.url, "POST", PATH, headers, question("route", stream=True))
            await ask(up.url, "GET", "/health/live")
        port = int(service.url.rpartition(":")[2].partition("/")[0])
    server, (failed, answered) = collector.finished()
    assert server.context is not None
    assert server.parent is not None
    assert f"00-{server.parent.trace_id:032x}-{server.parent.span_id:016x}-01" == PARENT
    for child in (failed, answered):
        assert child.name == "chat m"
        assert child.parent is not None
        assert child.parent.span_id == server.context.span_id
    times = [server.start_time, failed.start_time, failed.end_time, answered.start_time, answered.end_time]
    assert times == sorted(times, key=lambda time: time or 0)
    assert dict(server.attributes or {}) == {
        "http.request.method": "POST",
        "url.path": PATH,
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
        "dragoman.request.id": "mine-1",
        "dragoman.front": "openai-chat",
        "dragoman.route": "route",
        "dragoman.end": "whole",
    }
    assert dict(failed.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "server.address": "127.0.0.1",
        "server.port": 9,
        "error.type": "connect_error",
    }
    assert dict(answered.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop",),
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
    }
    assert (server.status.status_code, failed.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("front", DIALECTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_service_is_told_of_our_span_and_ours_tells_the_model_that_answered(
    dialect: str, front: str, stream: bool
) -> None:
    answer = said(dialect, named(reply(dialect, stream=stream)), stream=stream)
    service, collector = Service(), Collector()
    service.scripts["x"] = Script(answer.whole)
    async with listening(service):
        url = f"http://127.0.0.1:{service.port}/x{SERVICES[dialect].base}"
        up = ProviderConfig(protocol=dialect, url=url, api_key="k")
        config = Config(gateway=GatewayConfig(port=0, otel=True), providers={"x": up})
        async with running(config, pipelines=collector.pipelines) as gateway:
            path, body = FRONTS[front].ask("x/m", "hi", stream=stream)
            for fields in (TRACE, {"tracestate": "a=1"}):
                got = await ask(gateway.url, "POST", path, fields | {"content-type": "application/json"}, body)
                assert got.status == 200
    spans = [span for span in collector.spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert [span.parent is None for span in spans] == [False, True]
    for span, request in zip(spans, service.requests, strict=True):
        assert span.context is not None
        ours = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
        assert request.headers["traceparent"] == ours
    first, second = service.requests
    assert (first.headers["tracestate"], first.headers["x-request-id"]) == ("a=1,b=2", "mine-1")
    assert "tracestate" not in second.headers
    models = [(span.attributes or {}).get("gen_ai.response.model") for span in collector.spans.get_finished_spans()]
    assert sorted(filter(None, models), key=str) == ["m-2026-11"] * 2


def named(good: Reply) -> Reply:
    """The same answer of a model that has a longer name than it was asked by."""
    return replace(good, pieces=tuple(NAMED.sub(rb"\1-2026-11", piece) for piece in good.pieces))


NAMED = re.compile(rb'("model(?:Version)?": ?"m)(?=")')


async def test_each_request_of_a_connection_is_a_span() -> None:
    async with serve(good) as service:
        collector = Collector()
        async with running(traced(service.url, "up/m"), pipelines=collector.pipelines) as up, connect(up.url) as wire:
            for _ in range(3):
                wire.send("POST", PATH, {"content-type": "application/json"}, question("route", stream=True))
                await wire.answer()
    told = [request.headers["traceparent"] for request in service.requests]
    spans = {span.context.span_id: span for span in collector.spans.get_finished_spans() if span.context is not None}
    assert len(spans) == 6
    for parent in told:
        server = spans[int(parent.split("-")[2], 16)]
        assert server.kind is SpanKind.SERVER


async def test_a_caller_that_is_not_sampled_stays_so() -> None:
    async with serve(good) as service:
        collector = Collector()
        async with running(traced(service.url), pipelines=collector.pipelines) as up:
            await ask(up.url, "POST", PATH, {"traceparent": PARENT[:-1] + "0"}, question("up/m", stream=True))
    (request,) = service.requests
    assert (request.headers["traceparent"][:36], request.headers["traceparent"][-3:]) == (PARENT[:36], "-00")
    assert collector.spans.get_finished_spans() == ()


async def test_tokens_and_times_are_metrics_and_nothing_that_was_said_is_anywhere() -> None:
    config = Config(gateway=GatewayConfig(port=0, otel=True))
    collector = Collector()
    async with running(config, pipelines=collector.pipelines) as up:
        for stream in (True, False):
            body = chat_body("text: answer-canary one two three", stream=stream)
            await ask(up.url, "POST", PATH, {"Authorization": "Bearer key-canary"}, body)
        await ask(up.url, "POST", PATH, {}, chat_body("text: a\ncut", stream=True))
    points = list(collector.points())
    found = {name for name, _ in points}
    assert found == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.server.request.duration",
        "gen_ai.server.time_to_first_token",
        "gen_ai.server.time_per_output_token",
    }
    durations = {
        point.attributes.get("error.type"): point.count
        for name, point in points
        if name == "gen_ai.client.operation.duration"
    }
    assert durations == {None: 2, "truncated": 1}
    kinds = [
        (point.attributes["gen_ai.token.type"], point.attributes.get("error.type"), point.count)
        for name, point in points
        if name == "gen_ai.client.token.usage"
    ]
    # What an answer has cost that was cut is estimated.
    assert sorted(kinds, key=str) == [("input", None, 2), ("output", "truncated", 1), ("output", None, 2)]
    (first,) = (
        point
        for name, point in points
        if name == "gen_ai.server.time_to_first_token" and "error.type" not in point.attributes
    )
    assert first.count == 1
    said = repr(points) + "".join(span.to_json() for span in collector.spans.get_finished_spans())
    assert "canary" not in said
    assert '"gen_ai.usage.output_tokens"' in said


@pytest.mark.parametrize(
    ("path", "asked", "answer", "operation"),
    [
        (
            "/v1/embeddings",
            b'{"model":"up/m","input":"a"}',
            b'{"data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":5,"total_tokens":5}}',
            "embeddings",
        ),
        ("/v1/responses/input_tokens", b'{"model":"up/m","input":"a"}', b'{"input_tokens":5}', "count_tokens"),
    ],
)
@pytest.mark.parametrize("leaves", [False, True], ids=["answered", "left"])
async def test_a_target_that_was_asked_for_something_else_than_a_chat_is_a_span_too(
    path: str, asked: bytes, answer: bytes, operation: str, leaves: bool
) -> None:
    reached = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        reached.set()
        if leaves:
            await exchange.closed()
        else:
            await exchange.reply(200, JSON, answer)

    collector = Collector()
    async with serve(upstream) as service:
        config = traced(service.url)
        config = replace(config, providers={"up": replace(config.providers["up"], protocol=SPEAKS[operation])})
        async with running(config, pipelines=collector.pipelines) as up, connect(up.url) as wire:
            wire.send("POST", path, JSON, asked)
            await reached.wait()
            if not leaves:
                assert (await wire.answer()).status == 200
    server, (child,) = collector.finished()
    assert (child.name, (child.attributes or {})["gen_ai.operation.name"]) == (f"{operation} m", operation)
    assert server.start_time is not None
    assert child.start_time is not None
    assert server.start_time <= child.start_time
    durations = [point for name, point in collector.points() if name == "gen_ai.client.operation.duration"]
    assert [point.count for point in durations] == [1]


SPEAKS = {"embeddings": "openai-chat", "count_tokens": "openai-responses"}


@pytest.mark.parametrize("targets", [("other/m", "up/m"), ("down/m", "other/m", "up/m")])
async def test_a_target_that_was_left_in_the_middle_of_a_route_is_a_span(targets: tuple[str, ...]) -> None:
    reached = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        reached.set()
        await exchange.closed()

    collector = Collector()
    async with serve(silent) as service:
        config = traced(service.url, *targets)
        other = replace(config.providers["up"], protocol="anthropic")
        config = replace(config, providers={**config.providers, "other": other})
        async with running(config, pipelines=collector.pipelines) as up, connect(up.url) as wire:
            wire.send("POST", PATH, JSON, question("route", stream=True))
            await reached.wait()
    _, children = collector.finished()
    providers = [(child.attributes or {})["gen_ai.provider.name"] for child in children]
    assert providers == ["openai", "anthropic"][-len(children) :]
    assert len(children) == len(targets) - 1


@pytest.mark.parametrize("translating", [True, False])
async def test_the_span_of_an_answer_that_broke_off_has_what_is_known_of_it(translating: bool) -> None:
    async def breaking(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        usage = b'"usage":{"prompt_tokens":7,"completion_tokens":4}'
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],%b}\n\n' % usage)
        exchange.reset()

    collector = Collector()
    outcomes: list[Outcome] = []
    async with serve(breaking) as service:
        config = traced(service.url)
        client = Translating(config) if translating else None
        async with running(config, client=client, pipelines=collector.pipelines, observers=[outcomes.append]) as up:
            await ask(up.url, "POST", PATH, JSON, question("up/m", stream=True))
    _, (child,) = collector.finished()
    told = child.attributes or {}
    assert (told["error.type"], told["http.response.status_code"]) == ("truncated", 200)
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (7, 4)
    assert [each.upstream_status for each in outcomes[0].attempts] == [200]


@pytest.mark.parametrize("translating", [True, False])
async def test_a_request_that_no_target_answered_has_its_time(translating: bool) -> None:
    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(500, JSON, b"{}")

    collector = Collector()
    async with serve(refusing) as service:
        config = traced(service.url)
        client = Translating(config) if translating else None
        async with running(config, client=client, pipelines=collector.pipelines) as up:
            await ask(up.url, "POST", PATH, JSON, question("up/m", stream=True))
    (point,) = (point for name, point in collector.points() if name == "gen_ai.server.request.duration")
    assert (point.count, point.attributes["error.type"]) == (1, "upstream_error")
    assert point.attributes["gen_ai.request.model"] == "m"


async def test_what_a_caller_made_up_makes_no_series() -> None:
    async def missing(exchange: Exchange) -> None:
        await exchange.reply(404, {"content-type": "application/json"}, b'{"error":{"message":"no such model"}}')

    async with serve(missing) as service:
        config = traced(service.url)
        collector = Collector()
        async with running(config, pipelines=collector.pipelines) as up:
            for number in range(5):
                await ask(up.url, "POST", PATH, {}, question(f"up/made-up-{number}", stream=False))
    models = {point.attributes.get("gen_ai.request.model") for _, point in collector.points()}
    assert models == {"other"}


async def test_a_reload_goes_on_in_the_same_pipelines() -> None:
    made: list[Collector] = []

    def pipelines() -> Pipelines:
        made.append(Collector())
        return made[-1].pipelines()

    async with serve(good) as service:
        config = traced(service.url)
        async with running(config, pipelines=pipelines) as up:
            for otel in (True, True, False, True):
                await ask(up.url, "POST", PATH, JSON, question("up/m", stream=True))
                changed = replace(config, gateway=replace(config.gateway, otel=otel))
                up.server.replace(up.server.gateway.successor(Client(changed)))
                await asyncio.sleep(0)
    assert len(made) == 1
    (requests,) = (point for name, point in made[0].points() if name == "gen_ai.server.request.duration")
    assert requests.count == 3


async def test_the_loop_turns_while_telemetry_ends() -> None:
    loop, turned = asyncio.get_running_loop(), asyncio.Event()

    class Slow(SimpleSpanProcessor):
        def shutdown(self) -> None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE / 2)
            loop.call_soon_threadsafe(turned.set)

    def pipelines() -> Pipelines:
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(Slow(InMemorySpanExporter()))
        return Pipelines(traces, MeterProvider(shutdown_on_exit=False))

    async with serve(good) as service:
        async with running(traced(service.url), pipelines=pipelines) as up:
            await ask(up.url, "POST", PATH, JSON, question("up/m", stream=True))
            up.server.replace(up.server.gateway.successor(Client(configured(service.url))))
        assert turned.is_set()


async def test_a_gateway_that_nobody_called_has_begun_nothing() -> None:
    gateway = Gateway(Config(gateway=GatewayConfig(port=0, otel=True)))
    await gateway.aclose()


def test_the_first_request_waits_for_no_import() -> None:
    seen = (
        "import sys; from dragoman.gateway.telemetry import check_extra, exporting; check_extra();"
        "known = set(sys.modules); made = exporting(); print(len(set(sys.modules) - known));"
        "made.traces.shutdown(); made.metrics.shutdown(timeout_millis=1)"
    )
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"


def test_what_is_exported_says_who_we_are() -> None:
    pipelines = exporting()
    try:
        assert pipelines.traces.resource.attributes["service.name"] == "dragoman"
    finally:
        pipelines.traces.shutdown()
        pipelines.metrics.shutdown(timeout_millis=1)
