"""Answers, streamed and whole: what arrives when, and how a broken one ends."""

import asyncio

import pytest

from dragoman.gateway import ServerTimeouts
from dragoman.wire import json
from tests.support.gateway import ask, chat, chat_body, connect, running_gateway


def texts(body: bytes) -> str:
    """The content of all chunks of a stream."""
    events = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for event in events for choice in json.decode_event(event).get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def test_streams_an_answer() -> None:
    async with running_gateway() as url:
        got = await chat(url, "text: Привет, мир! 👋\nusage: 3 4", stream=True)
    assert got.status == 200
    assert got.clean
    assert texts(got.body) == "Привет, мир! 👋"
    assert got.body.endswith(b"data: [DONE]\n\n")
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-accel-buffering"] == "no"
    assert got.headers["transfer-encoding"] == "chunked"
    assert "server" not in got.headers
    assert "date" in got.headers


async def test_answers_whole() -> None:
    async with running_gateway() as url:
        got = await chat(url, "text: one two\nusage: 3 4")
    reply = json.decode_event(got.body)
    assert got.status == 200
    assert got.headers["content-type"] == "application/json"
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"]["content"] == "one two"
    assert reply["usage"]["prompt_tokens"] == 3


async def test_each_piece_arrives_before_the_next_is_made() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: now\nhang", stream=True))
        assert await wire.head() == 200
        assert texts(await wire.chunk()) == "now"


async def test_nothing_is_sent_before_the_first_content() -> None:
    async with running_gateway() as url:
        got = await chat(url, "error: 429 retry_after=7 Slow!", stream=True)
    assert got.status == 429
    assert got.headers["retry-after"] == "7"
    assert json.decode_event(got.body)["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("ending", ["cut", "error: 500 Broken"])
async def test_a_stream_that_breaks_off_says_so_and_has_no_end_mark(ending: str) -> None:
    async with running_gateway() as url:
        got = await chat(url, f"text: half\n{ending}", stream=True)
    assert got.status == 200
    assert got.clean
    assert texts(got.body) == "half"
    assert b"[DONE]" not in got.body
    assert b'{"error":{"message":' in got.chunks[-1]


@pytest.mark.parametrize("ending", ["cut", "error: 500 Broken"])
async def test_a_whole_answer_that_broke_off_is_an_error(ending: str) -> None:
    async with running_gateway() as url:
        got = await chat(url, f"text: half\n{ending}")
    assert got.status >= 500
    assert set(json.decode_event(got.body)) == {"error"}
    assert b"half" not in got.body


async def test_a_silence_is_broken_by_a_heartbeat() -> None:
    async with running_gateway(timeouts=ServerTimeouts(heartbeat=0.01, grace=0)) as url, connect(url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: now\nhang", stream=True))
        await wire.head()
        assert texts(await wire.chunk()) == "now"
        beats = [await wire.chunk(), await wire.chunk()]
    assert all(beat.startswith(b":") and beat.endswith(b"\n\n") for beat in beats)


async def test_raw_text_has_no_heartbeat_and_nothing_has_one_before_its_head() -> None:
    async with running_gateway(timeouts=ServerTimeouts(heartbeat=0.001, grace=0)) as url:
        slow = await chat(url, "delay: 0.02\ntext: late", stream=True)
        whole = await chat(url, "delay: 0.02\ntext: late")
    assert slow.chunks[0].startswith(b"data: ")
    assert json.decode_event(whole.body)["choices"][0]["message"]["content"] == "late"


async def test_what_was_lost_is_listed() -> None:
    async with running_gateway() as url:
        body = chat_body("hi", "offline/echo", stop=["."])
        whole = await ask(url, "POST", "/v1/chat/completions", body=body)
        stream = await ask(
            url, "POST", "/v1/chat/completions", body=chat_body("hi", "offline/echo", stream=True, stop=["."])
        )
        none = await chat(url, "hi", "offline/echo")
    assert whole.headers["x-dragoman-losses"] == "stop"
    assert stream.headers["x-dragoman-losses"] == "stop"
    assert "x-dragoman-losses" not in none.headers


async def test_an_answer_without_content_is_a_good_one() -> None:
    async with running_gateway() as url:
        got = await chat(url, "usage: 1 0", stream=True)
    assert got.status == 200
    assert got.clean
    assert texts(got.body) == ""


async def test_one_connection_serves_many_answers() -> None:
    async with running_gateway() as url, connect(url) as wire:
        for number in range(3):
            wire.send("POST", "/v1/chat/completions", body=chat_body(f"text: {number}", stream=number % 2 == 0))
            assert str(number) in (await wire.answer()).text


async def test_two_hundred_streams_at_once() -> None:
    async with running_gateway() as url:
        asked = [f"text: {number} a b c d\ndelay: 0.05\ntext: e {number}" for number in range(200)]
        answers = await asyncio.gather(*(chat(url, text, stream=True) for text in asked))
    assert all(got.clean for got in answers)
    assert [texts(got.body) for got in answers] == [f"{number} a b c de {number}" for number in range(200)]
