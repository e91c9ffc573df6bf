"""A caller that lost its connection comes back, and gets what it lacks: nothing twice, and nothing left out."""

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import asdict

from dragoman.gateway import ServerTimeouts
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers
from dragoman.gateway.serving.lasting.lasting_generation import LastingGeneration
from dragoman.wire import json
from tests.support.gateway import Running, ask, connect, running
from tests.support.golden import cases
from tests.support.raw import turns
from tests.support.relaying import Translating
from tests.support.resuming import FRONTS, ID, ResumedStream, events_of, long_answer, pieces_of, read_events, stream_of

WAYS = ("relay", "translate")


class Scene(ResumedStream, kw_only=True):
    """The same behind a gateway of ours."""

    gateway: Running

    @property
    def lasting(self) -> LastingAnswers:
        """The streams that the gateway holds."""
        assert isinstance(self.gateway.server.current, LastingGeneration)
        return self.gateway.server.current.lasting


@asynccontextmanager
async def scene(
    dialect: str, way: str = "relay", case: str = "text", pieces: list[bytes] | None = None, **settings: Any
) -> AsyncIterator[Scene]:
    async with stream_of(dialect, case, pieces, **settings) as on:
        client = Translating(on.config) if way == "translate" else None
        observers = [on.outcomes.put_nowait]
        async with running(on.config, client=client, timeouts=ServerTimeouts(grace=0), observers=observers) as up:
            yield Scene(**(asdict(on) | {"url": up.url}), gateway=up)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", FRONTS)
async def test_after_each_cut_at_any_byte_the_rest_follows_exactly_once(dialect: str, way: str) -> None:
    async with scene(dialect, way) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            whole = await wire.rest(200)
        uncut = events_of(whole.body)
        assert whole.clean
        rest = [await on.resumed(f"{name}:{number}") for number in range(len(uncut) + 1)]
        assert len(on.service.requests) == 1
    if way == "relay":
        assert uncut == events_of(b"".join(on.pieces))
    assert [got.status for got in rest] == [200] * len(rest)
    assert all(got.clean for got in rest)
    for at in range(len(whole.body) + 1):
        had = whole.body[:at]
        number = len(events_of(had))
        if on.front.marked and number:
            # What a program knows is the id of the last event that is complete, not of the one that is cut.
            known = ID.findall(had[: had.rindex(b"\n\n")])[-1]
            assert known == f"{name}:{number}".encode()
        assert events_of(had) + events_of(rest[number].body) == uncut
    assert bool(ID.search(whole.body)) == on.front.marked


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", FRONTS)
async def test_a_caller_that_leaves_after_each_event_gets_the_rest_while_it_comes(dialect: str, way: str) -> None:
    async with scene(dialect, way) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            uncut = _without_ids((await wire.rest(200)).body)
        first = next(at for at, piece in enumerate(on.pieces, 1) if b"Hel" in piece)
        for number in range(first, len(on.pieces)):
            on.say(number)
            async with connect(on.url) as wire:
                name = await on.first(wire)
                had = await read_events(wire, 1)
            count = len(events_of(had))
            async with connect(on.url) as again:
                again.send("POST", on.front.path, {"Last-Event-ID": f"{name}:{count}"}, on.front.asked)
                assert await again.head() == 200
                on.say(len(on.pieces) - number)
                rest = await again.rest(200)
            assert rest.clean
            assert _without_ids(had + rest.body) == uncut
        assert len(on.service.requests) == 1 + len(on.pieces) - first


def _without_ids(body: bytes) -> list[tuple[bytes, bytes]]:
    """Events without what differs from one answer to the next."""
    plain = re.sub(rb'"(id|item_id|responseId)":"[^"]*"', b'"id":""', ID.sub(b"", body))
    plain = re.sub(rb'"(created|created_at|completed_at)":[0-9.]+', b'"at":0', plain)
    return events_of(plain)


@pytest.mark.parametrize("way", WAYS)
async def test_while_nobody_listens_the_service_is_read_on_and_the_answer_is_logged_once(way: str) -> None:
    async with scene("openai-chat", way, "usage") as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        on.say()
        outcome = await on.outcomes.get()
        assert (outcome.end, outcome.resumes) == ("gone", "")
        assert outcome.usage is not None
        assert outcome.usage.output_tokens
        assert not outcome.usage_estimated
        got = await on.resumed(f"{name}:{len(events_of(had))}")
        again = await on.outcomes.get()
    assert got.clean
    assert (again.end, again.resumes, again.model, again.usage) == ("whole", outcome.request_id, "up/m", None)
    assert again.target == ""


