"""What a caller says of its trace: passed on by relay and translation, if it is valid, and else left out."""

import pytest

from dragoman.gateway.trace import read_trace
from dragoman.types import ServerRequest
from tests.faults.dialects import FRONTS
from tests.gateway.test_attempts import good
from tests.support.gateway import ask, connect, running_gateway
from tests.support.relaying import PATH, Translating, configured, question
from tests.support.server import serve

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = {"x-request-id": "mine-1", "traceparent": PARENT, "tracestate": "a=1,b=2"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("translating", [True, False])
async def test_a_service_gets_it(stream: bool, translating: bool) -> None:
    async with serve(good) as service:
        config = configured(service.url)
        async with running_gateway(config, client=Translating(config) if translating else None) as url:
            got = await ask(url, "POST", PATH, TRACE | JSON, question("up/m", stream=stream))
        (seen,) = service.requests
    assert {name: seen.headers.get(name) for name in TRACE} == TRACE
    assert got.headers["x-request-id"] == "mine-1"


@pytest.mark.parametrize("front", FRONTS)
async def test_a_service_gets_it_from_each_front(front: str) -> None:
    path, body = FRONTS[front].ask("up/m", "hi", stream=True)
    async with serve(good) as service, running_gateway(configured(service.url)) as url:
        await ask(url, "POST", path, TRACE | JSON, body)
    (seen,) = service.requests
    assert {name: seen.headers.get(name) for name in TRACE} == TRACE


async def test_one_request_s_trace_is_not_another_s() -> None:
    async with serve(good) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        for fields in (TRACE, {}, {"traceparent": PARENT.replace("4bf9", "4bfa")}, {}):
            wire.send("POST", PATH, fields | JSON, question("up/m", stream=True))
            await wire.answer()
    said = [seen.headers.get("traceparent") for seen in service.requests]
    assert said == [PARENT, None, PARENT.replace("4bf9", "4bfa"), None]


def asked(*fields: tuple[bytes, bytes]) -> dict[str, str]:
    return dict(read_trace(ServerRequest(method="POST", path=PATH, headers=fields)))


WRONG = [
    b"",
    PARENT.upper().encode(),
    b"ff" + PARENT[2:].encode(),
    b"01" + PARENT[2:].encode(),
    b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
    PARENT.encode() + b"-more",
    PARENT.encode() + b"\n",
]


@pytest.mark.parametrize("value", WRONG)
def test_a_parent_that_is_not_valid_is_left_out_with_its_state(value: bytes) -> None:
    assert asked((b"traceparent", value), (b"tracestate", b"a=1")) == {}


def test_two_parents_are_none_and_two_states_are_one() -> None:
    parent = (b"traceparent", PARENT.encode())
    assert asked(parent, parent) == {}
    assert asked(parent, (b"tracestate", b"a=1"), (b"tracestate", b"b=2"))["tracestate"] == "a=1,b=2"
    assert asked((b"tracestate", b"a=1")) == {}
    assert asked(parent, (b"tracestate", b"a" * 513)) == {"traceparent": PARENT}
    assert asked(parent, (b"tracestate", "é".encode())) == {"traceparent": PARENT}
    assert asked((b"x-request-id", b"a b")) == {}
