"""One plan for both ways to carry a request: every target that speaks the caller's protocol is relayed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.errors import DragomanError, OverloadedError
from dragoman.gateway.app import Admitted
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.serving.relayed_answer import RelayedAnswer
from dragoman.gateway.serving.relays import Relays
from dragoman.routing.plan import Course, Plan, RequestInfo
from dragoman.transport.base import Reply
from dragoman.transport.native import NativeTransport
from dragoman.transport.replay import Cassette, RecordingTransport, ReplayTransport
from dragoman.transport.replay.cassette import Content, Piece, RecordedRequest
from dragoman.transport.replay.cassette import RecordedExchange as Recorded
from dragoman.types import Outcome, ResponseHead, ServerRequest
from dragoman.types.outcome import End
from dragoman.wire import json
from tests.gateway.http.test_http_writer import Paper
from tests.support.gateway import running, running_gateway
from tests.support.relaying import DONE, EVENTS, JSON, PATH, Translating, post, question
from tests.support.server import Exchange, Server, serve

WHOLE = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"x_of_theirs":1,'
    b'"usage":{"prompt_tokens":3,"completion_tokens":4}}'
)
PIECES = (
    b'{"choices":[{"index":0,"delta":{"content":"hi"}}],"x_of_theirs":1}',
    b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
    DONE,
)


async def good(exchange: Exchange) -> None:
    """Answers as it is asked, with a field that only its protocol has."""
    if not json.decode_request(exchange.request.body).get("stream"):
        await exchange.reply(headers=JSON, body=WHOLE)
        return
    await exchange.head(headers=EVENTS)
    for piece in PIECES:
        await exchange.chunk(b"data: " + piece + b"\n\n")
    await exchange.end()


async def busy(exchange: Exchange) -> None:
    """Refuses."""
    await exchange.reply(429, headers=JSON, body=b'{"error":{"message":"slow down","type":"tokens"}}')


def routed(*services: Server, protocol: str = "openai-chat") -> Config:
    """A route to these services, of which the first speaks `protocol`."""
    entries = {
        f"s{n}": ProviderConfig(protocol="openai-chat" if n else protocol, url=f"{service.url}/v1", api_key="k")
        for n, service in enumerate(services)
    }
    models = {"route": ModelConfig(targets=tuple(f"{name}/m" for name in entries))}
    return Config(gateway=GatewayConfig(port=0), providers=entries, models=models)


@pytest.mark.parametrize("stream", [True, False])
async def test_the_next_target_is_relayed_too_and_no_field_is_lost(stream: bool) -> None:
    async with serve(busy) as first, serve(good) as second, running_gateway(routed(first, second)) as url:
        answer = await post(url, question("route", stream=stream, x_of_ours=[1.0]))
    assert answer.status == 200
    assert b'"x_of_theirs":1' in answer.body
    assert b'"x_of_ours":[1.0]' in second.requests[0].body
    assert json.decode_request(second.requests[0].body)["model"] == "m"
    assert len(first.requests) == len(second.requests) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_a_target_behind_a_translated_one_is_relayed_too(stream: bool) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.reply(500, headers=JSON, body=b"{}")

    async with (
        serve(broken) as first,
        serve(good) as second,
        running_gateway(routed(first, second, protocol="cromicle")) as url,
    ):
        answer = await post(url, question("route", stream=stream, x_of_ours=1))
    assert b'"x_of_theirs":1' in answer.body
    assert b'"x_of_ours":1' in second.requests[0].body
    assert len(first.requests) == 1


async def test_no_target_is_asked_behind_a_refusal_that_all_would_give() -> None:
    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(400, headers=JSON, body=b'{"error":{"message":"too odd","param":"x"}}')

    async with serve(refusing) as first, serve(good) as second, running_gateway(routed(first, second)) as url:
        answer = await post(url, question("route", stream=True))
    assert answer.status == 400
    assert b"too odd" in answer.body
    assert second.requests == []


Told = list[tuple[str, str, str, str]]
"""What courses were told in the end: the last target, how it ended, the error's code, and the targets that failed."""


class HeardCourse(Course):
    """A course that says what it is told."""

    def __init__(self, course: Course, told: Told) -> None:
        self._course = course
        self._told = told
        self._failed: list[str] = []
        self._committed = 0
        self.target = course.target

    def after(self, error: DragomanError, now: float) -> float | None:
        self._failed.append(self.target.name)
        wait = self._course.after(error, now)
        self.target = self._course.target
        if wait is None:
            self._told.append((self.target.name, "failed", error.code, ",".join(self._failed)))
        return wait

    def committed(self, now: float) -> None:
        self._committed += 1

    def settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        assert self._committed <= 1
        self._told.append((self.target.name, end, error.code if error else "", ",".join(self._failed)))


