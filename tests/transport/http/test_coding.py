"""Packed bodies: unpacked within bounds, or refused."""

import gzip
import zlib

import brotli
import pytest
from backports import zstd

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.transport.native import NativeTransport
from dragoman.types import HttpRequest
from tests.support.server import Exchange, Handler, serve
from tests.transport.native.reading import PLAIN, ending, get, whole

TEXT = "Привет, мир! ".encode() * 50


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(TEXT),
    "X-GZip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    " deflate": raw_deflate(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT),
    "identity": TEXT,
}


def packed(coding: str, body: bytes, size: int = 1 << 20) -> Handler:
    """A server that answers with `body` in chunks of `size`."""

    async def handler(exchange: Exchange) -> None:
        await exchange.head(headers={"Content-Encoding": coding, "x": "y"})
        for start in range(0, len(body), size):
            await exchange.chunk(body[start : start + size])
        await exchange.end()

    return handler


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
async def test_is_unpacked_at_every_cut(coding: str, size: int) -> None:
    async with serve(packed(coding, PACKED[coding], size)) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        assert await whole(reply) == TEXT
        assert await reply.read() == []
        if coding != "identity":
            assert reply.head.header("content-encoding") is None
        assert reply.head.header("x") == "y"
        reply.close()
        assert transport.stats().idle == 1
        transport.close()


async def test_keeps_the_marks_of_chunks() -> None:
    async with serve(packed("gzip", gzip.compress(b"abc"), 1000)) as server:
        transport = NativeTransport()
        pieces, error = await ending(await transport.send(get(server.url, mark_chunks=True), PLAIN))
        assert (pieces, error) == ([b"abc", b""], None)
        transport.close()


@pytest.mark.parametrize("coding", [coding for coding in PACKED if coding != "identity"])
@pytest.mark.parametrize("came", [slice(-1), slice(-20), slice(1), slice(0)], ids=["most", "much", "a byte", "nothing"])
async def test_a_packed_body_that_ends_too_early_is_truncated(coding: str, came: slice) -> None:
    async with serve(packed(coding, PACKED[coding][came])) as server:
        transport = NativeTransport()
        pieces, error = await ending(await transport.send(get(server.url), PLAIN))
        assert TEXT.startswith(b"".join(pieces))
        assert isinstance(error, TruncatedStreamError)
        transport.close()


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip", "br, gzip", "x"])
async def test_an_unknown_coding_is_refused(coding: str) -> None:
    async with serve(packed(coding, b"body")) as server:
        transport = NativeTransport()
        with pytest.raises(BadEventError, match="content-encoding"):
            await transport.send(get(server.url), PLAIN)
        assert transport.stats().active == 0
        transport.close()


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"abc") + b"behind it", gzip.compress(b"abc")[:-8] + b"wrong sum"],
    # gzip writes the time into its head: every process that collects the tests would name them differently.
    ids=["not gzip", "bytes behind it", "wrong sum"],
)
async def test_what_is_not_packed_as_it_says_is_refused(body: bytes) -> None:
    async with serve(packed("gzip", body)) as server:
        transport = NativeTransport()
        _, error = await ending(await transport.send(get(server.url), PLAIN))
        assert isinstance(error, BadEventError)
        assert transport.stats().active == 0
        transport.close()


@pytest.mark.parametrize("shift", [20, 27])
async def test_a_bomb_goes_off_in_the_open(shift: int) -> None:
    """Zeros pack 1028:1; a body of one MiB may, a longer one may not."""
    body = gzip.compress(bytes(1 << shift))
    async with serve(packed("gzip", body, 1000)) as server:
        transport = NativeTransport()
        pieces, error = await ending(await transport.send(get(server.url), PLAIN))
        size = sum(map(len, pieces))
        if shift == 20:
            assert (size, error) == (1 << 20, None)
        else:
            assert isinstance(error, BadEventError)
            assert error.code == "upstream_too_large"
            assert size < 3 << 20
            await server.peer_closed()
        transport.close()


async def test_a_body_above_the_largest_is_refused() -> None:
    """It packs 100:1, which alone would be allowed."""
    block = bytes(99_000) + b"".join(b"%05d" % number for number in range(300))
    body = gzip.compress(block * 700, 1)
    async with serve(packed("gzip", body)) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        size = 0
        with pytest.raises(BadEventError) as caught:
            while batch := await reply.read():
                size += sum(map(len, batch))
        assert caught.value.code == "upstream_too_large"
        assert size <= 64 << 20
        transport.close()


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("POST", 204), ("HEAD", 200)])
async def test_a_body_said_to_be_empty_is_whole_whatever_its_coding(method: str, status: int) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(status, {"content-encoding": "gzip"})

    async with serve(handler) as server:
        transport = NativeTransport()
        assert await whole(await transport.send(get(server.url, method=method), PLAIN)) == b""
        transport.close()


async def test_the_caller_may_ask_for_a_coding() -> None:
    async with serve(packed("gzip", PACKED["gzip"])) as server:
        transport = NativeTransport()
        request = HttpRequest(url=server.url, headers=(("Accept-Encoding", "gzip"),))
        assert await whole(await transport.send(request, PLAIN)) == TEXT
        assert server.requests[0].headers["accept-encoding"] == "gzip"
        transport.close()