NOT_HELD = {"an id of nobody": "abcdef:1", "no id": "x", "no number": "{}:x", "an event that has not come": "{}:99"}


@pytest.mark.parametrize("dialect", FRONTS)
@pytest.mark.parametrize("which", NOT_HELD)
async def test_what_is_not_held_is_refused_and_nothing_is_asked_again(dialect: str, which: str) -> None:
    async with scene(dialect) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            await wire.rest(200)
        got = await on.resumed(NOT_HELD[which].format(name))
        assert len(on.service.requests) == 1
    assert got.status == 410
    assert got.headers["content-type"].startswith("application/json")
    assert b"last-event-id" in got.body


async def test_another_question_never_gets_the_answer() -> None:
    async with scene("openai-chat") as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            await wire.rest(200)
        got = await on.resumed(f"{name}:1", body=on.front.asked.replace(b"hi", b"ho"))
        assert len(on.service.requests) == 1
    assert got.status == 409
    assert b"resume_mismatch" in got.body


async def test_another_key_never_gets_the_answer() -> None:
    one, two = ({"Authorization": f"Bearer {key}"} for key in ("key-one", "key-two"))
    async with scene("openai-chat", api_keys=("key-one", "key-two")) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire, one)
            await wire.rest(200)
        assert (await on.resumed(f"{name}:1", two)).status == 410
        assert (await on.resumed(f"{name}:1", one)).status == 200
        assert len(on.service.requests) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_after_its_time_it_is_gone_and_the_service_is_left(way: str) -> None:
    async with scene("openai-chat", way, resume=0.05) as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
        await on.service.peer_closed()
        outcome = await on.outcomes.get()
        assert outcome.end == "gone"
        assert outcome.usage_estimated
        assert (await on.resumed(f"{name}:1")).status == 410
        assert len(on.service.requests) == 1


async def test_after_its_time_it_is_drained_if_that_is_set() -> None:
    async with scene("openai-chat", case="usage", resume=0.05, on_disconnect="drain") as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            await read_events(wire, 1)
        while on.lasting.held:
            await turns()
        assert (await on.resumed(f"{name}:1")).status == 410
        assert (await on.outcomes.get()).error == "resume_gone"
        on.say()
        outcome = await on.outcomes.get()
        assert outcome.usage is not None
        assert not outcome.usage_estimated


async def test_a_caller_that_left_before_anything_came_cannot_come_back() -> None:
    async with scene("openai-chat") as on:
        async with connect(on.url) as wire:
            wire.send("POST", on.front.path, body=on.front.asked)
            while not on.service.requests:
                await turns()
        await on.service.peer_closed()
        assert (await on.outcomes.get()).end == "gone"


@pytest.mark.parametrize("way", WAYS)
async def test_a_full_buffer_pauses_the_service_until_the_caller_is_back(way: str) -> None:
    pieces = long_answer(1500)
    async with scene("openai-chat", way, pieces=pieces, resume_size=64 << 10) as on:
        on.say(1)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        on.say()
        while on.lasting.held < 64 << 10:
            await turns()
        await turns(20)
        assert on.lasting.held < 64 << 12
        assert on.outcomes.empty()
        got = await on.resumed(f"{name}:{len(events_of(had))}")
        assert got.clean
        assert len(events_of(had)) + len(events_of(got.body)) == len(pieces) + (way == "translate")
        assert b"[DONE]" in got.body
        assert {(await on.outcomes.get()).end for _ in range(2)} == {"gone", "whole"}


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_buffer_no_longer_has_is_refused_and_not_left_out(way: str) -> None:
    async with scene("openai-chat", way, pieces=long_answer(200), resume_size=64 << 10) as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            whole = await wire.rest(200)
        count = len(events_of(whole.body))
        assert (await on.resumed(f"{name}:1")).status == 410
        got = await on.resumed(f"{name}:{count - 10}")
    assert (got.status, len(events_of(got.body))) == (200, 10)


