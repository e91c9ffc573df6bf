"""A request to be relayed whose body names the model: read only as far as a relay must. Knows no dialect."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.opaque import NO_ORIGINS, STATELESS_JSON, origins_in, origins_in_steps
from dragoman.protocols.relay import RelayCodec, Tap
from dragoman.protocols.steering import NESTED, STEERING, steering
from dragoman.types import Headers, ServerRequest
from dragoman.wire import json
from dragoman.wire.steps import Steps

NESTING = frozenset(NESTED)
READ = NESTING | {"model", "stream"}
"""Fields whose values are read."""

LARGE = 512 << 10
"""Bytes of a field: to look at each of its parts takes over a millisecond if it has more, and nobody else is served
meanwhile."""

NOT_VALID = "the body is not a valid request"

Request = TypeVar("Request", bound=Struct)
"""A request of a dialect."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class RelayBody(Struct, frozen=True, gc=False):
    """What is read of a body."""

    model: str
    """Empty if none is named."""
    stream: bool | None
    """Whether a stream is wanted; None: nothing is said of that."""
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    said: Mapping[str, Any]
    """The values of the fields that were read."""
    text: bytes = b""
    """All of it, if it is written as we would write it; else empty."""


@lru_cache(maxsize=1024)
def _named(model: str) -> bytes:
    """The field that names the model, as we write it."""
    return b'"model":' + json.encode(model)


def with_model(text: bytes, said: str, model: str) -> bytes | None:
    """A body that names `said`, with another `model`; None if that cannot be known without reading it.

    `text` must be written as we would write it. Then its field has one form: where that stands once, it is the field.
    """
    if said == model:
        return text
    field = _named(said)
    return text.replace(field, _named(model)) if text.count(field) == 1 else None


def passed(call: ServerRequest, names: frozenset[bytes], prefix: bytes) -> Headers:
    """The header fields of a request that its service gets too: those with one of `names`, or that begin so."""
    found: list[tuple[str, str]] = []
    for name, value in call.headers:  # a generator takes half as long again, and mostly there are none
        if name in names or name.startswith(prefix):
            found.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))
    return tuple(found)


class BodyReader(Struct, Generic[Request], frozen=True):
    """Reads requests to be relayed: of a body only some fields are decoded, and the rest is only checked.

    It returns None if a field would steer a service that is a gateway: then all must be read. It raises
    InvalidRequestError.
    """

    made: Callable[[ServerRequest, RelayBody], Request]
    """The request, from what was read of its body. If no model is named, it is the default one."""
    read: frozenset[str] = READ
    """Fields whose values are read."""
    blanks: bool = False
    """Whether an empty text may stand where a caller has our mark for missing state."""

    def at_once(self, call: ServerRequest) -> Request | None:
        """The request."""
        call = self._unmarked(call)
        body = call.body
        said, ours = json.check_request(body)
        found = _read(body, self.read, said, ours)
        if found is None:
            return None
        origins = origins_in(body)
        request = self.made(call, found)
        return replace(request, origins=origins) if origins else request

    def in_steps(self, call: ServerRequest) -> Steps[Request | None]:
        """The same for a large body, in steps."""
        call = self._unmarked(call)
        body = call.body
        said, ours = yield from json.checked(body)
        found = _read(body, self.read, said, ours)
        yield
        if found is None:
            return None
        origins = yield from origins_in_steps(body)
        request = self.made(call, found)
        return replace(request, origins=origins) if origins else request

    def _unmarked(self, call: ServerRequest) -> ServerRequest:
        if not self.blanks or STATELESS_JSON not in call.body:
            return call
        return replace(call, body=call.body.replace(STATELESS_JSON, b'""'))


def _read(body: bytes, read: frozenset[str], said: Any, ours: bool) -> RelayBody | None:
    """A body that was checked; `said`, `ours`: see `check_request`."""
    try:
        ours = ours and type(said) is dict
        fields: Mapping[str, Any] = said if ours else _fields(body)
        if said is None:
            said = {name: json.decode_request(bytes(fields[name])) for name in read & fields.keys()}
        if not (STEERING.isdisjoint(fields) and (NESTING.isdisjoint(said) or not any(steering(said)))):
            return None
    except json.NOT_STRICT as exc:
        raise InvalidRequestError(NOT_VALID) from exc
    model, stream = said.get("model"), said.get("stream")
    if not ((model is None or type(model) is str) and (stream is None or type(stream) is bool)):
        raise InvalidRequestError(NOT_VALID)
    return RelayBody(model or "", stream, fields, said, body if ours else b"")


def text_of(value: Any) -> bytes:
    """The JSON text of a field of `RelayBody`; of one that is not there, null."""
    return bytes(value) if isinstance(value, Raw) else json.encode(value)


class BodyRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, whose body passes with another model's name and nothing else changed."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    new_tap: Callable[[], Tap]
    headers: Headers = ()
    path: str = ""
    text: bytes = b""
    """See RelayBody."""
    origins: frozenset[str] = NO_ORIGINS

    def body_for(self, model: str, relay: RelayCodec | None = None) -> bytes:
        if relay is not None and relay.body_with is not None:
            return json.encode(relay.body_with({**self.fields, "model": model}, self.headers))
        body = with_model(self.text, self.model, model) if self.text and self.model else None
        return json.encode({**self.fields, "model": model}) if body is None else body

    def tap(self) -> Tap:
        return self.new_tap()


class SseRelay(RelayCodec):
    """A relay whose streams are server-sent events."""

    stream_type = "text/event-stream"
    whole_type = "application/json"
    stream_headers = (("content-type", stream_type),)
    whole_headers = (("content-type", whole_type),)
