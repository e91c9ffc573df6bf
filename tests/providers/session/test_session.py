"""Requests by hand: over our own transport and as a browser, their replies, and what refusals mean."""

import asyncio

import aiohttp
import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TimeoutError,
    UpstreamError,
)
from dragoman.protocols.errors.status import STATUS
from dragoman.providers.session.session import StreamSession, raise_for_status
from tests.support.server import Exchange, serve
from tests.transport.foreign import SOON

both = pytest.mark.parametrize("impersonate", [None, "chrome107"])


@both
async def test_posts_json_and_reads_the_pieces_as_they_come(impersonate: str | None) -> None:
    seen = asyncio.Queue[bytes]()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for piece in (b"one", b"two"):
            await exchange.chunk(piece)
            assert await seen.get() == piece
        await exchange.end()

    async with (
        serve(handler) as server,
        StreamSession(impersonate=impersonate) as session,
        session.post(f"{server.url}/chat", json={"a": "é"}, headers={"X-Own": "1"}) as response,
    ):
        assert (response.status, response.ok) == (200, True)
        async for piece in response.iter_content():
            seen.put_nowait(piece)
    request = server.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/chat", '{"a":"é"}'.encode())
    assert (request.headers["content-type"], request.headers["x-own"]) == ("application/json", "1")
    assert ("Chrome/107" in request.headers.get("user-agent", "")) == (impersonate is not None)


async def test_json_that_holds_half_a_character_goes_out_as_a_browser_would_send_it() -> None:
    async with (
        serve(echo) as server,
        StreamSession() as session,
        session.post(server.url, json={"a": "half \ud800"}) as response,
    ):
        assert await response.read() == '{"a":"half \ufffd"}'.encode()


async def test_what_json_cannot_say_is_refused() -> None:
    async with StreamSession() as session:
        with pytest.raises(InvalidRequestError, match="JSON"):
            session.post("http://127.0.0.1:1", json={"a": object()})


@pytest.mark.parametrize(
    ("data", "body", "media_type"),
    [
        (b"\xff", b"\xff", None),
        ("é", "é".encode(), None),
        ("half \ud800", "half \ufffd".encode(), None),
        ({"a": "1 2", "b": "&"}, b"a=1+2&b=%26", "application/x-www-form-urlencoded"),
        (None, b"", None),
    ],
)
async def test_posts_data(data: bytes | str | dict[str, str] | None, body: bytes, media_type: str | None) -> None:
    async with serve(echo) as server, StreamSession() as session, session.post(server.url, data=data) as response:
        assert await response.read() == body
    assert server.requests[0].headers.get("content-type") == media_type


async def echo(exchange: Exchange) -> None:
    await exchange.reply(headers={"X-Twice": "1", "x-twice": "2", "Content-Type": "text/x"}, body=exchange.request.body)


async def test_gets_with_the_sessions_headers_and_the_requests_own_before_them() -> None:
    async with serve(echo) as server, StreamSession(headers={"X-A": "session", "X-B": "session"}) as session:
        async with session.get(f"{server.url}/x", headers={"x-a": "own"}) as response:
            assert await response.text() == ""
        async with session.request("put", server.url) as response:
            await response.read()
    assert [request.method for request in server.requests] == ["GET", "PUT"]
    assert (server.requests[0].headers["x-a"], server.requests[0].headers["x-b"]) == ("own", "session")


async def test_headers_are_found_in_any_case() -> None:
    async with serve(echo) as server, StreamSession() as session, session.get(server.url) as response:
        assert response.headers["content-type"] == response.headers["Content-Type"] == "text/x"
        assert {"x-twice", "content-type"} <= set(response.headers)
        assert len(response.headers) == len(list(response.headers))
        assert "x-none" not in response.headers


@pytest.mark.parametrize("step", [1, 2, 3, 100])
async def test_lines_end_with_lf_or_crlf_only(step: int) -> None:
    text = "one\r\ntwo\u2028\x0b\u0085still two\n\nfour\rstill four\nlast".encode()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for start in range(0, len(text), step):
            await exchange.chunk(text[start : start + step])
        await exchange.end()

    async with serve(handler) as server, StreamSession() as session, session.get(server.url) as response:
        lines = [line async for line in response.iter_lines()]
    assert lines == [b"one", "two\u2028\x0b\u0085still two".encode(), b"", b"four\rstill four", b"last"]


async def test_reads_text_and_json() -> None:
    async with serve(echo) as server, StreamSession() as session:
        async with session.post(server.url, data=b'{"a": [1]}') as response:
            assert await response.json() == {"a": [1]}
        async with session.post(server.url, data=b"\xffx") as response:
            assert await response.text() == "\ufffdx"
        for junk in (b"<html>", b"\xff", b"[" * 100_000):
            async with session.post(server.url, data=junk) as response:
                with pytest.raises(BadEventError, match="got text/x"):
                    await response.json()


@both
async def test_leaving_early_closes_the_upstream(impersonate: str | None) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"hello")
        await exchange.closed()

    async with serve(handler) as server, StreamSession(impersonate=impersonate) as session:
        async with session.get(server.url) as response:
            pieces = response.iter_content()
            assert await anext(pieces) == b"hello"
        await asyncio.wait_for(server.peer_closed(), 5)


@both
@pytest.mark.parametrize("phase", ["first_byte", "idle"])
async def test_timeout_is_the_longest_silence(impersonate: str | None, phase: str) -> None:
    async def handler(exchange: Exchange) -> None:
        if phase == "idle":
            await exchange.head()
            await exchange.chunk(b"hello")
        await exchange.closed()

    async with serve(handler) as server, StreamSession(impersonate=impersonate, timeout=SOON) as session:
        with pytest.raises(TimeoutError) as caught:
            async with session.get(server.url) as response:
                await response.read()
    assert caught.value.phase == phase


