"""Cromicle: the conversation as one text with its hash; the answer is raw text."""

from hashlib import sha256
from hmac import compare_digest
from typing import ClassVar

from dragoman.errors import AuthenticationError, DragomanError, InvalidRequestError
from dragoman.protocols.base import ClientCodec, Encoder, ServerCodec
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import decode_failure
from dragoman.protocols.webchat.plain_text import REFUSALS, TEXTUAL, with_text, words_of
from dragoman.protocols.webchat.prompt import format_messages
from dragoman.protocols.webchat.raw_text import RawTextDecoder, RawTextEncoder
from dragoman.protocols.webchat.site_auth import retry_after_header
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Headers,
    HttpRequest,
    HttpResponse,
    ServerRequest,
    ServerResponse,
    user,
)
from dragoman.wire import javascript
from dragoman.wire.utf8 import well_formed

NAME = "cromicle"
TOKEN = "abc"  # noqa: S105  # the same for every caller
TEXT: Headers = (("content-type", "text/plain; charset=utf-8"),)
JSON: Headers = (("content-type", "application/json; charset=utf-8"),)


def digest(message: str) -> str:
    """Hex SHA-256 of the token and `message`; a lone surrogate counts as U+FFFD."""
    return sha256((TOKEN + well_formed(message)).encode()).hexdigest()


class CromicleClient(ClientCodec):
    """Calls a Cromicle."""

    name: ClassVar[str] = NAME
    expresses = REFUSALS
    error_types = frozenset({"text/html", "application/json"})

    def __init__(self, *, url: str) -> None:
        self._url = url.rstrip("/")

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        message = format_messages(with_text(request.messages))
        body = {"message": message, "token": TOKEN, "hash": digest(message)}
        extra = {key: value for key, value in request.extra.get(NAME, {}).items() if key not in body}
        return HttpRequest(
            url=f"{self._url}/chat",
            headers=(("accept", "*/*"), ("content-type", "application/json")),
            body=javascript.stringify(body | extra),
        )

    def decoder(self, request: ChatRequest) -> Decoder:
        return RawTextDecoder()

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_failure(reply)


class CromicleServer(ServerCodec):
    """Behaves like Cromicle. Requests name no model: all are for `model`."""

    name: ClassVar[str] = NAME
    expresses = TEXTUAL

    def __init__(self, *, model: str = "") -> None:
        self._model = model

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        try:
            fields = javascript.parse_request(call.body)
        except ValueError as exc:
            raise InvalidRequestError("the body is not valid JSON", code="invalid_json") from exc
        message = fields.get("message") if isinstance(fields, dict) else None
        if not isinstance(message, str):
            raise InvalidRequestError("expected `message` to be a text")
        word = fields.get("hash")
        if not isinstance(word, str) or not compare_digest(word.encode(), digest(message).encode()):
            raise AuthenticationError("expected `hash` to be that of the token and the message", code="invalid_hash")
        rest = {key: value for key, value in fields.items() if key not in {"message", "token", "hash"}}
        return ChatRequest(model=self._model, messages=(user(message),), extra={NAME: rest} if rest else {})

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=TEXT, body=words_of(response).encode())

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return RawTextEncoder(TEXT)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        body = {"message": error.message, "type": error.type, "code": error.code}
        headers = (*JSON, *retry_after_header(error))
        return ServerResponse(status=error.status, headers=headers, body=javascript.stringify({"error": body}))
