"""What load balancers ask: whether the gateway lives, and whether it takes requests."""

from collections.abc import Callable

from dragoman.gateway.fronts.endpoints import ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import Headers, ServerResponse

JSON: Headers = (("content-type", "application/json"),)

OK = ServerResponse(headers=JSON, body=b'{"status":"ok"}')
DRAINING = ServerResponse(status=503, headers=JSON, body=b'{"status":"draining"}')


def health(draining: Callable[[], bool]) -> Front:
    """Needs no key. `draining`: whether requests should go elsewhere from now on."""
    rows = (
        Row("GET", "/health/live", ImmediateEndpoint(lambda call: OK)),
        Row("GET", "/health/ready", ImmediateEndpoint(lambda call: DRAINING if draining() else OK)),
    )
    return Front(OpenAIChatServer(), rows, prefix="/health", open=True)


HEALTH = FrontMaker(lambda context: (health(context.draining),))
