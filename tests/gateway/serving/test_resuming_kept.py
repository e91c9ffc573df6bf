"""A stream of Responses that is asked for by its id, if the worker holds less of it than who keeps the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.gateway.serving.test_resuming import scene
from tests.support.gateway import ask, running
from tests.support.golden import cases
from tests.support.keeping import Keeper, keeping
from tests.support.resuming import events_of, pieces_of

SMALL = 200
"""Bytes of a stream that are held: none of its events, because half of it is for what comes while nobody listens."""


@asynccontextmanager
async def kept(resume_size: int = 1 << 20) -> AsyncIterator[tuple[AsyncOpenAI, Keeper]]:
    """A caller of a gateway before a service that keeps its answers, and the offline models."""
    async with keeping("one") as one:
        entry = ProviderConfig(protocol="openai-responses", url=f"{one.server.url}/v1", api_key="canary")
        gateway = GatewayConfig(port=0, resume=30, resume_size=resume_size)
        async with (
            running(Config(gateway=gateway, providers={"one": entry})) as up,
            AsyncOpenAI(base_url=f"{up.url}/v1", api_key="k", max_retries=0) as caller,
        ):
            yield caller, one


async def begun(caller: AsyncOpenAI, model: str, *, store: bool = True) -> tuple[str, list[int]]:
    """The id of an answer, and the numbers of its events."""
    stream = await caller.responses.create(model=model, input="text: Hello", stream=True, store=store)
    events = [event async for event in stream]
    assert events[0].type == "response.created"
    return events[0].response.id, [event.sequence_number for event in events]


async def numbers(caller: AsyncOpenAI, name: str, after: int) -> list[int]:
    stream = await caller.responses.retrieve(name, stream=True, starting_after=after)
    return [event.sequence_number async for event in stream]


async def test_what_is_no_longer_held_is_asked_for_at_the_service_that_keeps_the_answer() -> None:
    async with kept(SMALL) as (caller, one):
        name, every = await begun(caller, "one/a")
        assert await numbers(caller, name, 2) == every[3:]
        assert one.asked[1:] == [f"GET /v1/responses/{name}?starting_after=2&stream=true"]


@pytest.mark.parametrize("model", ["one/a", "offline/script"])
async def test_what_nobody_has_any_more_is_refused_and_never_left_out(model: str) -> None:
    async with kept(SMALL) as (caller, one):
        name, every = await begun(caller, model, store=model != "one/a")
        for after in (0, every[-1] - 1):
            with pytest.raises(openai.APIStatusError) as caught:
                await numbers(caller, name, after)
            assert (caught.value.status_code, caught.value.code) == (410, "resume_gone")
        assert len(one.asked) == (model == "one/a")


async def test_a_place_in_a_stream_whose_events_have_no_numbers_is_refused() -> None:
    pieces = [
        b'data: {"type":"response.created","response":{"id":"resp_bare"}}\n\n',
        b'data: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"x"}\n\n',
        b'data: {"type":"response.completed","response":{"id":"resp_bare","status":"completed","output":[]}}\n\n',
    ]
    async with scene("openai-responses", pieces=pieces) as on:
        on.say()
        asked = on.front.asked.replace(b"{", b'{"store":false,', 1)
        await ask(on.url, "POST", on.front.path, body=asked)
        after = await ask(on.url, "GET", f"{on.front.path}/resp_bare?stream=true&starting_after=0")
        whole = await ask(on.url, "GET", f"{on.front.path}/resp_bare?stream=true")
    assert after.status == 410
    assert len(events_of(whole.body)) == len(pieces)


@pytest.mark.parametrize("model", ["one/a", "offline/script"])
async def test_the_stream_of_an_answer_that_was_deleted_is_not_given_back(model: str) -> None:
    async with kept() as (caller, _):
        name, every = await begun(caller, model)
        assert await numbers(caller, name, 0) == every[1:]
        await caller.responses.delete(name)
        with pytest.raises(openai.NotFoundError):
            await numbers(caller, name, 0)


@pytest.mark.parametrize("glued", [False, True])
async def test_an_answer_is_found_whose_service_sends_signs_of_life_before_its_id(glued: bool) -> None:
    life = b'event: keepalive\ndata: {"type":"keepalive"}\n\n'
    pieces = [life, life, *pieces_of(cases("openai-responses")["text"].reply)]
    async with scene("openai-responses", pieces=[b"".join(pieces)] if glued else pieces) as on:
        on.say()
        got = await ask(on.url, "POST", on.front.path, body=on.front.asked)
        again = await ask(on.url, "GET", f"{on.front.path}/resp_1?stream=true")
        assert len(on.service.requests) == 1
    assert events_of(again.body) == events_of(got.body)


async def test_a_program_that_asks_for_the_same_address_again_gets_what_it_lacks() -> None:
    """As browsers do: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model"""
    async with scene("openai-responses") as on:
        on.say()
        got = await ask(on.url, "POST", on.front.path, body=on.front.asked)
        every, stream = events_of(got.body), got.headers["x-dragoman-stream"]
        path = f"{on.front.path}/resp_1?stream=true&starting_after=1"
        for last, rest in ((f"{stream}:4", every[4:]), ("of-another:4", every[2:]), (f"{stream}:x", every[2:])):
            again = await ask(on.url, "GET", path, {"Last-Event-ID": last})
            assert (again.status, events_of(again.body)) == (200, rest)
        assert len(on.service.requests) == 1


async def test_of_two_answers_with_one_id_the_latest_is_given_back() -> None:
    async with scene("openai-responses") as on:
        on.say()
        on.say()
        for _ in range(2):
            got = await ask(on.url, "POST", on.front.path, body=on.front.asked)
        again = await ask(on.url, "GET", f"{on.front.path}/resp_1?stream=true")
    assert again.headers["x-dragoman-stream"] == got.headers["x-dragoman-stream"]
