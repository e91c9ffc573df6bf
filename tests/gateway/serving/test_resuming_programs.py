"""Streams that can be resumed, as the vendors' own programs read them; and Responses, which has a way of its own."""

import asyncio
import json
from typing import Any

import anthropic
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect as connect_socket

from dragoman.gateway import ServerTimeouts
from tests.gateway.serving.test_resuming import WAYS, Scene, scene
from tests.gateway.test_sdk_gemini import client as gemini
from tests.support.gateway import ask, connect, running
from tests.support.relaying import Translating
from tests.support.resuming import FRONTS, events_of, read_events

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

SOON = ServerTimeouts(grace=0, heartbeat=0.02, head_after=0.02)


async def said(front: str, url: str) -> str:
    """The text that the vendor's program reads."""
    if front == "openai-chat":
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as caller:
            stream = await caller.chat.completions.create(
                model="up/m", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    if front == "openai-responses":
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as caller:
            events = await caller.responses.create(model="up/m", input="hi", stream=True)
            return "".join([event.delta async for event in events if event.type == "response.output_text.delta"])
    if front == "anthropic":
        async with (
            anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as claude,
            claude.messages.stream(model="up/m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as message,
        ):
            return "".join([text async for text in message.text_stream])
    async with gemini(url, key="k") as google:
        chunks = await google.models.generate_content_stream(model="up/m", contents="hi")
        return "".join([chunk.text or "" async for chunk in chunks])


TEXTS = {
    "openai-chat": "Hello!",
    "openai-responses": "Hello, world",
    "anthropic": "Hello there.",
    "gemini": "Hello, world",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("front", FRONTS)
async def test_the_vendors_program_reads_a_stream_with_ids_and_heartbeats(front: str, way: str) -> None:
    async with scene(front, way) as on:
        config = on.gateway.gateway.client.config
        client = Translating(config) if way == "translate" else None
        async with running(config, client=client, timeouts=SOON) as beating:
            reading = asyncio.create_task(said(front, beating.url))
            for _ in on.pieces:
                await asyncio.sleep(0.03)  # a silence with a heartbeat in it, before each event
                on.say(1)
            assert await reading == TEXTS[front]


def retrieve(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)


async def begun(on: Scene, headers: dict[str, str] | None = None) -> tuple[str, list[dict[str, Any]]]:
    """The id of an answer whose caller has left, and the events that this caller had."""
    async with connect(on.url) as wire:
        wire.send("POST", on.front.path, headers, on.front.asked)
        assert await wire.head() == 200
        had = [json.loads(data) for _, data in events_of(await read_events(wire, 3))]
    return had[0]["response"]["id"], had


@pytest.mark.parametrize("way", WAYS)
async def test_responses_are_resumed_by_their_id_and_the_number_of_an_event(way: str) -> None:
    async with scene("openai-responses", way) as on:
        on.say(6)
        name, had = await begun(on, {"Authorization": "Bearer k"})
        async with retrieve(on.url) as caller:
            after = had[2]["sequence_number"]
            stream = await caller.responses.retrieve(name, stream=True, starting_after=after)
            on.say()
            rest = [event.sequence_number async for event in stream]
            whole = await caller.responses.retrieve(name, stream=True)
            every = [event.sequence_number async for event in whole]
        assert len(on.service.requests) == 1
    assert rest == list(range(after + 1, after + 1 + len(rest)))
    assert every == list(range(after + 1)) + rest


async def test_a_number_that_is_none_is_refused() -> None:
    async with scene("openai-responses") as on:
        on.say()
        name, _ = await begun(on)
        got = await ask(on.url, "GET", f"/v1/responses/{name}?stream=true&starting_after=x")
    assert got.status == 400
    assert b"starting_after" in got.body


async def test_an_answer_of_nobody_is_not_found() -> None:
    async with scene("openai-responses") as on:
        got = await ask(on.url, "GET", "/v1/responses/resp_nobody?stream=true")
    assert got.status == 404


async def test_another_key_does_not_get_a_response() -> None:
    async with scene("openai-responses", api_keys=("key-one", "key-two")) as on:
        on.say()
        got = await ask(on.url, "POST", on.front.path, {"Authorization": "Bearer key-one"}, on.front.asked)
        name = json.loads(events_of(got.body)[0][1])["response"]["id"]
        path = f"/v1/responses/{name}?stream=true"
        other = await ask(on.url, "GET", path, {"Authorization": "Bearer key-two"})
        own = await ask(on.url, "GET", path, {"Authorization": "Bearer key-one"})
    assert other.status == 404
    assert events_of(own.body) == events_of(got.body)


async def test_the_beginning_that_is_no_longer_kept_is_refused() -> None:
    pieces = [
        b'data: {"type":"response.created","response":{"id":"resp_long"},"sequence_number":0}\n\n',
        *(
            b'data: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,'
            b'"delta":"%b","sequence_number":%d}\n\n' % (b"x" * 1000, number)
            for number in range(1, 101)
        ),
        b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_long",'
        b'"status":"completed","output":[]},"sequence_number":101}\n\n',
    ]
    async with scene("openai-responses", pieces=pieces, resume_size=64 << 10) as on:
        on.say()
        asked = json.dumps(on.front.body | {"store": False}).encode()
        got = await ask(on.url, "POST", on.front.path, body=asked)
        path = "/v1/responses/resp_long?stream=true&starting_after="
        said = {after: await ask(on.url, "GET", f"{path}{after}") for after in (0, 50, 90, 101)}
    assert got.clean
    assert [each.status for each in said.values()] == [410, 410, 200, 200]
    assert len(events_of(said[90].body)) == 11
    assert events_of(said[101].body) == []


async def test_what_was_begun_over_a_websocket_is_resumed_over_http() -> None:
    async with scene("openai-responses") as on:
        on.say(6)
        async with connect_socket(f"{on.url.replace('http', 'ws')}/v1/responses", proxy=None) as socket:
            await socket.send(json.dumps({"type": "response.create", "model": "up/m", "input": "hi"}))
            had = [json.loads(await socket.recv()) for _ in range(3)]
        on.say()
        path = f"/v1/responses/{had[0]['response']['id']}?stream=true&starting_after={had[2]['sequence_number']}"
        got = await ask(on.url, "GET", path)
        assert len(on.service.requests) == 1
    numbers = [json.loads(data)["sequence_number"] for _, data in events_of(got.body)]
    assert numbers == list(range(had[2]["sequence_number"] + 1, len(on.pieces)))
