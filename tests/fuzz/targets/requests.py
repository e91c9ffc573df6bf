"""Requests of callers: understood or refused, never an error of ours; what is understood can be sent to a service."""

from functools import partial
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import RelayRequest
from dragoman.types import ChatRequest, ServerRequest
from dragoman.wire.steps import done
from tests.fuzz.targets.decoders import client_of
from tests.fuzz.targets.target import FuzzTarget, allowed, seed_of
from tests.fuzz.test_requests import QUESTIONS
from tests.support.env import fixed_env
from tests.support.golden import cases
from tests.support.readings import CALLS
from tests.support.spoiling import spoilt_json

HEADERS = ((b"content-type", b"application/json"), (b"uniqueid", b"t"))
SERVICES: tuple[ClientCodec, ...] = tuple(client_of(name) for name in DIALECTS)
NAMED = msgspec.json.Decoder(dict[str, Any])


def call_of(name: str, body: bytes) -> ServerRequest:
    """The body as a request of this dialect."""
    path, query, _ = CALLS.get(name, ("/", "", {}))
    return ServerRequest(method="POST", path=path, query=query, headers=HEADERS, body=body)


def ask(server: ServerCodec, data: bytes) -> None:
    """A request, translated to a service, and relayed."""
    call = call_of(server.name, data)
    try:
        request = server.decode_request(call)
    except DragomanError as exc:
        server.encode_error(exc)
    else:
        send(request, SERVICES[seed_of(data) % len(SERVICES)])
    relayed = verdict(server, call)
    assert stepwise(server, call) == relayed or not isinstance(relayed, tuple)
    allowed(lambda: server.regions(call))
    server.first_heartbeat(call)


def send(request: ChatRequest, service: ClientCodec) -> None:
    """A request as `service` takes it, with the names of what it loses."""
    profile = fixed_env().profile
    allowed(lambda: service.losses(request, profile))
    allowed(lambda: service.encode_request(service.fit(request, profile), fixed_env()))
    codec = service.counter
    if codec is not None:
        allowed(lambda: codec.encode_request(request, fixed_env()))


def verdict(server: ServerCodec, call: ServerRequest) -> object:
    """What is sent for a request that is relayed; that it is translated; or why it is refused."""
    return described(lambda: server.reader.at_once(call), call)


def stepwise(server: ServerCodec, call: ServerRequest) -> object:
    """The same for one that is read in steps."""
    return described(lambda: done(server.reader.in_steps(call)), call)


def described(read: Any, call: ServerRequest) -> object:
    """What came of reading."""
    try:
        found: RelayRequest | None = read()
    except DragomanError as exc:
        return exc.code
    if found is None:
        return "translated"
    sent = found.body_for("other-model")
    before, after = NAMED.decode(call.body), NAMED.decode(sent)
    if "model" in before:
        assert after["model"] == "other-model"
    assert {key: before[key] for key in before.keys() - after.keys()} == {}
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"model", "stream_options", "stream"}, changed
    return found.model, found.stream, sent


def seeds(name: str) -> Any:
    """Requests that services get, as their callers write them."""

    def found() -> Any:
        if name in QUESTIONS:
            yield msgspec.json.encode(QUESTIONS[name][1])
        for case in cases(name).values():
            sent = (case.path / "sent.http").read_bytes().partition(b"\n\n")[2].strip()
            if sent.startswith(b"{"):
                yield sent

    return found


TARGETS = {
    f"ask-{name}": FuzzTarget(partial(ask, dialect.server()), seeds(name), spoilt_json)
    for name, dialect in DIALECTS.items()
}