async def test_the_bound_of_all_streams_gives_up_those_that_have_ended_first() -> None:
    async with scene("openai-chat", pieces=long_answer(20), resume_size=64 << 10, resume_total=64 << 10) as on:
        names = []
        for _ in range(4):
            on.say()
            async with connect(on.url) as wire:
                names.append(await on.first(wire))
                await wire.rest(200)
        said = [(await on.resumed(f"{name}:20")).status for name in names]
    assert said == [410, 410, 200, 200]


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_back_takes_over_from_a_connection_that_is_dead_unnoticed(way: str) -> None:
    async with scene("openai-chat", way) as on:
        on.say(3)
        async with connect(on.url) as dead, connect(on.url) as alive:
            name = await on.first(dead)
            had = await read_events(dead, 1)
            count = len(events_of(had))
            alive.send("POST", on.front.path, {"Last-Event-ID": f"{name}:{count}"}, on.front.asked)
            assert await alive.head() == 200
            on.say()
            rest = await alive.rest(200)
            assert not (await dead.rest(200)).clean
        assert rest.clean
        assert b"[DONE]" in rest.body
        assert len(on.service.requests) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", FRONTS)
async def test_an_answer_that_broke_off_meanwhile_breaks_off_for_who_comes_back(dialect: str, way: str) -> None:
    pieces = pieces_of(cases(dialect)["text"].reply)
    pieces = pieces[: next(at for at in (-2, -1) if b"Hel" in b"".join(pieces[:at][:-1]))]
    async with scene(dialect, way, pieces=pieces) as on:
        on.say(len(pieces) - 1)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        on.say()
        outcome = await on.outcomes.get()
        got = await on.resumed(f"{name}:{len(events_of(had))}")
        again = await on.outcomes.get()
    assert (outcome.end, outcome.error) == ("gone", "truncated")
    assert b"broke off" in got.body
    assert got.clean == (dialect != "gemini")
    assert again.end == "broken"


@pytest.mark.parametrize("way", WAYS)
async def test_a_heartbeat_is_no_event_and_no_id_stands_before_it(way: str) -> None:
    async with scene("openai-chat", way) as on:
        config = on.gateway.gateway.client.config
        client = Translating(config) if way == "translate" else None
        soon = ServerTimeouts(grace=0, heartbeat=0.02, head_after=0.02)
        async with (
            running(config, client=client, timeouts=soon) as beating,
            connect(beating.url) as wire,
        ):
            wire.send("POST", on.front.path, body=on.front.asked)
            assert await wire.head() == 200
            got = await wire.chunk()
            on.say(3)
            while got.count(b": ping\n") < 3 or not events_of(got):
                got += await wire.chunk()
            name = wire.headers["x-dragoman-stream"]
            on.say()
            got += (await wire.rest(200)).body
            rest = await ask(beating.url, "POST", on.front.path, {"Last-Event-ID": f"{name}:0"}, on.front.asked)
    assert events_of(rest.body) == events_of(got)
    assert b"ping" not in rest.body
    # A blank line after a comment is an event without data to OpenAI's program for Python.
    assert b": ping\n\n" not in got


async def test_an_answer_that_is_no_stream_has_no_ids_and_is_not_kept() -> None:
    async with scene("openai-chat", "translate") as on:
        on.say()
        body = json.encode(on.front.body | {"stream": False})
        got = await ask(on.url, "POST", on.front.path, None, body)
        assert got.status == 200
        assert "x-dragoman-stream" not in got.headers
        assert json.decode_event(got.body)["choices"]


async def test_without_the_setting_the_header_means_nothing() -> None:
    async with scene("openai-chat", resume=0.0) as on:
        on.say()
        got = await on.resumed("abc:1")
        assert got.status == 200
        assert got.body == b"".join(on.pieces)
        assert "x-dragoman-stream" not in got.headers


async def test_a_gateway_that_stops_ends_what_nobody_listens_to() -> None:
    async with scene("openai-chat") as on:
        on.say(3)
        async with connect(on.url) as wire:
            await on.first(wire)
        await turns(8)
        on.gateway.server.stop()
        assert (await on.outcomes.get()).end == "gone"
        await on.service.peer_closed()


async def test_a_packed_request_counts_once_and_as_long_as_its_answer_goes_on() -> None:
    async with scene("openai-chat", max_in_flight=1) as on:
        for _ in range(2):
            on.say()
            got = await ask(on.url, "POST", on.front.path, {"Content-Encoding": "gzip"}, gzip.compress(on.front.asked))
            assert (got.status, got.clean) == (200, True)
