"""How requests and answers of this protocol are relayed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic.encode_stream import PING
from dragoman.protocols.anthropic.extra import NAME
from dragoman.protocols.anthropic.request import FIRST_VERSION
from dragoman.protocols.anthropic.service import BETA, VERSION
from dragoman.protocols.anthropic.tap import MessageTap, read_whole
from dragoman.protocols.opaque import has_wrapped
from dragoman.protocols.relay import RelayCodec, ReplySummary, Tap
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import Headers, HttpRequest, ServerRequest
from dragoman.wire import json

NESTING = frozenset(NESTED)
READ = NESTING | {"model", "stream"}
"""Fields whose values are read."""

NOT_VALID = "the body is not a valid request"

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class MessageRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which only a few fields are decoded."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    headers: Headers = ()

    def body_for(self, model: str) -> bytes:
        return json.encode({**self.fields, "model": model})

    def tap(self) -> Tap:
        return MessageTap()


class AnthropicRelay(RelayCodec):
    """Requests and answers of `POST {url}/v1/messages`, passed as they are."""

    name = NAME
    stream_type = "text/event-stream"
    whole_type = "application/json"
    stream_headers = (("content-type", stream_type),)
    whole_headers = (("content-type", whole_type),)
    heartbeat = PING

    def __init__(self, url: str) -> None:
        self._url = url

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        # The version is the caller's, and comes with each request.
        accept = self.stream_type if stream else self.whole_type
        headers = [("content-type", "application/json"), ("accept", accept)]
        if key:
            headers.append(("x-api-key", key))
        return HttpRequest(url=self._url, headers=tuple(headers))

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def read_request(call: ServerRequest) -> MessageRelayRequest | None:
    """The model, and whether a stream is wanted; the rest is only checked. If no model is named, it is the default one.

    None if a field would steer a service that is a gateway, or if opaque state of another service is in the body: then
    all must be read. Raises InvalidRequestError.
    """
    body = call.body
    if has_wrapped(body):
        return None
    said, ours = json.check_request(body)
    try:
        fields: Mapping[str, Any] = said if ours and type(said) is dict else _fields(body)
        if said is None:
            said = {name: json.decode_request(bytes(fields[name])) for name in READ & fields.keys()}
        if not (STEERING.isdisjoint(fields) and (NESTING.isdisjoint(said) or not any(steering(said)))):
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequestError(NOT_VALID) from exc
    model, stream = said.get("model"), said.get("stream")
    if not ((model is None or type(model) is str) and (stream is None or type(stream) is bool)):
        raise InvalidRequestError(NOT_VALID)
    return MessageRelayRequest(model or "", stream is True, fields, _passed(call))


def _passed(call: ServerRequest) -> Headers:
    version, betas = call.header(VERSION.encode()), call.header(BETA.encode())
    said = (VERSION, version or FIRST_VERSION)
    return (said, (BETA, betas)) if betas else (said,)
