"""This protocol's part in relaying."""

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
    """`fields`: all that it says, as it stands. `options`: those of the stream. `choices`: how many are asked for."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    options: Any = None
    choices: Any = None
    headers: Headers = ()

    def body_for(self, model: str) -> bytes:
        fields: dict[str, object] = {**self.fields, "model": model}
        if self.stream and not self._wants_usage():
            # What cannot be read as options is nothing that a service could read.
            said = self.options if isinstance(self.options, dict) else {}
            fields["stream_options"] = said | {"include_usage": True}
        return json.encode(fields)

    def tap(self) -> Tap:
        return ChatTap(usage_wanted=self._wants_usage(), every=self.choices is not None and self.choices != 1)

    def _wants_usage(self) -> bool:
        """True if the caller asked for the usage itself."""
        return isinstance(self.options, dict) and self.options.get("include_usage") is True


class ChatRelay(RelayCodec):
    """Requests and answers of `POST {url}/chat/completions` as they stand."""

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
    """The model, and whether a stream is wanted; the rest is only checked. No model is the default one's.

    None if fields steer a gateway behind: those must be read in detail. Raises InvalidRequestError.
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
