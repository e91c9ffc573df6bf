"""OpenAI's Responses over a WebSocket: the same requests and events as over HTTP, one text message each.

https://platform.openai.com/docs/guides/websocket-mode. Each message is answered as if it had come by `POST`, relayed or
translated; the events of the answer's stream are the messages that go back. An answer that is no stream, which is an
error, becomes one message. Nothing of it is told apart by who asks: routes, keys, limits and the request log hold for
each message as for each request.
"""

from http.client import parse_headers
from io import BytesIO
from typing import Any

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.engine.env import system_env
from dragoman.errors import DragomanError, RequestError
from dragoman.gateway.fronts.endpoints import Endpoint, decoded
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.http.websocket import FAILED, POLICY, WebSocket, asks_for_websocket, refused
from dragoman.protocols.openai_chat.deployments import DEPLOYMENTS, deployment
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.frame import frame
from dragoman.protocols.openai_responses.socket_turns import SocketTurns, warm
from dragoman.types import ResponseStart, ServerRequest, ServerResponse
from dragoman.wire import json
from dragoman.wire.sse import SseEvent, SseReader
from dragoman.wire.utf8 import valid

RESPONSES = "/responses"
AT_DEPLOYMENT = f"{DEPLOYMENTS}{{model}}{RESPONSES}"
"""Where OpenAI's client for Azure opens a WebSocket if it has one deployment for all requests (3.57, 2026-11); whatever
else it asks of Responses is at Azure's other paths."""

OF_HANDSHAKE = frozenset(
    {
        b"connection",
        b"upgrade",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"content-length",
        b"content-type",
        b"x-request-id",
    }
)
"""Header fields that are about the WebSocket, or about one request, and not about each message."""
BETA, SOCKET_BETA = b"openai-beta", "responses_websockets"
"""A beta that only says that the caller uses WebSockets."""
TOLD = frozenset({"retry-after", "retry-after-ms", "x-should-retry"})
"""Header fields of an error that its message repeats."""

WORDS = "expected a WebSocket, or POST; Responses over a WebSocket begin with GET and `Upgrade: websocket`"
OFF = "no WebSockets are served here; use POST"


class SocketEndpoint(Endpoint):
    """Takes a caller's WebSocket, if they are served; else says so in a way after which Codex goes on by HTTP.

    `path`: where its messages are answered.
    """

    def __init__(self, client: Client, codec: OpenAIResponsesServer, path: str) -> None:
        self._path = path
        self._on = client.config.gateway.websockets
        self._max_body = client.config.gateway.max_body
        self._codec = codec

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        socket: WebSocket | None = None
        asked = asks_for_websocket(call)
        if self._on and asked:
            socket = writer.upgrade(lambda: WebSocket(call, self._max_body))
        if socket is None:
            error = RequestError(WORDS if self._on and not asked else OFF, status=426, code="upgrade_required")
            await writer.send(refused(replace(self._codec.encode_error(error), error=error.code)))
            return
        model = deployment(call, RESPONSES) if call.path.startswith(DEPLOYMENTS) else ""
        call = replace(call, path=self._path)
        turns = SocketTurns(self._max_body, model)
        writer.outcome.error = await Session(socket, call, self._codec, turns).run()
        writer.complete = True


class Session:
    """The messages of one WebSocket, answered one after another. It is the NestedAnswer of each."""

    def __init__(
        self, socket: WebSocket, call: ServerRequest, codec: OpenAIResponsesServer, turns: SocketTurns
    ) -> None:
        self._socket = socket
        self._codec = codec
        fields = (field for field in call.headers if field[0] not in OF_HANDSHAKE and not _is_socket_beta(*field))
        self._call = replace(
            call, method="POST", query="", headers=(*fields, (b"content-type", b"application/json")), body=b""
        )
        self._turns = turns
        self._events = SseReader()
        self._status = 200
        self._lines = b""
        self._body: list[bytes] = []
        """The body of an error."""

    async def run(self) -> str:
        """Answers messages until the connection closes. The code of the error for which it was closed, or empty."""
        while (text := await self._socket.receive()) is not None:
            try:
                turn = self._turns.read(text)
                if turn.refusal:
                    self._socket.send(turn.refusal)
                    continue
                call = replace(self._call, body=turn.body)
                if not turn.generate:
                    await self._warm(call)
                    continue
            except DragomanError as exc:
                self._say_error(self._codec.encode_error(exc))
                self._socket.end(POLICY, "expected a request")
                return exc.code
            self._events, self._status, self._body = SseReader(), 200, []
            await self._socket.ask(call, self)
        return ""

    # What is told of an answer.

    def head(self, status: int, lines: bytes) -> None:
        """See NestedAnswer."""
        self._status, self._lines = status, lines

    def body(self, data: bytes) -> None:
        """See NestedAnswer."""
        if self._status >= 300:
            self._body.append(data)
            return
        for event in self._events.feed(data):
            if event.data.startswith(b"{"):
                data = valid(event.data)  # a caller's library ends the connection after a message that is no UTF-8
                self._turns.note(SseEvent(data, event.event))
                self._socket.send(self._turns.event(data))

    def ended(self, *, whole: bool) -> None:
        """See NestedAnswer."""
        if self._body:
            fields = parse_headers(BytesIO(self._lines + b"\r\n"))
            headers = tuple((name.lower(), value) for name, value in fields.items())
            self._say_error(ServerResponse(status=self._status, headers=headers, body=b"".join(self._body)))
        elif not whole:
            self._socket.end(FAILED, "the answer broke off")
        self._socket.answered()

    # Within.

    async def _warm(self, call: ServerRequest) -> None:
        answer_id, events = await decoded(call, self._warmed)
        self._turns.ended(answer_id)
        for event in events:
            self._socket.send(self._turns.event(event))

    def _warmed(self, call: ServerRequest) -> tuple[str, list[bytes]]:
        """The id and the events of an answer that says nothing."""
        response = frame(self._codec.decode_request(call), ResponseStart(), system_env())
        return response["id"], list(warm(response))

    def _say_error(self, response: ServerResponse) -> None:
        said: dict[str, Any] = json.decode_loosely(response.body)
        headers = {name: value for name, value in response.headers if name in TOLD}
        message = {"type": "error", "status": response.status, "error": said.get("error"), "headers": headers}
        self._socket.send(self._turns.event(json.encode(message)))


def _is_socket_beta(name: bytes, value: bytes) -> bool:
    return name == BETA and value.decode("latin-1").strip().startswith(SOCKET_BETA)
