"""A caller of another server that lost its connection comes back, and gets what it lacks."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiGateway, Message
from dragoman.gateway.http.nested import NestedWriter
from dragoman.gateway.outgoing import Outgoing
from dragoman.wire import json
from tests.gateway.test_garbage import held_objects, without_collector
from tests.support.asgi import under_uvicorn
from tests.support.gateway import ask, connect
from tests.support.raw import turns
from tests.support.resuming import FRONTS, ID, ResumedStream, events_of, long_answer, read_events, stream_of


@asynccontextmanager
async def scene(
    dialect: str = "openai-chat", case: str = "text", pieces: list[bytes] | None = None, **settings: Any
) -> AsyncIterator[ResumedStream]:
    """A stream behind another server, a real one."""
    async with (
        stream_of(dialect, case, pieces, **settings) as on,
        under_uvicorn(on.config, observers=[on.outcomes.put_nowait]) as url,
    ):
        on.url = url
        yield on


@pytest.mark.parametrize("dialect", FRONTS)
async def test_after_each_event_the_rest_follows_exactly_once(dialect: str) -> None:
    async with scene(dialect) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            whole = await wire.rest(200)
        uncut = events_of(whole.body)
        rest = [await on.resumed(f"{name}:{number}") for number in range(len(uncut) + 1)]
        assert len(on.service.requests) == 1
    assert whole.clean
    assert whole.headers["x-accel-buffering"] == "no"
    assert bool(ID.search(whole.body)) == on.front.marked
    for number, got in enumerate(rest):
        assert (got.status, got.clean) == (200, True)
        assert got.headers["x-request-id"] != whole.headers["x-request-id"]
        assert uncut[:number] + events_of(got.body) == uncut


@pytest.mark.parametrize("dialect", FRONTS)
async def test_a_caller_that_leaves_gets_the_rest_while_it_comes_and_it_is_told_once(dialect: str) -> None:
    async with scene(dialect) as on:
        on.say(on.first_content)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        async with connect(on.url) as again:
            again.send("POST", on.front.path, {"Last-Event-ID": f"{name}:{len(events_of(had))}"}, on.front.asked)
            assert await again.head() == 200
            on.say()
            rest = await again.rest(200)
        whole = await on.resumed(f"{name}:0")
        told = {(await on.outcomes.get()).end for _ in range(2)}, on.outcomes.qsize()
        assert len(on.service.requests) == 1
    assert rest.clean
    assert events_of(had) + events_of(rest.body) == events_of(whole.body)
    assert told == ({"gone", "whole"}, 1)


async def test_while_nobody_listens_the_service_is_read_on() -> None:
    async with scene(case="usage") as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        on.say()
        outcome = await on.outcomes.get()
        assert (outcome.end, outcome.usage is not None, outcome.usage_estimated) == ("gone", True, False)
        got = await on.resumed(f"{name}:{len(events_of(had))}")
        again = await on.outcomes.get()
    assert got.clean
    assert (again.end, again.resumes, again.model, again.usage) == ("whole", outcome.request_id, "up/m", None)


async def test_a_caller_that_leaves_is_drained_if_that_is_set() -> None:
    async with scene(case="usage", resume=0.0, on_disconnect="drain") as on:
        on.say(3)
        async with connect(on.url) as wire:
            wire.send("POST", on.front.path, body=on.front.asked)
            assert await wire.head() == 200
            assert "x-dragoman-stream" not in wire.headers
        await turns(20)
        on.say()
        outcome = await on.outcomes.get()
    assert (outcome.end, outcome.usage is not None, outcome.usage_estimated) == ("gone", True, False)


async def test_without_a_setting_the_service_is_left() -> None:
    async with scene(resume=0.0) as on:
        on.say(3)
        async with connect(on.url) as wire:
            wire.send("POST", on.front.path, body=on.front.asked)
            assert await wire.head() == 200
            assert "x-dragoman-stream" not in wire.headers
        await on.service.peer_closed()
        assert (await on.outcomes.get()).end == "gone"


async def test_neither_another_key_nor_another_question_nor_an_event_of_nobody() -> None:
    one, two = ({"Authorization": f"Bearer {key}"} for key in ("key-one", "key-two"))
    async with scene(api_keys=("key-one", "key-two")) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire, one)
            await wire.rest(200)
        said = [
            await on.resumed(f"{name}:1", two),
            await on.resumed(f"{name}:99", one),
            await on.resumed(f"{name}:1", one, on.front.asked.replace(b"hi", b"ho")),
            await on.resumed(f"{name}:1", one),
        ]
        told = [(await on.outcomes.get()).error for _ in range(5)]
        assert len(on.service.requests) == 1
    assert [got.status for got in said] == [410, 410, 409, 200]
    assert all("content-length" in got.headers for got in said[:3])
    assert told == ["", "resume_gone", "resume_gone", "resume_mismatch", ""]


async def test_after_its_time_it_is_gone_and_the_service_is_left() -> None:
    async with scene(resume=0.05) as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
        await on.service.peer_closed()
        assert (await on.outcomes.get()).end == "gone"
        assert (await on.resumed(f"{name}:1")).status == 410


async def test_who_comes_back_takes_over_from_a_connection_that_is_dead_unnoticed() -> None:
    async with scene() as on:
        on.say(3)
        async with connect(on.url) as dead, connect(on.url) as alive:
            name = await on.first(dead)
            had = await read_events(dead, 1)
            alive.send("POST", on.front.path, {"Last-Event-ID": f"{name}:{len(events_of(had))}"}, on.front.asked)
            assert await alive.head() == 200
            on.say()
            assert (await alive.rest(200)).clean
            assert not (await dead.rest(200)).clean


async def test_an_answer_of_responses_is_asked_for_by_its_own_id() -> None:
    async with scene("openai-responses") as on:
        on.say(on.first_content)
        async with connect(on.url) as wire:
            await on.first(wire)
            had = await read_events(wire, 1)
        events = [json.decode_event(data) for _, data in events_of(had)]
        answer, last = events[0]["response"]["id"], events[-1]["sequence_number"]
        on.say()
        got = await ask(on.url, "GET", f"{on.front.path}/{answer}?stream=true&starting_after={last}")
        unknown = await ask(on.url, "GET", f"{on.front.path}/resp_nobody?stream=true")
    assert next(json.decode_event(data)["sequence_number"] for _, data in events_of(got.body)) == last + 1
    assert got.clean
    assert unknown.status == 404


async def test_an_answer_that_is_no_stream_is_sent_as_ever() -> None:
    async with scene() as on:
        on.say()
        got = await ask(on.url, "POST", on.front.path, None, json.encode(on.front.body | {"stream": False}))
        live = await ask(on.url, "GET", "/health/live")
        wrong = await ask(on.url, "POST", on.front.path, None, b"{")
    assert (got.status, live.status, wrong.status) == (200, 200, 400)
    assert got.headers["content-length"] == str(len(got.body))
    assert "x-dragoman-stream" not in got.headers


async def test_requests_count_as_long_as_their_answers_go_on() -> None:
    async with scene(max_in_flight=1) as on:
        for _ in range(2):
            on.say()
            packed = gzip.compress(on.front.asked)
            got = await ask(on.url, "POST", on.front.path, {"Content-Encoding": "gzip"}, packed)
            assert (got.status, got.clean) == (200, True)
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
        assert (await ask(on.url, "POST", on.front.path, None, on.front.asked)).status == 503
        on.say()
        while (await on.outcomes.get()).end != "gone":
            continue
        assert (await on.resumed(f"{name}:1")).status == 200


async def test_heartbeats_pass_and_are_no_events() -> None:
    async with stream_of("openai-chat") as on:
        soon = ServerTimeouts(heartbeat=0.02, head_after=0.02)
        async with under_uvicorn(on.config, timeouts=soon) as url, connect(url) as wire:
            on.url = url
            wire.send("POST", on.front.path, body=on.front.asked)
            assert await wire.head() == 200
            got = await wire.chunk()
            on.say(3)
            while got.count(b": ping\n") < 3 or not events_of(got):
                got += await wire.chunk()
            on.say()
            got += (await wire.rest(200)).body
            rest = await on.resumed(f"{wire.headers['x-dragoman-stream']}:0")
    assert events_of(rest.body) == events_of(got)
    assert b"ping" not in rest.body


class Call:
    """One call of the application, without a server: it sends as slowly as a test lets it."""

    def __init__(self, app: AsgiGateway, on: ResumedStream, headers: dict[str, str] | None = None) -> None:
        self.sent: list[Message] = []
        self.leaves = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()
        self._body: bytes | None = on.front.asked
        said = {"content-type": "application/json", "host": "localhost"} | (headers or {})
        scope = {
            "type": "http",
            "method": "POST",
            "path": on.front.path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.takes.wait()
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def got(self, number: int) -> None:
        """Returns once so many events have come."""
        while len(events_of(self.body)) < number:
            await turns(1)

    @property
    def name(self) -> str:
        return str(dict(self.sent[0]["headers"])[b"x-dragoman-stream"], "ascii")


@asynccontextmanager
async def application(on: ResumedStream) -> AsyncIterator[AsgiGateway]:
    """The application, which is told in the end that the server shuts down."""
    app = AsgiGateway(Gateway(on.config, observers=[on.outcomes.put_nowait]))
    try:
        yield app
    finally:
        messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            assert message["type"].endswith(".complete")

        await app({"type": "lifespan"}, receive, send)


LONG = 2000
"""Events of 1 KB: many times what may wait."""


@pytest.mark.parametrize("way", ["the caller leaves", "the call is cancelled"])
async def test_a_call_that_ends_early_does_not_end_the_answer(way: str) -> None:
    async with stream_of("openai-chat") as on, application(on) as app:
        on.say(3)
        call = Call(app, on)
        await call.got(1)
        if way == "the caller leaves":
            call.leaves.set()
            await call.task
        else:
            call.task.cancel()
            with suppress(asyncio.CancelledError):
                await call.task
        number = len(events_of(call.body))
        again = Call(app, on, {"last-event-id": f"{call.name}:{number}"})
        on.say()
        await again.task
        assert b"[DONE]" in again.body
        assert again.sent[-1]["more_body"] is False
        assert len(on.service.requests) == 1


async def test_a_slow_caller_pauses_the_service_and_memory_is_bounded() -> None:
    async with stream_of("openai-chat", pieces=long_answer(LONG), resume_size=64 << 10) as on, application(on) as app:
        on.say(1)
        call = Call(app, on)
        await call.got(1)
        on.say()
        call.takes.clear()
        assert app._lasting is not None
        (answer,) = app._lasting._open
        caller = answer._caller
        assert isinstance(caller, NestedWriter)
        outgoing = caller._answer
        assert isinstance(outgoing, Outgoing)
        while not caller.congested:
            await turns(1)
        await turns(500)
        assert outgoing._size < 200 << 10
        assert app._lasting.held < 200 << 10
        call.takes.set()
        await call.task
        assert b"[DONE]" in call.body
        assert len(events_of(call.body)) > LONG


async def test_a_shutdown_ends_what_nobody_listens_to() -> None:
    async with stream_of("openai-chat") as on:
        async with application(on) as app:
            on.say(3)
            call = Call(app, on)
            await call.got(1)
            call.leaves.set()
            await call.task
            assert len(app._tasks) == 1
        assert not app._tasks
        assert (await on.outcomes.get()).end == "gone"
        await on.service.peer_closed()


async def test_nothing_stays_behind_when_it_is_over() -> None:
    with without_collector():
        async with stream_of("openai-chat", resume=0.01) as on, application(on) as app:
            for leaves in (True, False):
                on.say(3)
                call = Call(app, on)
                await call.got(1)
                if leaves:
                    call.leaves.set()
                    await call.task
                on.say(len(on.pieces) - 3)
                await on.outcomes.get()
                await call.task
            wrong = Call(app, on, {"last-event-id": "nobody:1"})
            await wrong.task
            assert app._lasting is not None
            while app._lasting.held:
                await turns()
            del call, wrong, app
        await asyncio.sleep(0)
        del on
        assert held_objects() == []
