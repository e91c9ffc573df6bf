"""Requests that are too large or too slow, and answers that come while they are still being sent."""

import asyncio

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.http.body import SMALL as SMALL_PIECE
from dragoman.gateway.http.body import Pieces
from dragoman.wire import json
from tests.support.gateway import Got, chat_body, connect, running_gateway
from tests.support.raw import LAST, LIVE, answers, chunked, closing, post, talk, turns

CHAT = "/v1/chat/completions"
SMALL = Config(gateway=GatewayConfig(port=0, max_body=2000))
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("s3cret",)))
HEAD = LIVE[: -len(b"\r\n")]
LONG = 10_000
"""Seconds that no test waits for."""


def code(got: Got) -> str | None:
    """The word for a failure."""
    found: str | None = json.decode_event(got.body)["error"]["code"]
    return found


def with_fields(*fields: bytes) -> bytes:
    """A request with these fields too."""
    return HEAD + b"".join(field + b"\r\n" for field in fields) + b"Connection: close\r\n\r\n"


HEADS = {
    "a hundred fields": (with_fields(*[b"X: a"] * 98), 200),
    "more than a hundred fields": (with_fields(*[b"X: a"] * 99), 431),
    "a long field": (with_fields(b"X: " + b"a" * (16 << 10)), 200),
    "too long a field": (with_fields(b"X: " + b"a" * (16 << 10) + b"a"), 431),
    "too long a name": (with_fields(b"X" * (66 << 10) + b": a"), 431),
    "fields that are too much together": (with_fields(*[b"X: " + b"a" * 15_000] * 5), 431),
    "a long target": (HEAD.replace(b"/live", b"/live?" + b"a" * 16_000) + b"Connection: close\r\n\r\n", 200),
    "too long a target": (HEAD.replace(b"/live", b"/live?" + b"a" * 17_000) + b"Connection: close\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_has_its_limits_at_once_or_piece_by_piece(name: str) -> None:
    head, status = HEADS[name]
    pieces = [head[at : at + 4000] for at in range(0, len(head), 4000)]
    async with running_gateway() as url:
        whole = await talk(url, head)
        cut = await talk(url, *pieces)
        second = await talk(url, LIVE + head)
    assert [got.status for got in whole] == [status]
    assert [got.status for got in cut] == [status]
    assert [got.status for got in second] == [200, status]
    if status == 431:
        assert {code(got) for got in (*whole, *cut)} <= {"head_too_large"}
        assert all(b"head of at most 65536 bytes, with at most 100 " in got.body for got in (*whole, *cut))


async def test_a_head_without_an_end_is_refused_and_its_caller_can_read_that() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(HEAD + b"X: " + b"a" * 1_000_000)
        got = await answers(wire)
    assert [(each.status, each.headers["connection"]) for each in got] == [(431, "close")]


async def test_too_large_a_head_does_not_disturb_the_answer_before_it() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(post(chat_body("text: a\nhang\n", stream=True)))
        assert await wire.head() == 200
        assert b'"a"' in await wire.chunk()
        wire.writer.write(HEAD)
        for _ in range(20):
            wire.writer.write(b"X: " + b"a" * 10_000 + b"\r\n")
            await turns()
        wire.writer.write(b"\r\n")
        await turns()
        assert not wire.reader._buffer  # type: ignore[attr-defined]  # nothing but the answer was said
        wire.writer.write_eof()
        assert await closing(wire) == b""


FLOODS = {
    "trailers": chunked(chat_body("text: hi"))[:-2] + b"X: a\r\n" * 15_000 + b"\r\n",
    "one trailer": chunked(chat_body("text: hi"))[:-2] + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "an extension": chunked(chat_body("text: hi")).replace(b"7\r\n", b"7;" + b"a" * 100_000 + b"\r\n", 1),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_what_frames_a_body_has_its_limit_too(name: str) -> None:
    flood = FLOODS[name]
    pieces = [flood[at : at + 10_000] for at in range(0, len(flood), 10_000)]
    async with running_gateway() as url:
        got = await talk(url, *pieces, LAST)
        missing = await talk(url, *(piece.replace(CHAT.encode(), b"/nothing") for piece in pieces), LAST)
    assert [each.status for each in got] == [431]
    assert [each.status for each in missing] == [404]


async def test_a_target_that_is_far_too_long_has_one_answer_however_it_is_cut() -> None:
    for size in (20_000, 70_000):
        for path in (b"/nothing?", b"/health/live?"):
            request = b"GET %b%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (path, b"a" * size)
            async with running_gateway(KEYED) as url:
                whole = await talk(url, request)
                cut = await talk(url, *(request[at : at + 3000] for at in range(0, len(request), 3000)))
            assert [(got.status, code(got)) for got in (*whole, *cut)] == [(431, "head_too_large")] * 2


async def test_a_body_that_comes_byte_by_byte_for_ever_is_refused() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Transfer-Encoding": "chunked"})
        for _ in range(20):
            wire.writer.write(b"1\r\nx\r\n" * 5000)
            await turns()
        got = await wire.answer()
    assert (got.status, code(got)) == (400, "too_many_chunks")


def test_small_pieces_are_put_together() -> None:
    request = Pieces()
    pieces = [b"a", b"b" * SMALL_PIECE, b"c", b"d", b"e" * SMALL_PIECE, b"f"]
    assert all(request.add(piece) for piece in pieces)
    assert b"".join(request.pieces) == b"".join(pieces)
    for _ in range(10_000):
        request.add(b"g")
    assert len(request.pieces) == 5


async def test_a_body_in_tiny_chunks_is_no_flood() -> None:
    body = chat_body("text: " + "word " * 8000)
    async with running_gateway() as url:
        got = await talk(url, chunked(body, size=1) + LAST)
    assert [each.status for each in got] == [200, 200]


async def test_too_large_a_body_is_refused_while_it_comes_and_ends_the_connection() -> None:
    for request in (post(b"x" * 5000), chunked(b"x" * 5000, size=100)):
        async with running_gateway(SMALL) as url, connect(url) as wire:
            wire.writer.write(request[:-2000])
            got = await wire.answer()
            assert (got.status, code(got), got.headers["connection"]) == (413, "request_too_large", "close")
            wire.writer.write(request[-2000:] + LAST)
            assert await answers(wire) == []


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (431, HEAD + b"X: " + b"a" * (17 << 10) + b"\r\n\r\n"),
        (413, post(b"x" * 2001)),
        (415, post(b"{}", CHAT, b"Content-Encoding: rot13")),
        (415, post(b"{}", CHAT, b"Content-Type: text/plain")),
    ],
)
async def test_a_refusal_of_the_request_itself_ends_the_connection(status: int, request_: bytes) -> None:
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.writer.write(LIVE)
        assert (await wire.answer()).status == 200
        wire.writer.write(request_ + LIVE)
        got = await answers(wire)
    assert [(each.status, each.headers["connection"]) for each in got] == [(status, "close")]


async def test_a_body_is_counted_as_it_comes_whatever_was_said_of_it() -> None:
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Transfer-Encoding": "chunked"})
        wire.writer.write(b"ffffffff\r\n" + b"x" * 2001)
        assert (await wire.answer()).status == 413


async def test_bodies_that_wait_for_their_turn_are_limited_together() -> None:
    slow = post(chat_body("text: a\nhang", stream=True))
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.writer.write(slow + post(b"x" * 1000) * 2)
        assert await wire.head() == 200
        await wire.chunk()
        wire.writer.write(post(b"x" * 1000))
        assert await closing(wire) == b""


async def test_a_refusal_is_readable_while_the_body_is_still_coming() -> None:
    body = b"x" * (4 << 20)
    async with running_gateway(KEYED) as url, connect(url) as wire:
        wire.send("POST", CHAT, body=body)
        got = await wire.answer()
        assert (got.status, "connection" in got.headers) == (401, False)
        await wire.writer.drain()
        wire.send("GET", "/health/live")
        assert (await wire.answer()).status == 200


async def test_a_refusal_to_a_last_request_is_followed_by_the_end() -> None:
    body = b"x" * (4 << 20)
    async with running_gateway(KEYED) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Connection": "close"}, body)
        got = await answers(wire)
    assert [(each.status, each.headers["connection"]) for each in got] == [(401, "close")]


async def test_a_refused_body_that_never_ends_is_read_no_longer() -> None:
    async with running_gateway(KEYED) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Content-Length": str(1 << 27)})
        assert (await wire.answer()).status == 401
        with pytest.raises(ConnectionError):
            while True:
                wire.writer.write(bytes(1 << 20))
                await wire.writer.drain()


async def test_a_refused_body_that_stops_coming_ends_the_connection() -> None:
    async with (
        running_gateway(KEYED, timeouts=ServerTimeouts(linger=0.02, grace=0)) as url,
        connect(url) as wire,
    ):
        wire.send("POST", CHAT, {"Content-Length": "1000"}, b"x")
        assert (await wire.answer()).status == 401
        assert await closing(wire) == b""


async def test_a_slow_head_is_refused() -> None:
    async with running_gateway(timeouts=ServerTimeouts(head=0.02, idle=LONG, body=LONG, grace=0)) as url:
        for begun in (b"G", HEAD, HEAD + b"X:"):
            got = await talk(url, begun)
            assert [(each.status, code(each)) for each in got] == [(408, "request_timeout")], begun
            again = await talk(url, LIVE + begun)
            assert [each.status for each in again] == [200, 408], begun
            next_ = await talk(url, LIVE, begun)
            assert [each.status for each in next_] == [200, 408], begun


async def test_a_head_that_drips_is_refused_too() -> None:
    timeouts = ServerTimeouts(head=0.02, idle=LONG, grace=0)
    async with (
        running_gateway(timeouts=timeouts) as url,
        connect(url) as wire,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(drip(wire.writer, b"GET / HTTP/1.1\r\nX: "))
        got = await wire.answer()
        wire.writer.close()
    assert got.status == 408


async def drip(writer: asyncio.StreamWriter, first: bytes) -> None:
    """Sends a byte each turn, until the connection is closed."""
    writer.write(first)
    while not writer.is_closing():
        writer.write(b"a")
        await asyncio.sleep(0.001)


async def test_a_slow_body_is_refused() -> None:
    timeouts = ServerTimeouts(body=0.02, head=LONG, idle=LONG, grace=0)
    body = chat_body("text: hi")
    async with running_gateway(timeouts=timeouts) as url:
        for request in (post(body), chunked(body)):
            async with connect(url) as wire:
                wire.writer.write(request[:-2])
                got = await wire.answer()
                assert (got.status, code(got), got.headers["connection"]) == (408, "request_timeout", "close")
            async with connect(url) as wire:
                wire.writer.write(LIVE + request[:-2])
                assert (await wire.answer()).status == 200
                assert (await wire.answer()).status == 408


async def test_a_body_that_only_pauses_is_read() -> None:
    body = chat_body("text: hi")
    async with (
        running_gateway(timeouts=ServerTimeouts(body=0.2, heartbeat=0.01, grace=0)) as url,
        connect(url) as wire,
    ):
        request = post(body)
        for at in range(0, len(request), 20):
            wire.writer.write(request[at : at + 20])
            await asyncio.sleep(0.02)
        assert (await wire.answer()).status == 200