@both
@pytest.mark.parametrize("key", ["all", "http"])
async def test_goes_through_the_proxy_of_the_urls_scheme(impersonate: str | None, key: str) -> None:
    async with serve(echo) as proxy:
        proxies = {"https": "http://127.0.0.1:1", key: f"http://127.0.0.1:{proxy.port}"}
        async with StreamSession(impersonate=impersonate, proxies=proxies) as session:
            async with session.get("http://service.example/x") as response:
                await response.read()
            with pytest.raises(ConnectError):
                async with session.get("https://service.example/x"):
                    pass
    assert [request.path for request in proxy.requests] == ["http://service.example/x"]


@both
@pytest.mark.parametrize("proxies", [None, {"http": "http://127.0.0.1:1"}])
async def test_a_url_that_cannot_be_parsed_is_an_error_of_ours(
    impersonate: str | None, proxies: dict[str, str] | None
) -> None:
    async with StreamSession(impersonate=impersonate, proxies=proxies) as session:
        with pytest.raises(InvalidRequestError, match="cannot be parsed"):
            async with session.get("http://[::1/x"):
                pass


REFUSALS: list[tuple[int, str, str, type[DragomanError], str]] = [
    (400, "application/json", '{"error":{"message":"no model"}}', InvalidRequestError, "HTTP 400: no model"),
    (
        401,
        "text/plain",
        '{"error":{"code":null,"message":"Invalid signature."}}',
        AuthenticationError,
        "HTTP 401: Invalid signature.",
    ),
    (402, "application/json", "{}", QuotaExhaustedError, "HTTP 402"),
    (403, "application/json", '{"detail":"not you"}', PermissionDeniedError, "HTTP 403: not you"),
    (404, "application/json", '{"error":"model not found"}', ModelNotFoundError, "HTTP 404: model not found"),
    (429, "application/json", '{"message":"slow\\ndown"}', RateLimitError, "HTTP 429: slow down"),
    (
        429,
        "application/json",
        '{"error":{"message":"broke","code":"insufficient_quota"}}',
        QuotaExhaustedError,
        "HTTP 429: broke",
    ),
    (
        429,
        "application/json",
        '{"error":{"message":"broke","type":"insufficient_quota"}}',
        QuotaExhaustedError,
        "HTTP 429: broke",
    ),
    (503, "text/plain", "busy", OverloadedError, "HTTP 503: busy"),
    (500, "text/plain", "", UpstreamError, "HTTP 500"),
    (500, "text/plain", "x" * 300, UpstreamError, "HTTP 500: " + "x" * 199 + "…"),
    (500, "application/json", "[1]", UpstreamError, "HTTP 500"),
    (500, "application/json", '{"error":[1]}', UpstreamError, "HTTP 500"),
    (403, "text/html", "<!doctype html><title>Just a moment</title>", PermissionDeniedError, "HTTP 403"),
    (520, "text/plain", "  <html>Cloudflare", UpstreamError, "HTTP 520"),
    (
        401,
        "text/plain",
        "Incorrect API key provided: sk-abcdefgh12345678",
        AuthenticationError,
        "HTTP 401: Incorrect API key provided: …",
    ),
    (302, "text/plain", "", UpstreamError, "HTTP 302"),
]


@pytest.mark.parametrize(("status", "media_type", "body", "kind", "message"), REFUSALS)
async def test_a_refusal_is_the_trees_exact_class_in_the_services_own_words(
    status: int, media_type: str, body: str, kind: type[DragomanError], message: str
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(status, {"content-type": media_type, "retry-after": "7"}, body.encode())

    async with serve(handler) as server, StreamSession() as session, session.get(server.url) as response:
        assert not response.ok
        with pytest.raises(STATUS.get(status, UpstreamError)) as bare:
            response.raise_for_status()
        assert bare.value.message == f"HTTP {status}"
        with pytest.raises(kind) as caught:
            await raise_for_status(response)
    assert type(caught.value) is kind
    assert caught.value.message == message
    if isinstance(caught.value, RateLimitError):
        assert caught.value.retry_after == 7


@both
async def test_a_longer_body_than_may_be_read_is_not_cut_in_silence(impersonate: str | None) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head(int(exchange.request.path[1:]), length=(64 << 20) + 1)
        for _ in range(64):
            await exchange.chunk(bytes(1 << 20))
        await exchange.chunk(b"x")
        await exchange.end()

    async with serve(handler) as server, StreamSession(impersonate=impersonate) as session:
        async with session.get(f"{server.url}/200") as response:
            with pytest.raises(BadEventError) as caught:
                await response.read()
        async with session.get(f"{server.url}/503") as response:
            with pytest.raises(OverloadedError):
                await raise_for_status(response)
    assert caught.value.code == "upstream_too_large"


async def test_raises_for_aiohttps_own_replies_too() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/good":
            await exchange.reply(body=b"fine")
        else:
            await exchange.reply(429, {"retry-after": "3"}, b'{"error":{"message":"slow down"}}')

    async with serve(handler) as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/good") as response:
            await raise_for_status(response)
            assert await response.text() == "fine"
        async with session.get(f"{server.url}/bad") as response:
            with pytest.raises(RateLimitError, match="slow down") as caught:
                await raise_for_status(response)
    assert caught.value.retry_after == 3


async def test_raises_nothing_where_all_is_well() -> None:
    async with serve(echo) as server, StreamSession() as session, session.get(server.url) as response:
        response.raise_for_status()
        await raise_for_status(response)
