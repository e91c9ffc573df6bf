"""What load balancers ask: whether the gateway lives, and whether it takes requests."""

from collections.abc import Callable

from dragoman.gateway.fronts.endpoints import ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ServerRequest, ServerResponse
from dragoman.types.http import JSON

OK = ServerResponse(headers=JSON, body=b'{"status":"ok"}')


def health(unready: Callable[[], str]) -> Front:
    """Needs no key. `unready`: why requests should go elsewhere from now on, in a word; empty if they need not.

    Kubernetes and balancers of clouds ask by the address of a pod or a machine, which nobody has listed, and HAProxy
    without any name (https://github.com/kubeflow/mcp-server/issues/91).
    """

    def ready(call: ServerRequest) -> ServerResponse:
        word = unready()
        return ServerResponse(status=503, headers=JSON, body=b'{"status":"%b"}' % word.encode()) if word else OK

    rows = (
        Row("GET", "/health/live", ImmediateEndpoint(lambda call: OK)),
        Row("GET", "/health/ready", ImmediateEndpoint(ready)),
    )
    return Front(OpenAIChatServer(), rows, prefix="/health", open=True, any_host=True, name="health")


HEALTH = FrontMaker(lambda context: (health(context.unready),))
