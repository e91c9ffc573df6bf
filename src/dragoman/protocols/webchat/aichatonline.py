"""AiChatOnline: first a token, then the conversation as one text; the answer is lines of JSON."""

from collections.abc import Sequence
from typing import Any, ClassVar

from dragoman.errors import AuthenticationError, BadEventError, DragomanError, InvalidRequestError, TruncatedStreamError
from dragoman.protocols.base import ClientCodec, Encoder, Preliminaries, ServerCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import decode_failure, error_in
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.errors.html import looks_like_html
from dragoman.protocols.parts import PartAssembler
from dragoman.protocols.webchat.plain_text import REFUSALS, TEXTUAL, PlainTextReader, with_text, words_of
from dragoman.protocols.webchat.prompt import format_messages
from dragoman.protocols.webchat.site_auth import retry_after_header
from dragoman.protocols.webchat.user_agent import FIREFOX
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Headers,
    HttpRequest,
    HttpResponse,
    Message,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    ServerResponse,
    StreamEvent,
    user,
)
from dragoman.wire import floats, javascript, json
from dragoman.wire.lines import LineReader
from dragoman.wire.utf8 import BOM

NAME = "aichatonline"
LINES: Headers = (("content-type", "application/x-ndjson; charset=utf-8"),)
JSON: Headers = (("content-type", "application/json; charset=utf-8"),)
OK_CODES = (0, 200)


class AiChatOnlineClient(ClientCodec):
    """Calls an AiChatOnline: gets a token for its caller, then asks."""

    name: ClassVar[str] = NAME
    expresses = REFUSALS

    def __init__(self, *, url: str, api_endpoint: str = "/aichatonline/api/chat/gpt") -> None:
        self._url = url.rstrip("/")
        self._endpoint = api_endpoint
        self._headers = (("user-agent", FIREFOX), ("accept", "*/*"), ("referer", f"{self._url}/chatgpt/chat/"))

    def encode_request(self, request: ChatRequest, env: Env) -> Preliminaries:
        prompt = format_messages(with_text(request.messages))
        body = {"conversationId": env.new_id(), "prompt": prompt} | request.extra.get(NAME, {}) | {"prompt": prompt}
        return self._exchange(javascript.stringify(body), env.new_id())

    def _exchange(self, body: bytes, canvas: str) -> Preliminaries:
        token = decode_token((yield self.token_request(canvas)))
        return HttpRequest(
            url=f"{self._url}{self._endpoint}",
            headers=(*self._headers, ("UniqueId", token), ("content-type", "application/json")),
            body=body,
        )

    def token_request(self, canvas: str) -> HttpRequest:
        """Asks for a token; `canvas`: a random word that stands for the caller's browser."""
        url = f"{self._url}/api/v1/user/getUniqueId?canvas=-{canvas}"
        return HttpRequest(method="GET", url=url, headers=self._headers)

    def decoder(self, request: ChatRequest) -> Decoder:
        return AiChatOnlineDecoder()

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_failure(reply)


def decode_token(reply: HttpResponse) -> str:
    """The token, which names the caller in later requests. Raises BadEventError, or the error the service reports."""
    if looks_like_html(reply.body):
        raise a_page("a token")
    value = json.decode_event(reply.body)
    token = value.get("data") if isinstance(value, dict) else None
    # It becomes a header's value: a line end in it would let the service write further headers of our request.
    if isinstance(token, str) and token.isascii() and token.isprintable() and token.strip():
        return token
    raise error_in(value) or BadEventError("expected a token in `data`, got none that a header can hold")


