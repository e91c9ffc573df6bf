"""OpenAI's Responses over a WebSocket: the same requests and events as over HTTP, one text message each.

https://platform.openai.com/docs/guides/websocket-mode. Each message is answered as if it had come by `POST`, relayed or
translated; the events of the answer's stream are the messages that go back. An answer that is no stream, which is an
error, becomes one message. Nothing of it is told apart by who asks: routes, keys, limits and the request log hold for
each message as for each request. An error ends the turn, and neither the connection nor its other turns.
"""

import asyncio
from http.client import parse_headers
from io import BytesIO

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.engine.env import system_env
from dragoman.errors import DragomanError, RequestError, TruncatedStreamError
from dragoman.gateway.fronts.endpoints import LARGE, Endpoint, decoded
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.http.websocket import WebSocket, asks_for_websocket, refused
from dragoman.protocols.openai_chat.deployments import DEPLOYMENTS, deployment
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.encode_errors import envelope
from dragoman.protocols.openai_responses.frame import frame
from dragoman.protocols.openai_responses.socket_turns import SocketTurns, Turn, lane_of, warm
from dragoman.types import ResponseStart, ServerRequest
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

BROKE_OFF = envelope(TruncatedStreamError("the answer broke off before its end"))
"""What a turn ends with if nothing else has said so."""

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
            socket = writer.upgrade(lambda: WebSocket(call, self._max_body, lane_of))
        if socket is None:
            error = RequestError(WORDS if self._on and not asked else OFF, status=426, code="upgrade_required")
            await writer.send(refused(replace(self._codec.encode_error(error), error=error.code)))
            return
        model = deployment(call, RESPONSES) if call.path.startswith(DEPLOYMENTS) else ""
        call = replace(call, path=self._path)
        await Session(socket, call, self._codec, SocketTurns(self._max_body, model)).run()
        writer.outcome.error, writer.complete = socket.error, True


class Session:
    """The messages of one WebSocket."""

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

    async def run(self) -> None:
        """Answers messages until the connection closes."""
        while (message := await self._socket.receive()) is not None:
            call, lane = self._call, message.lane
            try:
                turn = await self._read(message.text, lane)
                if turn.refusal:
                    self._socket.send(turn.refusal)
                    continue
                call = replace(call, body=turn.body)
                if not turn.generate:
                    await self._warm(turn, call)
                    continue
            except DragomanError as exc:
                await self._socket.ask(lane, self._call, self._answer(lane, Turn(lane or "")), exc)
            else:
                await self._socket.ask(lane, call, self._answer(lane, turn))

    async def _read(self, text: str, lane: str | None) -> Turn:
        reading = self._turns.reading(text, lane)
        return await asyncio.to_thread(reading) if len(text) + self._turns.longest > LARGE else reading()

    def _answer(self, lane: str | None, turn: Turn) -> "TurnAnswer":
        return TurnAnswer(self._socket, self._turns, lane, turn)

    async def _warm(self, turn: Turn, call: ServerRequest) -> None:
        answer_id, events = await decoded(call, self._warmed)
        self._turns.ended(turn, answer_id)
        for event in events:
            self._socket.send(turn.event(event))

    def _warmed(self, call: ServerRequest) -> tuple[str, list[bytes]]:
        """The id and the events of an answer that says nothing."""
        response = frame(self._codec.decode_request(call), ResponseStart(), system_env())
        return response["id"], list(warm(response))


class TurnAnswer:
    """Passes the answer to one message on, as messages. It is a NestedAnswer."""

    def __init__(self, socket: WebSocket, turns: SocketTurns, lane: str | None, turn: Turn) -> None:
        self._socket = socket
        self._turns = turns
        self._lane = lane
        self._turn = turn
        self._events = SseReader()
        self._status = 200
        self._lines = b""
        self._body: list[bytes] = []
        """The body of an error."""

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
                if self._turns.note(self._turn, SseEvent(data, event.event)):
                    self._socket.send(self._turn.event(data))

    def ended(self, *, whole: bool) -> None:
        """See NestedAnswer."""
        if not self._turn.over:  # who waits for the end of a turn would wait for ever
            self._socket.send(self._turn.event(self._turn.error or self._error()))
        self._turns.leave(self._turn)
        self._socket.answered(self._lane)

    def _error(self) -> bytes:
        fields = parse_headers(BytesIO(self._lines + b"\r\n"))
        headers = {name.lower(): value for name, value in fields.items() if name.lower() in TOLD}
        status = self._status if self._status >= 300 else TruncatedStreamError.status
        said = json.decode_loosely(b"".join(self._body)) if self._body else BROKE_OFF
        return json.encode({"type": "error", "status": status, "error": said.get("error"), "headers": headers})


def _is_socket_beta(name: bytes, value: bytes) -> bool:
    return name == BETA and value.decode("latin-1").strip().startswith(SOCKET_BETA)
