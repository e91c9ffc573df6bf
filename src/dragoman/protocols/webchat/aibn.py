"""Aibn, the protocol of chatgpt-demo: OpenAI-style messages, signed; the answer is raw text."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dragoman.errors import DragomanError, InvalidRequestError, RequestError, TruncatedStreamError, UpstreamError
from dragoman.protocols.base import ClientCodec, Encoder
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.body import decode_failure
from dragoman.protocols.json_fields import entries, is_finite, refused, wrong_type
from dragoman.protocols.speech import NAMES
from dragoman.protocols.webchat.plain_text import REFUSALS, with_text, words_of
from dragoman.protocols.webchat.raw_text import BROKEN_MARK, RawTextDecoder, RawTextEncoder
from dragoman.protocols.webchat.signature import sign
from dragoman.protocols.webchat.site_auth import is_own, parse, refusal, retry_after_header
from dragoman.protocols.webchat.site_server import SiteServer
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
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

NAME = "aibn"
ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class AibnClient(ClientCodec):
    """Calls a chatgpt-demo.

    `secret`: empty for today's servers, `undefined` for those before 2023-04-26 and the founding service.
    `password`: sent as `pass`; if there is none, the credential of the call is sent.
    `milliseconds`: the unit of the signed time, which no server checks.
    """

    name: ClassVar[str] = NAME
    expresses = REFUSALS | {"temperature", NAMES}
    error_types = frozenset({"text/html", "application/json"})

    def __init__(
        self,
        *,
        url: str,
        secret: str = "undefined",  # noqa: S107  # the word that the founding service signs with
        password: str | None = None,
        milliseconds: bool = False,
        broken_mark: str | None = BROKEN_MARK,
    ) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._password = password
        self._unit = 1000 if milliseconds else 1
        self._broken_mark = broken_mark

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        messages = [_encode_message(message) for message in with_text(request.messages)]
        time = int(env.now * self._unit)
        body: dict[str, Any] = {
            "messages": messages,
            "time": time,
            "pass": env.key if self._password is None else self._password,
            "sign": sign(time, messages[-1]["content"] if messages else "", self._secret),
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return HttpRequest(
            url=f"{self._url}/api/generate",
            headers=(("content-type", "application/json"),),
            body=javascript.stringify(body | _new(request.extra.get(NAME, {}), body)),
            mark_chunks=True,
        )

    def decoder(self, request: ChatRequest) -> Decoder:
        return RawTextDecoder(self._broken_mark)

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_failure(reply)


def _encode_message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": ROLES.get(message.role, message.role), "content": message.text}
    if message.name is not None:
        body["name"] = message.name
    return body | _new(message.extra.get(NAME, {}), body)


def _new(extra: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """What `extra` adds to `body`: only new fields, because the others were signed."""
    return {key: value for key, value in extra.items() if key not in body}


class AibnServer(SiteServer):
    """Behaves like chatgpt-demo: same checks, same order, same words. Requests name no model: all are for `model`."""

    name: ClassVar[str] = NAME

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        fields = parse(call)
        messages = fields.get("messages")
        if not messages and not isinstance(messages, list | dict):
            raise InvalidRequestError("No input text.")
        if not key_shown:
            self._site_auth.check_password(fields.get("pass"))
        self._site_auth.check_signature(fields, _last_text(messages))
        if not isinstance(messages, list):
            raise InvalidRequestError("expected `messages` to be a list")
        decoded = tuple(_decode_message(value, path) for path, value in entries(messages, "messages"))
        return _decode_fields(fields, decoded, self._model)

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        return ServerResponse(body=words_of(response).encode())

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return RawTextEncoder(broken_mark=BROKEN_MARK)

    def encode_error(self, error: DragomanError) -> ServerResponse:
        """The site's own error; or an upstream's in OpenAI's form, as the site passes it on; 500 if neither spoke."""
        if is_own(error):
            return refusal(error)
        if isinstance(error, UpstreamError | RequestError) and not isinstance(error, TruncatedStreamError):
            body = {"message": error.message, "type": error.type, "param": None, "code": error.code}
            return ServerResponse(
                status=error.status, headers=retry_after_header(error), body=javascript.stringify({"error": body})
            )
        body = {"code": type(error).__name__, "message": error.message}
        return ServerResponse(status=500, body=javascript.stringify({"error": body}))


def _last_text(messages: Any) -> str:
    """What the site signs: the last message's content as JavaScript prints it, empty if there is none."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    return javascript.string(content) if content or isinstance(content, list | dict) else ""


def _decode_fields(fields: dict[str, Any], messages: tuple[Message, ...], model: str) -> ChatRequest:
    rest = {key: value for key, value in fields.items() if key not in {"messages", "time", "pass", "sign"}}
    temperature = rest.get("temperature")
    if isinstance(temperature, int | float) and not isinstance(temperature, bool) and is_finite(temperature):
        # A temperature of another type passes as it came: the recorded server leaves it to its upstream.
        temperature = float(rest.pop("temperature"))
    else:
        temperature = None
    return ChatRequest(model=model, messages=messages, temperature=temperature, extra={NAME: rest} if rest else {})


def _decode_message(value: Any, path: str) -> Message:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    role = ROLES.get(str(value.get("role")))
    if role is None:
        raise refused(f"{path}.role", f"expected one of {', '.join(ROLES)}")
    rest = {key: field for key, field in value.items() if key not in {"role", "content"}}
    name = rest.pop("name") if isinstance(rest.get("name"), str) else None
    return Message(role, _decode_content(value.get("content"), f"{path}.content"), name, {NAME: rest} if rest else {})


def _decode_content(content: Any, path: str) -> tuple[AnyPart, ...]:
    match content:
        case None:
            return ()
        case str():
            return (Text(text=content),)
        case list():
            return tuple(map(_decode_part, content))
        case _:
            raise wrong_type(path, "text or a list of parts", content)


def _decode_part(value: Any) -> AnyPart:
    match value:
        case {"type": "text", "text": str(text)}:
            rest = {key: field for key, field in value.items() if key not in {"type", "text"}}
            return Text(text=text, extra={NAME: rest} if rest else {})
        case _:
            return Unknown(protocol=NAME, data=value)
