"""`GET /metrics`: what was counted, as text for Prometheus. Needs a key if the gateway has any, unless it is open."""

from dragoman.gateway.fronts.endpoints import ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, FrontContext, FrontMaker, Row
from dragoman.gateway.metrics.exposition import TYPE, exposition
from dragoman.gateway.metrics.observer import Metrics
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ServerRequest, ServerResponse

PATH = "/metrics"


def metrics(counted: Metrics, *, open_to_all: bool) -> Front:
    """The front; errors are told in OpenAI's words."""

    def answer(call: ServerRequest) -> ServerResponse:
        counted.refresh()
        return ServerResponse(headers=(("content-type", TYPE),), body=exposition(counted.regions))

    rows = (Row("GET", PATH, ImmediateEndpoint(answer)),)
    return Front(OpenAIChatServer(), rows, prefix=PATH, open=open_to_all, name="metrics")


def _made(context: FrontContext) -> tuple[Front, ...]:
    if context.metrics is None:
        return ()
    return (metrics(context.metrics, open_to_all=context.client.config.gateway.metrics == "open"),)


METRICS = FrontMaker(_made)
