"""Shout, a protocol that says everything in capital letters: a line of text up, a line of text down."""

from collections.abc import Sequence
from typing import ClassVar

from dragoman.errors import DragomanError, TruncatedStreamError, UpstreamError
from dragoman.protocols.base import ClientCodec, Encoder, ServerCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    HttpResponse,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    ServerResponse,
    StreamEvent,
    Text,
    user,
)

NAME = "shout"


class ShoutClient(ClientCodec):
    """Calls `POST {url}/shout`."""

    name: ClassVar[str] = NAME
    expresses = frozenset()

    def __init__(self, url: str) -> None:
        self._url = f"{url}/shout"

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        return HttpRequest(url=self._url, body=request.messages[-1].text.upper().encode())

    def decoder(self, request: ChatRequest) -> Decoder:
        return ShoutDecoder()

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return UpstreamError(reply.body.decode(errors="replace"))


class ShoutDecoder(Decoder):
    """A line; its end is the answer's."""

    def __init__(self) -> None:
        self._line = b""

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        self._line += data

    def _end(self, out: list[StreamEvent]) -> None:
        if not self._line.endswith(b"\n"):
            raise TruncatedStreamError("the line has no end")
        text = self._line[:-1].decode(errors="replace")
        out += [ResponseStart(), PartStart(Text(text="")), PartDelta(text), PartEnd(), ResponseEnd("stop")]


class ShoutServer(ServerCodec):
    """Answers `POST /shout`."""

    name: ClassVar[str] = NAME
    expresses = frozenset({"text"})

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        return ChatRequest(model="", messages=(user(call.body.decode(errors="replace")),))

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(body=f"{response.text.upper()}\n".encode())

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return ShoutEncoder()

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return ServerResponse(status=error.status, body=error.message.upper().encode())


class ShoutEncoder(Encoder):
    """The line as it comes, and its end."""

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        text = "".join(event.text for event in events if isinstance(event, PartDelta)).upper()
        return text.encode() + (b"\n" if isinstance(events[-1], ResponseEnd) else b"")

    def fail(self, error: DragomanError) -> bytes:
        return b""
