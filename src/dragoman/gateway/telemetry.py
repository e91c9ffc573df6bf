"""Spans and metrics for OpenTelemetry, by its GenAI conventions. An observer of outcomes.

https://opentelemetry.io/docs/specs/semconv/gen-ai/. A request is a server's span, which begins with it, so that a
service can be told of it; each target that was asked is a client's span below it. These, and all that is said of a
request, are made when it is over, from what its outcome has.
Nothing of what was asked or answered is recorded. Needs the extra `otel`; where it exports to is said by the variables
that every program with OpenTelemetry has (OTEL_EXPORTER_OTLP_ENDPOINT and others).
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from threading import Thread
from time import monotonic, time_ns
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.metrics.names import Names
from dragoman.providers.catalogue import Provider
from dragoman.types import Outcome

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

PATIENCE = 2.0
"""Seconds for which `aclose` waits until the rest is exported: it must not hang because nobody takes it."""

NAME = "dragoman"

EXPORTING = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.trace.propagation.tracecontext",
    "requests",
)
"""Modules that make the pipelines; the exporters import `requests` only once they are made. All of them take 0.2 s."""

TRACE_CONTEXT = frozenset({"traceparent", "tracestate"})

Value = str | int | bool | list[str]

WELL_KNOWN = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "perplexity": "perplexity",
    "xai": "x_ai",
}
"""Services and protocols, to the conventions' own names (`gen_ai.provider.name`); others have their name here."""

DURATION = [0.01 * 2**power for power in range(14)]
TOKENS = [4.0**power for power in range(14)]
FIRST = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]
GAP = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5]
"""The buckets that the conventions ask for: seconds, tokens, seconds, seconds."""

log = logging.getLogger("dragoman.gateway")


class Pipelines(Struct, frozen=True):
    """What takes spans and metrics."""

    traces: "TracerProvider"
    metrics: "MeterProvider"


class _Call(Struct, frozen=True):
    """A target that was asked."""

    target: str
    asked_at: float
    over_at: float
    error: str = ""
    upstream_status: int | None = None