class Heard(Plan):
    """A plan whose courses say what they are told."""

    def __init__(self, plan: Plan, told: Told) -> None:
        self._plan = plan
        self._told = told
        self.targets, self.final = plan.targets, plan.final

    def begin(self, info: RequestInfo, now: float) -> Course:
        return HeardCourse(self._plan.begin(info, now), self._told)


def hearing(kind: type[Client], config: Config, told: Told) -> Client:
    """A client of that kind, whose routes tell what they hear."""

    class Hearing(kind):  # type: ignore[misc, valid-type]  # a class that is given
        def plan(self, model: str) -> Plan:
            return Heard(super().plan(model), told)

    return Hearing(config)


@pytest.mark.parametrize("stream", [True, False])
async def test_both_ways_settle_the_same_once(stream: bool) -> None:
    told: Told = []
    async with serve(busy) as first, serve(good) as second:
        config = routed(first, second)
        for kind in (Client, Translating):
            async with running_gateway(config, client=hearing(kind, config, told)) as url:
                assert (await post(url, question("route", stream=stream))).status == 200
        async with hearing(Client, config, told) as client:
            if stream:
                async for _ in client.stream("route", "hi"):
                    pass
            else:
                await client.chat("route", "hi")
    assert told == [("s1/m", "whole", "", "s0/m")] * 3


async def test_what_the_library_did_not_read_to_its_end_is_settled_too() -> None:
    told: Told = []
    async with serve(good) as service, hearing(Client, routed(service), told) as client:
        stream = client.stream("route", "hi", retries=0)  # so that it is not read up to its first content
        await stream
        await stream.aclose()
    assert told == [("s0/m", "gone", "", "")]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_relay_runs_from_a_cassette(stream: bool) -> None:
    asked = RecordedRequest(method="POST", url="http://recorded/v1/chat/completions")
    data = [b"data: " + piece + b"\n\n" for piece in PIECES] if stream else [WHOLE]
    recorded = Recorded(
        request=asked,
        status=200,
        headers=tuple((EVENTS if stream else JSON).items()),
        pieces=[Piece(float(n), Content.of(piece)) for n, piece in enumerate(data)],
        end="clean",
    )
    async with serve(good) as service:
        config = routed(service)
        async with running_gateway(config) as url:
            live = await post(url, question("route", stream=stream))
    transport = ReplayTransport(Cassette(exchanges=[recorded]))
    async with running_gateway(config, client=Client(config, transport=transport)) as url:
        played = await post(url, question("route", stream=stream))
    assert (played.status, played.body, played.clean) == (live.status, live.body, live.clean)
    assert b'"x_of_theirs":1' in played.body


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ((429, JSON, b'{"error":{"message":"slow down"}}'), 429),
        ((200, {"content-type": "text/html"}, b"<html>"), 502),
    ],
)
async def test_a_recorded_reply_that_cannot_pass_is_decoded(
    reply: tuple[int, dict[str, str], bytes], status: int
) -> None:
    async def refusing(exchange: Exchange) -> None:
        code, headers, body = reply
        await exchange.reply(code, headers=headers, body=body)

    cassette = Cassette()
    async with serve(refusing) as service:
        config = routed(service)
        recording = RecordingTransport(NativeTransport(), cassette)
        async with running_gateway(config, client=Client(config, transport=recording)) as url:
            assert (await post(url, question("route", stream=True))).status == status
    async with running_gateway(config, client=Client(config, transport=ReplayTransport(cassette))) as url:
        assert (await post(url, question("route", stream=True))).status == status
        again = await post(url, question("route", stream=True))  # of which nothing was recorded
    assert (again.status, again.clean) == (502, True)


class Opened(Reply):
    """A reply that nobody reads; `closed` once it is."""

    def __init__(self) -> None:
        self.head = ResponseHead(200, ((b"content-type", b"text/plain"),))
        self.closed = False

    async def read(self) -> list[bytes]:
        raise AssertionError("nobody is to read this")

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("how", ["leaves", "is stopped"])
async def test_a_reply_is_closed_if_its_caller_leaves_before_it_is_decoded(how: str) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(silent) as service, running(routed(service)) as up:
        tasks: list[asyncio.Task[None]] = []

        def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(asyncio.create_task(coroutine))
            return tasks[-1]

        headers = ((b"host", b"localhost"), (b"content-type", b"application/json"))
        call = ServerRequest(method="POST", path=PATH, headers=headers, body=question("route", stream=True))
        outcome = Outcome("id", "POST", PATH, 0.0)
        admitted = up.gateway.admit(call, outcome)
        assert isinstance(admitted, Admitted)
        writer = HttpResponseWriter(Paper(), outcome)
        assert Relays(up.gateway, spawn).begin(admitted, call, writer)
        answer = writer.watcher
        assert isinstance(answer, RelayedAnswer)
        answer.close()  # what it was relayed to; this one has another reply to decode
        reply = Opened()
        answer.take_over(reply)
        if how == "leaves":
            answer.close()
        else:
            answer.interrupt(OverloadedError("the gateway was stopped", code="stopped"))
        assert reply.closed
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
