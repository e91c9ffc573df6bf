"""How requests and answers of this protocol are relayed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.relay import RelayCodec, ReplySummary, Tap
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import Headers, HttpRequest, ServerRequest
from dragoman.wire import json
from dragoman.wire.sse import HEARTBEAT

NESTING = frozenset(NESTED)
READ = NESTING | {"model", "stream", "stream_options", "n"}
"""Fields whose values are read."""

NOT_VALID = "the body is not a valid request"

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class ChatRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which only a few fields are decoded."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    options: Any = None
    """The value of `stream_options`."""
    choices: Any = None
    """How many choices are asked for."""
    headers: Headers = ()

    def body_for(self, model: str) -> bytes:
        fields: dict[str, object] = {**self.fields, "model": model}
        if self.stream and not self._wants_usage():
            # Options that are not an object could not be read by a service either.
            said = self.options if isinstance(self.options, dict) else {}
            fields["stream_options"] = said | {"include_usage": True}
        return json.encode(fields)

    def tap(self) -> Tap:
        return ChatTap(usage_wanted=self._wants_usage(), every=self.choices is not None and self.choices != 1)

    def _wants_usage(self) -> bool:
        """True if the caller itself asked for the usage."""
        return isinstance(self.options, dict) and self.options.get("include_usage") is True


class ChatRelay(RelayCodec):
    """Requests and answers of `POST {url}/chat/completions`, passed as they are."""

    name = NAME
    stream_type = "text/event-stream"
    whole_type = "application/json"
    stream_headers = (("content-type", stream_type),)
    whole_headers = (("content-type", whole_type),)
    heartbeat = HEARTBEAT

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


def read_request(call: ServerRequest) -> ChatRelayRequest | None:
    """The model, and whether a stream is wanted; the rest is only checked. If no model is named, it is the default one.

    None if a field would steer a service that is a gateway: then all must be read. Raises InvalidRequestError.
    """
    body = call.body
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
    return ChatRelayRequest(model or "", stream is True, fields, said.get("stream_options"), said.get("n"))
