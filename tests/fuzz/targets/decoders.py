"""Answers of services, decoded: any cut gives the same, only the tree's errors come out, and callers can be told."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.registry import DIALECTS
from dragoman.types import HttpResponse, ResponseHead, StreamEvent, fold
from tests.fuzz.targets.target import FuzzTarget, allowed, answers, cut, seed_of
from tests.support.cuts import drive
from tests.support.env import fixed_env
from tests.support.readings import REQUEST
from tests.support.spoiling import spoilt_json

STATUSES = (200, 301, 400, 401, 404, 429, 500, 503)
TYPES = (b"application/json", b"text/html", b"text/event-stream", b"text/plain")

SERVERS: tuple[ServerCodec, ...] = tuple(dialect.server() for dialect in DIALECTS.values())


def client_of(name: str) -> ClientCodec:
    """The half of a dialect that calls a service."""
    make: Any = DIALECTS[name].client
    codec: ClientCodec = make(url="http://127.0.0.1")
    return codec


def decode(codec: ClientCodec, data: bytes) -> None:
    """An answer: a stream, a document, or a failure."""
    new, chance = partial(codec.decoder, REQUEST), Random(seed_of(data))
    events, error = drive(new(), [data])
    pieces = cut(data, chance)
    assert drive(new(), pieces) == (events, error)
    drive(new(), pieces, whole=False)
    tell(events, chance.choice(SERVERS))
    head = ResponseHead(chance.choice(STATUSES), ((b"content-type", chance.choice(TYPES)),))
    failure = codec.decode_error(HttpResponse(head, data))
    assert isinstance(failure, DragomanError)
    for server in SERVERS:
        server.encode_error(failure)


def tell(events: Sequence[StreamEvent], server: ServerCodec) -> None:
    """Tells a caller the events, one by one, at once, and as one document."""
    one, other = server.encoder(REQUEST, fixed_env()), server.encoder(REQUEST, fixed_env())
    allowed(lambda: b"".join(one.send([event]) for event in events))
    allowed(lambda: other.send(events))
    response = allowed(lambda: fold(events))
    if response is not None:
        allowed(lambda: server.encode_response(response, REQUEST, fixed_env()))


def target(name: str) -> FuzzTarget:
    """The target for answers of one dialect."""
    run: Callable[[bytes], None] = partial(decode, client_of(name))
    return FuzzTarget(run, answers(name), spoilt_json)


TARGETS = {f"decode-{name}": target(name) for name in DIALECTS}
