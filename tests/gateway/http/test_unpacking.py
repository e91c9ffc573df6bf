"""Requests whose body is packed: read under the same limits as any other, on each path."""

import asyncio
import gzip
import zlib

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.errors import InvalidRequestError
from dragoman.gateway.http.unpacking import AT_ONCE, coding, unpacked
from dragoman.types import ServerRequest
from dragoman.wire import json
from tests.support.gateway import Got, ask, chat_body, connect, running_gateway
from tests.support.packing import PACKERS
from tests.support.relaying import both_paths, question
from tests.support.server import Exchange

CHAT = "/v1/chat/completions"
SMALL = Config(gateway=GatewayConfig(port=0, max_body=20_000))
BODY = chat_body("text: hi")


def code(got: Got) -> str:
    """The word for a failure."""
    found: str = json.decode_event(got.body)["error"]["code"]
    return found


def call(body: bytes, *encodings: bytes) -> ServerRequest:
    """A request with these fields."""
    fields = tuple((b"content-encoding", value) for value in encodings)
    return ServerRequest(method="POST", path="/", headers=(*fields, (b"content-length", b"1"), (b"x", b"y")), body=body)


@pytest.mark.parametrize("name", PACKERS)
async def test_a_packed_body_is_read(name: str) -> None:
    async with running_gateway() as url, connect(url) as wire:
        for text in ("hi", "x" * 100_000):
            for _ in range(3):
                wire.send("POST", CHAT, {"Content-Encoding": name}, PACKERS[name](chat_body(f"text: {text}")))
                got = await wire.answer()
                assert json.decode_event(got.body)["choices"][0]["message"]["content"] == text
        wire.send("POST", CHAT, body=BODY)
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("name", PACKERS)
async def test_a_service_is_sent_the_plain_body(name: str) -> None:
    answer = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'

    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, {"content-type": "application/json"}, answer)

    async with both_paths() as both:
        both.script[:] = [script]
        for url in (both.relay, both.translate):
            body = PACKERS[name](question(stream=False))
            assert (await ask(url, "POST", CHAT, {"Content-Encoding": name}, body)).status == 200
            seen = both.service.requests[-1]
            assert json.decode_event(seen.body)["messages"] == [{"role": "user", "content": "hi"}]
            assert "content-encoding" not in seen.headers


@pytest.mark.parametrize("name", PACKERS)
async def test_what_unpacks_to_too_much_is_refused(name: str) -> None:
    too_much = chat_body("text: " + "word " * 5000)
    async with running_gateway(SMALL) as url:
        large = await ask(url, "POST", CHAT, {"Content-Encoding": name}, PACKERS[name](too_much))
    async with running_gateway() as url:
        bomb = await ask(url, "POST", CHAT, {"Content-Encoding": name}, PACKERS[name](bytes(16 << 20)))
    assert [(got.status, code(got)) for got in (large, bomb)] == [(413, "request_too_large")] * 2


@pytest.mark.parametrize("name", PACKERS)
async def test_what_is_damaged_is_refused(name: str) -> None:
    packed = PACKERS[name](BODY)
    async with running_gateway() as url:
        for body in (b"junk" * 10, packed[:-1], packed[: len(packed) // 2], b""):
            got = await ask(url, "POST", CHAT, {"Content-Encoding": name, "Content-Length": str(len(body))}, body)
            assert (got.status, code(got)) == (400, "damaged_content_encoding"), body


def test_one_known_encoding_is_taken() -> None:
    known = {(): "", (b"",): "", (b"identity",): "", (b" GZip ",): "gzip", (b"zstd",): "zstd", (b"x-gzip",): "x-gzip"}
    for encodings, name in known.items():
        assert coding(call(b"", *encodings)) == name
    for encodings in [(b"gzip, gzip",), (b"gzip", b"gzip"), (b"br",), (b"gzip, identity",), (b"aws-chunked",)]:
        with pytest.raises(InvalidRequestError) as caught:
            coding(call(b"", *encodings))
        assert (caught.value.status, caught.value.code) == (415, "unsupported_content_encoding")


async def test_nothing_says_any_more_that_it_was_packed() -> None:
    plain = await unpacked(call(gzip.compress(b"abc"), b"gzip"), 10)
    assert (plain.body, plain.headers) == (b"abc", ((b"x", b"y"),))
    same = call(b"abc")
    assert await unpacked(same, 10) is same


async def test_a_large_body_is_unpacked_beside_the_loop() -> None:
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = b"".join(b"%d" % (number * number) for number in range(200_000))
    packed = zlib.compress(body)
    assert len(packed) > AT_ONCE
    async with asyncio.TaskGroup() as group:
        other = group.create_task(turning())
        assert (await unpacked(call(packed, b"deflate"), len(body))).body == body
        other.cancel()
    assert turns > 1


async def test_a_caller_who_leaves_meanwhile_reaches_nobody() -> None:
    async with running_gateway() as url:
        async with connect(url) as wire:
            body = gzip.compress(chat_body("text: " + "".join(map(str, range(200_000)))))
            wire.send("POST", CHAT, {"Content-Encoding": "gzip"}, body)
            await wire.writer.drain()
        assert (await ask(url, "GET", "/health/live")).status == 200
