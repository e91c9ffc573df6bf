"""Requests one after another on a connection, in whatever pieces they come."""

import asyncio
import socket

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.app import Admitted
from dragoman.gateway.http.application import ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.identity import Keys
from dragoman.gateway.serving.server import Server
from dragoman.protocols.webchat.cromicle import digest
from dragoman.types import Outcome, ServerRequest, ServerResponse
from dragoman.wire import json
from tests.support.gateway import LOCAL, CallerConnection, Got, ask, chat_body, connect, running, running_gateway
from tests.support.raw import LAST, LIVE, answers, chunked, closing, post, talk, turns

CHAT = "/v1/chat/completions"
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("s3cret",)))
SCRIPTED = Config(gateway=GatewayConfig(port=0, default_model="offline/script"))


def content(got: Got) -> str:
    """The text of an answer, streamed or whole."""
    events = [line[6:] for line in got.body.split(b"\n") if line.startswith(b"data: {")] or [got.body]
    said = [choice for event in events for choice in json.decode_event(event).get("choices", [])]
    return "".join(choice.get("delta", choice.get("message", {})).get("content") or "" for choice in said)


async def test_a_connection_serves_until_it_is_asked_to_close() -> None:
    async with running_gateway() as url, connect(url) as wire:
        for _ in range(5):
            wire.send("GET", "/health/live")
            got = await wire.answer()
            assert (got.status, "connection" in got.headers) == (200, False)
        wire.send("GET", "/health/live", {"Connection": "close"})
        got = await wire.answer()
        assert got.headers["connection"] == "close"
        assert await closing(wire) == b""


async def test_every_answer_says_when_and_which() -> None:
    async with running_gateway() as url:
        got = await ask(url, "GET", "/nothing", {"X-Request-Id": "mine"})
    assert got.headers["x-request-id"] == "mine"
    assert got.headers["date"].endswith(" GMT")
    assert "server" not in got.headers


@pytest.mark.parametrize("number", [2, 3, 15, 16])
async def test_requests_in_one_write_are_answered_in_their_order(number: int) -> None:
    asked = [
        post(chat_body(f"text: {each}", stream=each % 2 == 0), CHAT, b"X-Request-Id: %d" % each)
        for each in range(number)
    ]
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(b"".join(asked))
        got = [await wire.answer() for _ in asked]
        wire.send("GET", "/health/live")
        assert (await wire.answer()).status == 200
    assert [content(each) for each in got] == [str(each) for each in range(number)]
    assert [each.headers["x-request-id"] for each in got] == [str(each) for each in range(number)]
    assert all(each.clean for each in got)


async def test_refusals_among_others_keep_their_places() -> None:
    paths = ["/health/live", "/nothing", "/health/live", "/v1/models", "/nothing", "/nothing", "/health/ready"]
    asked = [
        b"GET %b HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %d\r\n\r\n" % (path.encode(), number)
        for number, path in enumerate(paths)
    ]
    async with running_gateway() as url:
        got = await talk(url, b"".join([*asked, LAST]))
    assert [each.status for each in got] == [200, 404, 200, 200, 404, 404, 200, 200]
    assert [each.headers["x-request-id"] for each in got[:-1]] == [str(number) for number in range(len(paths))]


async def test_requests_that_come_while_one_is_answered_wait_for_it() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(post(chat_body("delay: 0.05\ntext: first", stream=True)))
        await turns()
        second = post(chat_body("text: second"))
        wire.writer.write(second[:-5])
        await turns()
        wire.writer.write(b"")
        assert content(await wire.answer()) == "first"
        wire.writer.write(second[-5:] + LAST)
        got = await answers(wire)
    assert [each.status for each in got] == [200, 200]
    assert content(got[0]) == "second"


async def test_more_than_sixteen_unanswered_requests_end_the_connection() -> None:
    async with running_gateway() as url:
        assert await talk(url, post(chat_body("hang")) + LIVE * 16) == []


