"""AIChatFree, the protocol of GeminiProChat: Gemini-style messages, signed; the answer is raw text."""

import re
from http import HTTPStatus
from typing import Any, ClassVar

from dragoman.error_words import cut, scrub
from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    InvalidRequestError,
    RateLimitError,
    RequestError,
    UpstreamError,
)
from dragoman.protocols.base import ClientCodec, Encoder
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import decode_failure, reply_words
from dragoman.protocols.errors.status import error_for
from dragoman.protocols.errors.waits import retry_after
from dragoman.protocols.webchat.plain_text import REFUSALS, with_text, words_of
from dragoman.protocols.webchat.raw_text import BROKEN_MARK, RawTextDecoder, RawTextEncoder
from dragoman.protocols.webchat.signature import sign
from dragoman.protocols.webchat.site_auth import PLAIN, is_own, parse, refusal, retry_after_header, site_crash
from dragoman.protocols.webchat.site_server import SiteServer
from dragoman.protocols.webchat.user_agent import FIREFOX
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    Headers,
    HttpRequest,
    HttpResponse,
    Message,
    Role,
    ServerRequest,
    ServerResponse,
    Text,
    Unknown,
)
from dragoman.wire import javascript

NAME = "aichatfree"
ROLES: dict[str, Role] = {"user": "user", "model": "assistant"}
ANSWER: Headers = (("content-type", "text/plain; charset=utf-8"),)

STATUS = re.compile(r"\[(\d{3}) [^\]]*\]")
"""The upstream's status, as the site's client library writes it in its messages: `[429 Too Many Requests]`."""

QUOTA = b"Quota exceeded"
"""What stands somewhere in the site's failure if its service has had too many requests."""

LAST_NOT_USER = "Invalid message history: The last message must be from user role."
BAD_ROLE = "bad_role"


class AIChatFreeClient(ClientCodec):
    """Calls a GeminiProChat. `password` is sent as `pass`; if there is none, the credential of the call is sent."""

    name: ClassVar[str] = NAME
    expresses = REFUSALS
    error_types = frozenset({"text/html", "application/json"})

    def __init__(
        self, *, url: str, secret: str = "", password: str | None = None, broken_mark: str | None = BROKEN_MARK
    ) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._password = password
        self._broken_mark = broken_mark

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        messages = with_text(request.messages)
        if not messages or messages[-1].role == "assistant":
            raise InvalidRequestError(
                "expected a last message that is not the assistant's: this protocol takes no other"
            )
        time = int(env.now * 1000)
        body: dict[str, Any] = {
            "messages": [_encode_message(message) for message in messages],
            "time": time,
            "pass": env.key if self._password is None else self._password,
            "sign": sign(time, messages[-1].text, self._secret),
        }
        extra = {key: value for key, value in request.extra.get(NAME, {}).items() if key not in body}
        return HttpRequest(
            url=f"{self._url}/api/generate",
            headers=(
                ("user-agent", FIREFOX),
                ("accept", "*/*"),
                ("accept-language", "en-US,en;q=0.5"),
                ("content-type", "text/plain;charset=UTF-8"),
                ("referer", f"{self._url}/"),
                ("origin", self._url),
            ),
            body=javascript.stringify(body | extra),
            mark_chunks=True,
        )

    def decoder(self, request: ChatRequest) -> Decoder:
        return RawTextDecoder(self._broken_mark)

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        """By the upstream's status, which is only in the site's message: the site's own status is always 500."""
        if reply.head.status < 500:
            return decode_failure(reply)
        if QUOTA in reply.body:
            return RateLimitError(decode_failure(reply).message, retry_after=retry_after(reply.head))
        message = reply_words(reply.body).message
        if not message:
            return decode_failure(reply)
        words = cut(scrub(message))
        if "API_KEY_INVALID" in message:
            return AuthenticationError(words)
        if status := STATUS.search(message):
            return error_for(int(status[1]), words, head=reply.head)
        return decode_failure(reply)


def _encode_message(message: Message) -> dict[str, Any]:
    """A message in Gemini's form. There is no system role: a system message becomes the user's, in its place.

    Neighbours of one role stay apart: the site passes a history on as it is. It demands that the last message is the
    user's, and its service that each role is `user` or `model`; both were recorded on 2026-11-21.
    """
    parts = [{"text": part.text} | part.extra.get(NAME, {}) for part in message.parts if isinstance(part, Text)]
    role = "model" if message.role == "assistant" else "user"
    return message.extra.get(NAME, {}) | {"role": role, "parts": parts or [{"text": ""}]}


class AIChatFreeServer(SiteServer):
    """Behaves like GeminiProChat: same checks, same order, same words. Requests name no model: all are for `model`."""

    name: ClassVar[str] = NAME

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        fields = parse(call)
        messages = _messages(fields)
        if not key_shown:
            self._site_auth.check_password(fields.get("pass"))
        self._site_auth.check_signature(fields, javascript.join(_texts(messages[-1]), ""))
        rest = {key: value for key, value in fields.items() if key not in {"messages", "time", "pass", "sign"}}
        return ChatRequest(
            model=self._model,
            messages=tuple(map(_decode_message, messages)),
            extra={NAME: rest} if rest else {},
        )

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(headers=ANSWER, body=words_of(response).encode())

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return RawTextEncoder(ANSWER, BROKEN_MARK)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        """The site's own error, or 500 with the upstream's status inside the message."""
        if is_own(error) and error.code != BAD_ROLE:
            return refusal(error)
        message = error.message
        if isinstance(error, UpstreamError | RequestError) and error.code != BAD_ROLE and not STATUS.search(message):
            message = f"[{error.status} {_PHRASES.get(error.status, 'Error')}] {message}"
        # Every failure that was recorded is named "Error".
        body = {"code": "Error", "message": message}
        return ServerResponse(
            status=500, headers=(*PLAIN, *retry_after_header(error)), body=javascript.stringify({"error": body})
        )


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def _messages(fields: dict[str, Any]) -> list[Any]:
    """The history. Raises if its last entry is not the user's; the bare error for an entry that is not an object."""
    messages = fields.get("messages")
    match messages:
        case [*_, {"role": "user"}]:
            return list(messages)
        case [*_, None] | {}:
            raise site_crash("expected `messages` to be a list of objects")
        case int() | float() if messages:
            raise site_crash("expected `messages` to be a list")
        case _:
            raise InvalidRequestError(LAST_NOT_USER)


def _texts(message: Any) -> list[Any]:
    """The text of each part. Raises the bare error if there is no list of parts: the site's own program breaks."""
    parts = message.get("parts") if isinstance(message, dict) else None
    if not isinstance(parts, list) or None in parts:
        raise site_crash("expected each message to hold a list of parts")
    return [part.get("text") if isinstance(part, dict) else None for part in parts]


def _decode_message(value: Any) -> Message:
    texts = _texts(value)
    role = ROLES.get(str(value.get("role")))
    if role is None:
        # On the site this error is the upstream's, which the site passes on with status 500.
        raise InvalidRequestError("Please use a valid role: user, model.", status=500, code=BAD_ROLE)
    parts = tuple(_decode_part(part, text) for part, text in zip(value["parts"], texts, strict=True))
    rest = {key: field for key, field in value.items() if key not in {"role", "parts"}}
    return Message(role, parts, extra={NAME: rest} if rest else {})


def _decode_part(part: Any, text: Any) -> AnyPart:
    if not isinstance(text, str):
        return Unknown(protocol=NAME, data=part)
    rest = {key: value for key, value in part.items() if key != "text"}
    return Text(text=text, extra={NAME: rest} if rest else {})
