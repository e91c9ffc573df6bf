"""A parrot: repeats what is said to it, in plain text. Knows no model."""

from dragoman.errors import DragomanError
from dragoman.gateway.fronts.endpoints import Endpoint, ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ServerRequest, ServerResponse


class ParrotErrors(OpenAIChatServer):
    """Its errors are lines of text."""

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return ServerResponse(status=error.status, body=f"Squawk! {error.message}\n".encode())


class Repeat(Endpoint):
    """Says the body again."""

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        await writer.send(ServerResponse(body=call.body))


def word(call: ServerRequest) -> ServerResponse:
    """The last part of the path."""
    return ServerResponse(body=call.path.removeprefix("/parrot/words/").encode())


ROWS = (Row("POST", "/parrot", Repeat()), Row("GET", "/parrot/words/{word}", ImmediateEndpoint(word)))
PARROT = FrontMaker(lambda context: (Front(ParrotErrors(), ROWS, prefix="/parrot"),))