async def test_what_follows_the_last_request_is_not_answered() -> None:
    async with running_gateway() as url:
        got = await talk(url, LIVE + LAST + LIVE)
        slow = await talk(url, post(chat_body("delay: 0.01\ntext: hi"), CHAT, b"Connection: close") + LIVE)
    assert [each.headers.get("connection") for each in got] == [None, "close"]
    assert [each.headers.get("connection") for each in slow] == ["close"]


REQUESTS = {
    "sized": post(b'{"model":"offline/echo","messages":[{"role":"user","content":"x"}]}'),
    "chunked": chunked(b'{"model":"offline/echo","messages":[{"role":"user","content":"x"}]}', size=30),
    "upgrading": post(
        b'{"model":"offline/echo","messages":[{"role":"user","content":"x"}]}',
        CHAT,
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAAQAAP__",
    ),
    "upgrading chunked": chunked(
        b'{"model":"offline/echo","messages":[{"role":"user","content":"x"}]}',
        b"Connection: upgrade",
        b"Upgrade: h2c",
        size=40,
    ),
}


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_request_is_the_same_at_every_cut(kind: str) -> None:
    request = REQUESTS[kind]
    async with running_gateway() as url, connect(url) as wire:
        for at in range(len(request)):
            wire.writer.write(request[:at])
            await turns()
            # With the beginning of the next, which must not get lost.
            wire.writer.write(request[at:] + LIVE[:20])
            got = await wire.answer()
            assert (got.status, content(got)) == (200, "x"), at
            wire.writer.write(LIVE[20:])
            assert (await wire.answer()).text == '{"status":"ok"}', at


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_request_is_the_same_byte_by_byte(kind: str) -> None:
    async with running_gateway() as url:
        got = await talk(url, *(bytes([byte]) for byte in REQUESTS[kind] + LAST))
    assert [each.status for each in got] == [200, 200]
    assert content(got[0]) == "x"