def exporting() -> Pipelines:
    """Pipelines that export by OTLP over HTTP, as the environment says. Each has a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: NAME}))
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return Pipelines(traces, MeterProvider([reader], resource=resource, shutdown_on_exit=False))


def check_extra() -> None:
    """Imports what exports, so that no request waits for that. Raises ConfigurationError without the extra."""
    try:
        for name in EXPORTING:
            import_module(name)
    except ImportError as exc:
        raise ConfigurationError("otel needs the extra `otel` (pip install 'dragoman[otel]')") from exc


def telemetry_of(
    config: Config,
    services: Mapping[str, Provider],
    pipelines: Callable[[], Pipelines],
    earlier: "Telemetry | None" = None,
) -> "Telemetry | None":
    """What `gateway.otel` asks for; None if it asks for nothing. It goes on in the pipelines of `earlier`.

    Raises ConfigurationError.
    """
    if not config.gateway.otel:
        return None
    try:
        return Telemetry(Names(config, services), services, pipelines, earlier)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{config.where('gateway', 'otel')}: {exc.message}") from exc


class Telemetry:
    """Tells OpenTelemetry of requests to models.

    `pipelines` is called with the first of them: a process that is to be forked must have no threads. With `earlier`
    its pipelines are used on: two in one process would tell the same series by different counts. Raises
    ConfigurationError if the extra is not installed.
    """

    def __init__(
        self,
        names: Names,
        services: Mapping[str, Provider],
        pipelines: Callable[[], Pipelines],
        earlier: "Telemetry | None" = None,
    ) -> None:
        check_extra()
        self._names = names
        self._services = services
        self._exports: _Exports = _Exports(pipelines) if earlier is None else earlier._exports

    def begin(self, outcome: Outcome) -> None:
        """A request begins: its span is below the caller's own, and what services are told of the trace names it."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        said = dict(outcome.trace)
        span = outcome.span = self._exports.instruments().tracer.start_span(
            outcome.method,
            TraceContextTextMapPropagator().extract(said, Context()),
            SpanKind.SERVER,
            {"http.request.method": outcome.method, "url.path": outcome.path[:200]},
            start_time=_unix(outcome.received_at),
        )
        told = {name: value for name, value in said.items() if name not in TRACE_CONTEXT}
        TraceContextTextMapPropagator().inject(told, set_span_in_context(span, Context()))
        outcome.trace = tuple(told.items())

    def note(self, outcome: Outcome) -> None:
        """The answer to a request is over."""
        if not (outcome.model or outcome.target or outcome.attempts):
            return  # of a load balancer, or somebody who looks at metrics
        instruments = self._exports.instruments()
        self._trace(outcome, instruments)
        self._measure(outcome, instruments)

    async def aclose(self, successor: "Telemetry | None") -> None:
        """Exports what waits, for the last time, unless the `successor` goes on with it. The loop serves meanwhile."""
        if successor is None or successor._exports is not self._exports:
            await asyncio.to_thread(self._exports.close)

    def _trace(self, outcome: Outcome, to: "_Instruments") -> None:
        from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

        span = outcome.span
        if not isinstance(span, Span):
            return  # it was begun when there was no telemetry
        span.set_attributes(self._of_request(outcome))
        if outcome.error and (outcome.status is None or outcome.status >= 500 or outcome.end == "broken"):
            span.set_status(Status(StatusCode.ERROR))
        inside = set_span_in_context(span)
        for call in _calls(outcome):
            # One that broke off is among the attempts that failed, and yet the one of which tokens are known.
            answers = call.target == outcome.target and call.asked_at == outcome.asked_at
            told = self._of_call(call, outcome) | (_of_answer(outcome) if answers else {})
            name = f"{outcome.operation} {call.target.partition('/')[2]}"
            child = to.tracer.start_span(name, inside, SpanKind.CLIENT, told, start_time=_unix(call.asked_at))
            if call.error:
                child.set_status(Status(StatusCode.ERROR))
            child.end(_unix(call.over_at))
        span.end(_unix(outcome.ended_at))

    def _measure(self, outcome: Outcome, to: "_Instruments") -> None:
        for call in _calls(outcome):
            bounded = _Call(self._names.target(call.target), call.asked_at, call.over_at, call.error)
            told = self._of_call(bounded, outcome)
            to.duration.record(call.over_at - call.asked_at, told)
        failed = outcome.attempts
        target = self._names.target(outcome.target or (failed[-1].target if failed else ""))
        usage, first = outcome.usage, outcome.first_byte_at
        if not target:
            return
        told = self._of_call(_Call(target, 0.0, 0.0, outcome.error), outcome)
        to.request.record(outcome.ended_at - outcome.received_at, told)
        for kind, count in () if usage is None else (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                to.tokens.record(count, told | {"gen_ai.token.type": kind})
        if outcome.stream and outcome.came_at is not None and first is not None:
            to.first.record(first - outcome.received_at, told)
            if usage is not None and usage.output_tokens is not None and usage.output_tokens > 1:
                to.gap.record((outcome.ended_at - first) / (usage.output_tokens - 1), told)

    def _of_request(self, outcome: Outcome) -> dict[str, Value]:
        """What the span of a whole request says."""
        told: dict[str, Value | None] = {
            "http.response.status_code": outcome.status,
            "client.address": outcome.remote,
            "error.type": outcome.error,
            "dragoman.request.id": outcome.request_id,
            "dragoman.front": outcome.front,
            "dragoman.route": self._names.route(outcome.model),
            "dragoman.end": outcome.end,
        }
        return {name: value for name, value in told.items() if value not in (None, "")}

    def _of_call(self, call: _Call, outcome: Outcome) -> dict[str, Value]:
        """What everything says that is about one target."""
        service, _, model = call.target.partition("/")
        provider = self._services.get(service)
        protocol = "" if provider is None else provider.protocol_name()
        known = WELL_KNOWN.get(service) or WELL_KNOWN.get(protocol) or service
        told: dict[str, Value] = {"gen_ai.operation.name": outcome.operation, "gen_ai.provider.name": known}
        if model:
            told["gen_ai.request.model"] = model
        if provider is not None and (address := urlsplit(provider.url)).hostname:
            told["server.address"] = address.hostname
            told["server.port"] = address.port or (443 if address.scheme == "https" else 80)
        if call.error:
            told["error.type"] = call.error
        if call.upstream_status is not None:
            told["http.response.status_code"] = call.upstream_status
        return told


def _calls(outcome: Outcome) -> Iterator[_Call]:
    """The targets that were asked, in their order; of one whose time is not known, nothing can be said."""
    for each in outcome.attempts:
        if each.asked_at is not None:
            over = outcome.ended_at if each.failed_at is None else each.failed_at
            yield _Call(each.target, each.asked_at, over, each.code, each.upstream_status)
    if outcome.answering and outcome.asked_at is not None:
        yield _Call(outcome.target, outcome.asked_at, outcome.ended_at, outcome.error, outcome.upstream_status)


def _of_answer(outcome: Outcome) -> dict[str, Value]:
    """What the span of a target says of its answer."""
    usage = outcome.usage
    told: dict[str, Value | None] = {"gen_ai.request.stream": outcome.stream}
    if outcome.answering_model:
        told["gen_ai.response.model"] = outcome.answering_model
    if usage is not None:
        told |= {
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        }
    if outcome.finish_reason is not None:
        told["gen_ai.response.finish_reasons"] = [outcome.finish_reason]
    return {name: value for name, value in told.items() if value is not None}


def _unix(at: float) -> int:
    """A time of the monotonic clock as OpenTelemetry has it: in nanoseconds since 1970."""
    return time_ns() + int(1e9 * (at - monotonic()))


class _Exports:
    """Makes the instruments when they are needed first, and closes them."""

    def __init__(self, pipelines: Callable[[], Pipelines]) -> None:
        self._make = pipelines
        self._made: _Instruments | None = None

    def instruments(self) -> "_Instruments":
        """The same ones each time."""
        if self._made is None:
            self._made = _Instruments(self._make())
        return self._made

    def close(self) -> None:
        """Exports what waits; it takes PATIENCE at most."""
        if self._made is not None:
            ending = Thread(target=self._made.close, name="telemetry", daemon=True)
            ending.start()
            ending.join(PATIENCE)


class _Instruments:
    """The tracer, and the metrics under their names."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines
        self.tracer = pipelines.traces.get_tracer(NAME)
        make = pipelines.metrics.get_meter(NAME).create_histogram
        self.duration = make("gen_ai.client.operation.duration", "s", explicit_bucket_boundaries_advisory=DURATION)
        self.tokens = make("gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=TOKENS)
        self.request = make("gen_ai.server.request.duration", "s", explicit_bucket_boundaries_advisory=DURATION)
        self.first = make("gen_ai.server.time_to_first_token", "s", explicit_bucket_boundaries_advisory=FIRST)
        self.gap = make("gen_ai.server.time_per_output_token", "s", explicit_bucket_boundaries_advisory=GAP)

    def close(self) -> None:
        """Exports what waits."""
        self._pipelines.traces.shutdown()
        self._pipelines.metrics.shutdown()
