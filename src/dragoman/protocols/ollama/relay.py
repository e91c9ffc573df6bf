"""How requests and answers of this protocol are relayed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.line_ends import HEARTBEAT
from dragoman.protocols.ollama.tap import OllamaTap, read_whole
from dragoman.protocols.opaque import has_wrapped
from dragoman.protocols.relay import RelayCodec, ReplySummary, Tap
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import Headers, HttpRequest, ServerRequest
from dragoman.wire import json

NESTING = frozenset(NESTED)
READ = NESTING | {"model", "stream"}
"""Fields whose values are read."""

NOT_VALID = "the body is not a valid request"
LINES, WHOLE = "application/x-ndjson", "application/json"

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class OllamaRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which only a few fields are decoded."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    headers: Headers = ()

    def body_for(self, model: str) -> bytes:
        return json.encode({**self.fields, "model": model})

    def tap(self) -> Tap:
        return OllamaTap()


class OllamaRelay(RelayCodec):
    """Requests and answers of `POST {url}/api/chat`, passed as they are."""

    name = NAME
    stream_type = LINES
    whole_type = WHOLE
    stream_headers = (("content-type", LINES),)
    whole_headers = (("content-type", "application/json; charset=utf-8"),)
    heartbeat = HEARTBEAT

    def __init__(self, url: str) -> None:
        self._url = url

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        return HttpRequest(url=self._url, headers=request_headers(key, stream=stream))

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def request_headers(key: str | None, *, stream: bool) -> Headers:
    """The header fields of a request."""
    headers = (("content-type", "application/json"), ("accept", LINES if stream else WHOLE))
    return (*headers, ("authorization", f"Bearer {key}")) if key else headers


def read_request(call: ServerRequest) -> OllamaRelayRequest | None:
    """The model, and whether a stream is wanted, as it is if nothing is said; the rest is only checked.

    None if a field would steer a service that is a gateway, or if the body holds another service's state: then all must
    be read. Raises InvalidRequestError.
    """
    body = call.body
    said, ours = json.check_request(body)
    try:
        fields: Mapping[str, Any] = said if ours and type(said) is dict else _fields(body)
        if said is None:
            said = {name: json.decode_request(bytes(fields[name])) for name in READ & fields.keys()}
        if not STEERING.isdisjoint(fields) or any(steering(said)) or has_wrapped(body):
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequestError(NOT_VALID) from exc
    model, stream = said.get("model"), said.get("stream")
    if not ((model is None or type(model) is str) and (stream is None or type(stream) is bool)):
        raise InvalidRequestError(NOT_VALID)
    return OllamaRelayRequest(model or "", stream is not False, fields)