async def test_another_protocol_is_not_spoken_and_its_offer_does_no_harm() -> None:
    websocket = (
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    closes = post(b"{}", "/nothing", b"Connection: upgrade, close", b"Upgrade: a")
    async with running_gateway() as url:
        got = await talk(url, websocket * 2 + REQUESTS["upgrading"] * 2 + LAST)
        refused = await talk(url, closes + LIVE)
    assert [each.status for each in got] == [200] * 5
    assert [(each.status, each.headers.get("connection")) for each in refused] == [(404, "close")]


async def test_a_tunnel_is_refused_and_nothing_within_it_is_read() -> None:
    async with running_gateway() as url:
        got = await talk(url, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" + LIVE)
    assert len(got) == 1
    assert got[0].status in {404, 405}
    assert got[0].headers["connection"] == "close"


async def test_http_1_0_closes_unless_it_asks_to_go_on() -> None:
    async with running_gateway() as url:
        once = await talk(url, b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n" + LIVE)
        again = await talk(
            url,
            b"GET /health/live HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"
            b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n",
        )
    assert [(each.status, each.headers.get("connection")) for each in once] == [(200, "close")]
    assert [(each.status, each.headers.get("connection")) for each in again] == [(200, None), (200, "close")]


async def test_a_stream_to_http_1_0_ends_with_its_connection() -> None:
    body = chat_body("text: hi", stream=True)
    request = post(body, CHAT, b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(request)
        assert await wire.head() == 200
        assert wire.headers["connection"] == "close"
        assert "transfer-encoding" not in wire.headers
        assert (await closing(wire)).endswith(b"data: [DONE]\n\n")


def old(words: str) -> bytes:
    """A question over HTTP/1.0 to a front whose answers are nothing but their text."""
    body = json.encode({"message": words, "token": "abc", "hash": digest(words)})
    return post(body, "/cromicle/chat").replace(b"HTTP/1.1", b"HTTP/1.0")


async def test_an_answer_to_http_1_0_that_breaks_off_is_reset() -> None:
    async with running_gateway(SCRIPTED) as url:
        for ending in ("cut", "error: 500 Broken"):
            async with connect(url) as wire:
                wire.writer.write(old(f"text: half\ndelay: 0.01\n{ending}"))
                assert await wire.head() == 200
                with pytest.raises(ConnectionResetError):
                    await wire.reader.read()
        async with connect(url) as wire:
            wire.writer.write(old("text: whole"))
            assert await wire.head() == 200
            assert await wire.reader.read() == b"whole"


async def test_an_answer_to_http_1_0_is_reset_where_its_caller_sends_the_end_or_the_server_stops() -> None:
    async with running(SCRIPTED) as up:
        async with connect(up.url) as wire:
            wire.writer.write(old("text: half\nhang"))
            assert await wire.head() == 200
            assert await wire.reader.readexactly(4) == b"half"
            wire.writer.write_eof()
            with pytest.raises(ConnectionResetError):
                await wire.reader.read()
        async with connect(up.url) as wire:
            wire.writer.write(old("text: half\nhang"))
            assert await wire.head() == 200
            assert await wire.reader.readexactly(4) == b"half"
            up.server.stop()
            with pytest.raises(ConnectionResetError):
                await wire.reader.read()


async def test_a_head_request_to_anything_has_no_body() -> None:
    async with running_gateway() as url, connect(url) as wire:
        for path, status in {"/health/live": 200, "/v1/models": 200, "/nothing": 404, CHAT: 405}.items():
            wire.send("HEAD", path)
            assert await wire.head() == status
            assert int(wire.headers["content-length"]) > 0
        wire.send("GET", "/health/live")
        assert (await wire.answer()).text == '{"status":"ok"}'


async def test_a_caller_who_asks_first_is_told_to_go_on() -> None:
    body = chat_body("text: hi")
    async with running_gateway() as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Expect": "100-Continue", "Content-Length": str(len(body))})
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.writer.write(body)
        assert content(await wire.answer()) == "hi"


async def test_a_caller_who_asks_first_is_refused_at_once() -> None:
    asked = {"Expect": "100-continue", "Content-Length": "1000"}
    async with running_gateway(KEYED) as url, connect(url) as wire:
        wire.send("POST", CHAT, asked)
        assert await wire.head() == 401


async def test_an_old_caller_is_not_told_to_go_on() -> None:
    body = chat_body("text: hi")
    request = post(body, CHAT, b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
    async with running_gateway() as url:
        got = await talk(url, request[: -len(body)], body)
    assert [each.status for each in got] == [200]


async def test_a_queued_request_is_told_to_go_on_in_its_turn() -> None:
    body = chat_body("text: hi")
    asks = post(body, CHAT, b"Expect: 100-continue")[: -len(body)]
    async with running_gateway() as url, connect(url) as wire:
        wire.writer.write(LIVE + asks)
        assert (await wire.answer()).status == 200
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.writer.write(body)
        assert content(await wire.answer()) == "hi"


async def test_a_tunnel_is_refused_in_whatever_pieces_it_is_asked_for() -> None:
    request = b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n\x16\x03\x01 hello"
    async with running_gateway() as url:
        for size in (1, 7, len(request)):
            got = await talk(url, *(request[at : at + size] for at in range(0, len(request), size)))
            assert [(each.status, each.headers["connection"]) for each in got] == [(404, "close")], size


async def test_a_target_may_be_a_url_and_its_host_counts() -> None:
    async with running_gateway() as url:
        for target, host, status in [
            (b"http://localhost/health/live", b"evil.example", 200),
            (b"HTTP://LOCALHOST:80/health/live?x=1", b"localhost", 200),
            (b"http://localhost", b"localhost", 200),
            (b"http://evil.example/v1/models", b"localhost", 421),
            (b"http://me@localhost/v1/models", b"localhost", 421),
            (b"http://localhost/%68ealth/live", b"localhost", 200),
            (b"http://[::1/health/live", b"localhost", 400),
            (b"*", b"localhost", 404),
        ]:
            got = await talk(url, b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host))
            assert [each.status for each in got] == [status], target


async def test_a_path_has_one_spelling_but_for_its_quotes() -> None:
    same = ["/v1/models", "/v1/models?a=b%2Fc", "/%76%31/%6D%6f%64els", "/v1%2Fmodels"]
    other = [
        "//v1/models",
        "/v1//models",
        "/./v1/models",
        "/v1/../v1/models",
        "/v1/%2e%2e/v1/models",
        "/v1/models;x",
        "/v1/models.",
        "/v1/models%00",
        "/v1/models%0d%0a",
        "/V1/models",
        "/v1/models%23",
        "/v1/models%3f",
        "/%ff",
        "/v1/models%",
        "/%zz",
    ]
    async with running_gateway() as url, connect(url) as wire:
        for path, status in [*((path, 200) for path in same), *((path, 404) for path in other)]:
            wire.send("GET", path)
            got = await wire.answer()
            assert got.status == status, path


async def test_no_spelling_of_a_path_goes_round_the_keys() -> None:
    paths = [
        "/v1/models",
        "/%76%31/models",
        "/v1%2Fmodels",
        "//v1/models",
        "/v1/models/",
        "/x/../v1/models",
        "http://localhost/v1/models",
    ]
    beside = [
        "/health/../v1/models",
        "/health/live/../../v1/models",
        "/health%2f..%2fv1/models",
        "/health/live%2f..%2f..%2fv1%2fmodels",
    ]
    async with running_gateway(KEYED) as url, connect(url) as wire:
        for path in paths:
            wire.send("GET", path)
            assert (await wire.answer()).status == 401, path
        for path in beside:
            wire.send("GET", path)
            assert (await wire.answer()).status == 404, path


async def test_trailers_belong_to_no_request() -> None:
    request = (
        chunked(chat_body("text: hi"), b"Trailer: X-Request-Id")[:-2]
        + b"X-Request-Id: stolen\r\nAuthorization: Bearer s3cret\r\n\r\n"
    )
    keyed = request.replace(b"Host: localhost\r\n", b"Host: localhost\r\nAuthorization: Bearer s3cret\r\n")
    async with running_gateway(KEYED) as url:
        got = await talk(url, keyed + b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n" + LAST)
    assert [each.status for each in got] == [200, 401, 200]
    assert "stolen" not in [each.headers["x-request-id"] for each in got]


async def test_empty_lines_before_a_request_are_passed_over() -> None:
    async with running_gateway() as url:
        got = await talk(url, b"\r\n\r\n" + LIVE + b"\r\n" + LAST)
    assert [each.status for each in got] == [200, 200]


async def test_a_caller_that_closes_its_side_has_left() -> None:
    async with running() as up, connect(up.url) as wire:
        wire.writer.write(post(chat_body("hang", stream=True)))
        await turns()
        wire.writer.write_eof()
        assert await closing(wire) == b""


class Faulty(Gateway):
    """A gateway with a bug."""

    def admit(self, call: ServerRequest, outcome: Outcome) -> Admitted | ServerResponse:
        raise KeyError(call.path)


async def test_a_bug_of_ours_ends_the_connection_and_is_told() -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context.get("exception")))
    server = Server(Faulty(LOCAL))
    ours, theirs = socket.socketpair()
    shared: ServerContext[Admitted] = ServerContext(loop, ServerTimeouts(), RequestLimits(1), Keys(()))
    await loop.connect_accepted_socket(lambda: ServerConnection(server.current, shared), theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(LIVE)
    assert await closing(CallerConnection(reader, writer, "")) == b""
    writer.close()
    assert [repr(each) for each in told] == ["KeyError('/health/live')"]
    server.stop()
    await server.run([])


async def test_a_silent_connection_is_closed_without_a_word() -> None:
    async with running_gateway(timeouts=ServerTimeouts(idle=0.01, head=0.01, grace=0)) as url:
        async with connect(url) as wire:
            assert await closing(wire) == b""
        async with connect(url) as wire:
            wire.send("GET", "/health/live")
            await wire.answer()
            assert await closing(wire) == b""


async def test_many_connections_come_and_go() -> None:
    async with running_gateway() as url:
        got = await asyncio.gather(*(talk(url, LIVE + LAST) for _ in range(100)))
    assert {tuple(each.status for each in pair) for pair in got} == {(200, 200)}
