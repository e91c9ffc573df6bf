"""The address itself, which people open in a browser, and which programs ask to see whether somebody is there."""

from dragoman.gateway.fronts.endpoints import ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, FrontContext, FrontMaker, Row
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import Headers, ServerRequest, ServerResponse

TEXT: Headers = (("content-type", "text/plain; charset=utf-8"),)
MORE = {"models": "GET /v1/models", "readiness": "GET /health/ready"}


def root(context: FrontContext) -> Front:
    """One page: the path at which each protocol is answered."""

    def page(call: ServerRequest) -> ServerResponse:
        chats = {name: f"POST {path}" for name, path in sorted(context.table().chats().items())}
        lines = "".join(f"  {name:<18}{path}\n" for name, path in (chats | MORE).items())
        return ServerResponse(headers=TEXT, body=f"dragoman, a gateway to language models:\n\n{lines}".encode())

    return Front(OpenAIChatServer(), (Row("GET", "/", ImmediateEndpoint(page)),), name="root")


ROOT = FrontMaker(lambda context: (root(context),))
