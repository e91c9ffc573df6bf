"""How requests and answers of this protocol are relayed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.opaque import has_wrapped
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.encode_errors import FIRST_HEARTBEAT, HEARTBEAT
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.relay import RelayCodec, ReplySummary, Tap
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import Headers, HttpRequest, PartStart, ResponseEnd, ServerRequest
from dragoman.wire import json

NESTING = frozenset(NESTED)
READ = NESTING | {"model", "stream"}
"""Fields whose values are read."""

PASSED = b"openai-beta"
"""A header that changes what a body means."""

NOT_VALID = "the body is not a valid request"

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class ResponsesRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which only a few fields are decoded."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    headers: Headers = ()

    def body_for(self, model: str) -> bytes:
        return json.encode({**self.fields, "model": model})

    def tap(self) -> Tap:
        return ResponsesTap()


class ResponsesRelay(RelayCodec):
    """Requests and answers of `POST {url}/responses`, passed as they are."""

    name = NAME
    stream_type = "text/event-stream"
    whole_type = "application/json"
    stream_headers = (("content-type", stream_type),)
    whole_headers = (("content-type", whole_type),)
    heartbeat = HEARTBEAT
    first_heartbeat = FIRST_HEARTBEAT

    def __init__(self, url: str) -> None:
        self._url = url

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        accept = self.stream_type if stream else self.whole_type
        headers = [("content-type", "application/json"), ("accept", accept)]
        if key:
            headers.append(("authorization", f"Bearer {key}"))
        return HttpRequest(url=self._url, headers=tuple(headers))

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def read_request(call: ServerRequest) -> ResponsesRelayRequest | None:
    """The model, and whether a stream is wanted; the rest is only checked. If no model is named, it is the default one.

    None if a field would steer a service that is a gateway, or if opaque state of another service may stand in it: then
    all must be read. Raises InvalidRequestError.
    """
    body = call.body
    said, ours = json.check_request(body)
    if has_wrapped(body):
        return None
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
    beta = call.header(PASSED)
    headers = () if beta is None else ((PASSED.decode(), beta),)
    return ResponsesRelayRequest(model or "", stream is True, fields, headers)


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says."""
    told = ReplySummary()
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, not decoder.whole
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not any(isinstance(part, PartStart) for part in events)
    return told