class AiChatOnlineDecoder(Decoder):
    """Lines of JSON to text. The answer ends with the body, after a complete line."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._parts = PartAssembler()
        self._begun = False
        self._head: bytes | None = b""

    def salvage(self) -> list[StreamEvent]:
        """The last line may be complete without its line end."""
        events: list[StreamEvent] = []
        if self.error is None and (value := _value(self._lines.finish())) is not None and _failure(value) is None:
            self._add(_text(value), events)
        return events

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if self._head is not None:
            self._sniff(data)
        for line in self._lines.feed(data):
            self._line(line, out)

    def _end(self, out: list[StreamEvent]) -> None:
        tail = self._lines.finish()
        self._line(tail, out)
        if _value(tail) is None and tail.lstrip().startswith(b"{"):
            raise TruncatedStreamError("the answer ended within a line")
        self._start(out)
        self._parts.close(out)
        out.append(ResponseEnd("stop"))

    def _sniff(self, data: bytes) -> None:
        """Looks for an HTML page: it has no line of JSON, and would be an empty answer."""
        self._head = (self._head or b"") + data
        page = looks_like_html(self._head)
        if page:
            raise a_page("lines of JSON")
        if page is False:
            self._head = None

    def _line(self, line: bytes, out: list[StreamEvent]) -> None:
        value = _value(line)
        if value is None:
            return
        if (error := _failure(value)) is not None:
            raise error
        self._add(_text(value), out)

    def _add(self, text: str, out: list[StreamEvent]) -> None:
        if text:
            self._start(out)
            self._parts.text(out, text)

    def _start(self, out: list[StreamEvent]) -> None:
        if not self._begun:
            self._begun = True
            out.append(ResponseStart())


def _value(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None for a heartbeat, a blank line, and anything else that is not an object."""
    line = line.removeprefix(BOM).strip()
    if not line.startswith(b"{"):
        return None
    try:
        value = floats.decode(line)
    except json.NOT_STRICT:
        try:
            value = javascript.parse(line)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _failure(value: dict[str, Any]) -> DragomanError | None:
    """The failure that a line reports; a code of success is none, whatever words (`success`) stand beside it."""
    return None if value.get("code") in OK_CODES and not value.get("error") else error_in(value)


def _text(value: dict[str, Any]) -> str:
    match value:
        case {"data": {"message": str(text)}}:
            return text
        case _:
            return ""


class AiChatOnlineServer(ServerCodec):
    """Behaves like AiChatOnline. Requests name no model: all are for `model`."""

    name: ClassVar[str] = NAME
    expresses = TEXTUAL

    def __init__(self, *, model: str = "") -> None:
        self._model = model

    def unique_id(self, env: Env) -> ServerResponse:
        """The answer to `getUniqueId`: a token, which is not remembered."""
        return ServerResponse(headers=JSON, body=json.encode({"code": 0, "data": env.new_id()}))

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        if not call.header(b"uniqueid"):
            raise AuthenticationError("expected the header UniqueId", code="missing_unique_id")
        try:
            fields = javascript.parse_request(call.body)
        except ValueError as exc:
            raise InvalidRequestError("the body is not valid JSON", code="invalid_json") from exc
        prompt = fields.get("prompt") if isinstance(fields, dict) else None
        if not isinstance(prompt, str):
            raise InvalidRequestError("expected `prompt` to be a text")
        rest = {key: value for key, value in fields.items() if key != "prompt"}
        messages: tuple[Message, ...] = (user(prompt),)
        return ChatRequest(model=self._model, messages=messages, extra={NAME: rest} if rest else {})

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=LINES, body=_line_of(words_of(response)))

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return AiChatOnlineEncoder()

    def encode_error(self, error: DragomanError) -> ServerResponse:
        return ServerResponse(status=error.status, headers=(*JSON, *retry_after_header(error)), body=_error(error))


class AiChatOnlineEncoder(Encoder):
    """Events to lines of JSON; a failure is a line of its own."""

    headers = LINES
    heartbeat = b"\n"

    def __init__(self) -> None:
        self._words = PlainTextReader()

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        return _line_of(self._words.read(events))

    def fail(self, error: DragomanError) -> bytes:
        return _error(error) + b"\n"


def _line_of(text: str) -> bytes:
    return json.encode({"data": {"message": text}}) + b"\n" if text else b""


def _error(error: DragomanError) -> bytes:
    return javascript.stringify({"error": {"message": error.message, "type": error.type, "code": error.code}})
