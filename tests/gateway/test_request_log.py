"""The request log: what a line says, and that nothing else gets into it."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.config import Config, FrontConfig, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiGateway
from dragoman.gateway.request_log import MAX_TEXT, SIZE, RequestLog
from dragoman.types import Outcome
from dragoman.wire import json
from tests.support.gateway import ask, chat, chat_body, connect, running
from tests.support.raw import talk
from tests.support.relaying import DONE, EVENTS, JSON, PATH, Translating, configured, question
from tests.support.server import Exchange, serve

WHOLE = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"answer-canary"},"finish_reason":"length"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}'
)
KEY_CANARY = sha256(b"key-canary").hexdigest()[:8]
WRONG_CANARY = sha256(b"wrong-canary").hexdigest()[:8]
TIMES = ("time", "ms", "first_ms", "ours_ms", "bytes")


def logging_to(path: Path, config: Config | None = None) -> Config:
    """`config` with a log."""
    config = config or Config(gateway=GatewayConfig(port=0, api_keys=("key-canary",)))
    return replace(config, gateway=replace(config.gateway, request_log=str(path)))


def lines(path: Path) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.decode_event(line) for line in path.read_bytes().splitlines()]


def without_times(line: dict[str, Any]) -> dict[str, Any]:
    """What is the same in every run."""
    return {name: value for name, value in line.items() if name not in TIMES}


async def test_each_request_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    key = {"Authorization": "Bearer key-canary"}
    before = datetime.now(UTC)
    async with running(logging_to(path)) as up:
        named = key | {"X-Request-Id": "mine"}
        await ask(up.url, "POST", PATH, named, chat_body("text: prompt-canary"))
        await ask(up.url, "POST", PATH, named, chat_body("text: prompt-canary", stream=True))
        await ask(up.url, "POST", PATH, named, chat_body("error: 429", stream=True))
        await ask(up.url, "POST", PATH, named, chat_body("text: a\ncut", stream=True))
        await ask(up.url, "POST", PATH, named, chat_body("hi", "offline/nobody"))
        await ask(up.url, "POST", PATH, named, b"{")
        await ask(up.url, "GET", "/nothing?secret=query-canary", named)
        await ask(up.url, "GET", "/v1/models", {"Authorization": "Bearer wrong-canary", "X-Request-Id": "mine"})
        await ask(up.url, "GET", "/health/live", {"X-Request-Id": "mine"})
    text = path.read_text()
    assert "canary" not in text
    ours = {"id": "mine", "method": "POST", "path": PATH, "end": "whole", "remote": "127.0.0.1", "key": KEY_CANARY}
    script = {"model": "offline/script", "target": "offline/script"}
    said = [{"key": None} | without_times(line) for line in lines(path)]
    usage = {name: said[0].pop(name) for name in ("input_tokens", "output_tokens")}
    assert usage == {name: said[1].pop(name) for name in usage}
    assert all(isinstance(count, int) and count > 0 for count in usage.values())
    assert said == [
        ours | {"status": 200, "finish_reason": "stop"} | script,
        ours | {"status": 200, "finish_reason": "stop", "stream": True} | script,
        ours | {"status": 429, "error": "rate_limit_exceeded", "stream": True} | script,
        ours
        | {"status": 200, "end": "broken", "error": "truncated", "stream": True}
        | {"output_tokens": 1, "tokens_estimated": True}
        | script,
        ours | {"status": 404, "model": "offline/nobody", "error": "model_not_found"},
        ours | {"status": 400, "error": "invalid_json"},
        ours | {"status": 404, "method": "GET", "path": "/nothing", "error": "unknown_path"},
        ours | {"status": 401, "method": "GET", "path": "/v1/models", "key": WRONG_CANARY, "error": "invalid_api_key"},
        ours | {"status": 200, "method": "GET", "path": "/health/live", "key": None},
    ]
    for line in lines(path):
        assert before <= datetime.fromisoformat(line["time"]) <= before + timedelta(minutes=5)
        assert 0 <= line["first_ms"] <= line["ms"] < 300_000


@pytest.mark.parametrize("stream", [True, False])
async def test_a_relayed_answer_is_a_line_too(tmp_path: Path, stream: bool) -> None:
    usage = (
        b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}'
    )

    async def upstream(exchange: Exchange) -> None:
        if not stream:
            await exchange.reply(headers=JSON, body=WHOLE)
            return
        await exchange.head(headers=EVENTS)
        for data in (
            b'{"choices":[{"index":0,"delta":{"content":"answer-canary"}}]}',
            b'{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}',
            usage,
            DONE,
        ):
            await exchange.chunk(b"data: " + data + b"\n\n")
        await exchange.end()

    path = tmp_path / "requests.jsonl"
    async with serve(upstream) as service, running(logging_to(path, configured(service.url))) as up:
        body = question(stream=stream)
        async with connect(up.url) as wire:
            for _ in range(2):
                wire.send("POST", PATH, {}, body)
                await wire.answer()
    first, second = lines(path)
    assert first["id"] != second["id"]
    for line in (first, second):
        assert {name: value for name, value in without_times(line).items() if name != "id"} == {
            "method": "POST",
            "path": PATH,
            "status": 200,
            "end": "whole",
            "remote": "127.0.0.1",
            "model": "up/m",
            "target": "up/m",
            "upstream_status": 200,
            "finish_reason": "length",
            "input_tokens": 3,
            "output_tokens": 4,
            "cache_read_tokens": 2,
        } | ({"stream": True} if stream else {})
        assert 0 < line["ours_ms"] <= line["first_ms"] <= line["ms"]


async def test_a_relay_that_fails_says_why(tmp_path: Path) -> None:
    async def upstream(exchange: Exchange) -> None:
        if b'"stream":true' in exchange.request.body:
            await exchange.head(headers=EVENTS)
            await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"answer-canary"}}]}\n\n')
        exchange.reset()

    path = tmp_path / "requests.jsonl"
    async with serve(upstream) as service, running(logging_to(path, configured(service.url))) as up:
        for stream in (True, False):
            await ask(up.url, "POST", PATH, {}, question(stream=stream))
    assert [(line["status"], line["end"], line["error"]) for line in lines(path)] == [
        (200, "broken", "truncated"),
        (502, "whole", "truncated"),
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_is_gone(tmp_path: Path, stream: bool) -> None:
    path = tmp_path / "requests.jsonl"
    async with running(logging_to(path, Config(gateway=GatewayConfig(port=0)))) as up, connect(up.url) as wire:
        wire.send("POST", PATH, {}, chat_body("text: a\nhang" if stream else "hang", stream=stream))
        if stream:
            await wire.head()
    line = lines(path)[0]
    assert (line["end"], line["status"]) == ("gone", 200 if stream else None)
    assert ("first_ms" in line) is stream


async def test_another_server_logs_the_same(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    config = logging_to(path, Config(gateway=GatewayConfig(port=0), fronts={"aibn": FrontConfig(model="offline/echo")}))
    app = AsgiGateway(Gateway(config))
    leave = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message.get("more_body"):
            leave.set()

    async def request(path: str, body: bytes, *, leaves: bool = False, more: bool = False) -> None:
        bodies = [{"type": "http.request", "body": body, "more_body": more}]

        async def receive() -> dict[str, Any]:
            if bodies:
                return bodies.pop()
            await (leave.wait() if leaves else asyncio.Event().wait())
            return {"type": "http.disconnect"}

        headers = [(b"host", b"localhost"), (b"x-request-id", b"mine"), (b"x-api-key", b"shown")]
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": headers,
        }
        scope["client"] = ("192.0.2.7", 5000)
        await app(scope, receive, send)

    await request(PATH, chat_body("text: a", stream=True))
    leave.clear()
    await request(PATH, chat_body("text: a\nhang", stream=True), leaves=True)
    await request("/nothing", b"")
    leave.set()
    await request(PATH, b"", leaves=True, more=True)
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def next_event() -> dict[str, Any]:
        return next(events)

    await app({"type": "lifespan"}, next_event, send)
    assert [(line["status"], line["end"], line.get("finish_reason")) for line in lines(path)] == [
        (200, "whole", "stop"),
        (200, "gone", None),
        (404, "whole", None),
        (None, "gone", None),
    ]
    shown = sha256(b"shown").hexdigest()[:8]
    assert {(line["remote"], line["key"]) for line in lines(path)} == {("192.0.2.7", shown)}
    assert [line.get("target") for line in lines(path)] == ["offline/script", "offline/script", None, None]
    assert lines(path)[0]["bytes"] > 0


HERE = (b"host", b"localhost")
KEYED = b"Host: localhost\r\nAuthorization: Bearer k\r\n"
REFUSED = {
    "no key": (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", 401, "invalid_api_key"),
    "another host": (b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "unknown_host"),
    "no such path": (b"GET /nothing HTTP/1.1\r\n%b\r\n" % KEYED, 404, "unknown_path"),
    "no such path of a site": (b"GET /aibn/nothing HTTP/1.1\r\n%b\r\n" % KEYED, 404, "unknown_path"),
    "another method": (b"PUT /v1/models HTTP/1.1\r\n%b\r\n" % KEYED, 405, "wrong_method"),
    "another method of a site": (b"GET /aibn/api/generate HTTP/1.1\r\n%b\r\n" % KEYED, 404, "wrong_method"),
    "too long": (
        b"POST %b HTTP/1.1\r\n%bContent-Length: 99999999999\r\n\r\n" % (PATH.encode(), KEYED),
        413,
        "request_too_large",
    ),
    "packed twice": (
        b"POST %b HTTP/1.1\r\n%bContent-Encoding: x-unknown\r\nContent-Length: 2\r\n\r\n{}" % (PATH.encode(), KEYED),
        415,
        "unsupported_content_encoding",
    ),
    "too long a head": (b"GET /v1/models HTTP/1.1\r\n%bX: %b\r\n\r\n" % (KEYED, b"a" * 70_000), 431, "head_too_large"),
    "too slow a head": (b"GET / HTTP/1.1\r\nHost:", 408, "request_timeout"),
    "too slow a body": (
        b"POST %b HTTP/1.1\r\n%bContent-Length: 9\r\n\r\n{" % (PATH.encode(), KEYED),
        408,
        "request_timeout",
    ),
    "no HTTP": (b"GARBAGE\r\n\r\n", 400, "bad_http"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_http"),
}
"""What is refused before anything is asked of a model: the request, its status, its code."""


@pytest.mark.parametrize("name", REFUSED)
async def test_each_refusal_is_a_line_with_its_code(tmp_path: Path, name: str) -> None:
    sent, status, code = REFUSED[name]
    path = tmp_path / "requests.jsonl"
    config = logging_to(path, Config(gateway=GatewayConfig(port=0, api_keys=("k",))))
    patience = 0.1 if "slow" in name else 60
    async with running(config, timeouts=ServerTimeouts(head=patience, body=patience, idle=0.1, grace=0)) as up:
        got = await talk(up.url, sent)
    assert [each.status for each in got] == [status]
    (line,) = lines(path)
    assert (line["status"], line["end"], line["error"]) == (status, "whole", code)
    assert line["id"] == got[0].headers["x-request-id"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (("GET", "/v1/models", [HERE]), 401, "invalid_api_key"),
        (("GET", "/v1/models", [(b"host", b"evil.example")]), 421, "unknown_host"),
        (("GET", "/nothing", [HERE, (b"x-api-key", b"k")]), 404, "unknown_path"),
        (("PUT", "/v1/models", [HERE, (b"x-api-key", b"k")]), 405, "wrong_method"),
        (("POST", PATH, [HERE, (b"x-api-key", b"k"), (b"content-length", b"9" * 12)]), 413, "request_too_large"),
    ],
)
async def test_behind_another_server_refusals_have_their_codes_too(
    tmp_path: Path, asked: tuple[str, str, list[tuple[bytes, bytes]]], status: int, code: str
) -> None:
    method, path, headers = asked
    log = tmp_path / "requests.jsonl"
    gateway = Gateway(logging_to(log, Config(gateway=GatewayConfig(port=0, api_keys=("k",)))))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        """Not looked at."""

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await AsgiGateway(gateway)(scope, receive, send)
    await gateway.aclose()
    (line,) = lines(log)
    assert (line["status"], line["end"], line["error"]) == (status, "whole", code)


async def test_a_body_that_is_no_http_is_told_too(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with running(logging_to(path, Config(gateway=GatewayConfig(port=0)))) as up, connect(up.url) as wire:
        wire.send("POST", PATH, {"Transfer-Encoding": "chunked"}, b"ZZ\r\n", length=False)
        assert (await wire.answer()).status == 400
    assert [(line["status"], line["end"], line["error"]) for line in lines(path)] == [(400, "whole", "bad_http")]


async def test_lines_are_appended_and_come_in_time(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"id":"older"}\n')
    config = logging_to(path, Config(gateway=GatewayConfig(port=0)))
    async with running(config) as up:
        await chat(up.url, "text: a")
        async with asyncio.timeout(20):
            while len(lines(path)) < 2:  # noqa: ASYNC110  # nothing tells of a file but that it grows
                await asyncio.sleep(0.01)
    assert lines(path)[0] == {"id": "older"}


async def test_what_a_caller_chooses_cannot_break_or_swell_a_line(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    request_log = RequestLog(str(path))
    request_log.note(Outcome("id", "POST", '/"\n\\' + "p" * 9999, 0.0, model="\x00é\u2028" + "m" * 9999))
    request_log.close()
    (line,) = lines(path)
    assert (len(line["path"]), len(line["model"])) == (MAX_TEXT, MAX_TEXT)
    assert line["path"].startswith('/"\n\\p')
    assert path.read_bytes().count(b"\n") == 1


async def test_of_an_entry_that_cannot_be_written_nothing_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    request_log = RequestLog(str(path))
    request_log.note(Outcome("first", "POST", "/", 0.0))
    with pytest.raises(UnicodeEncodeError):
        request_log.note(Outcome("no text", "POST", "/" + "p" * 100, 0.0, model="\ud800"))
    request_log.note(Outcome("last", "POST", "/", 0.0))
    request_log.close()
    assert [line["id"] for line in lines(path)] == ["first", "last"]


async def test_the_loop_goes_on_while_the_last_lines_are_written(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    request_log = RequestLog(str(path))
    request_log.note(Outcome("id", "POST", "/", 0.0))
    closing = asyncio.ensure_future(request_log.aclose())
    await asyncio.sleep(0)
    assert not closing.done()  # nobody reads yet, and here is the first who does
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        await closing
        assert b'"id":"id"' in os.read(reader, 10_000)
    finally:
        os.close(reader)


async def test_many_lines_do_not_wait(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    request_log = RequestLog(str(path))
    for _ in range(SIZE // 50):
        request_log.note(Outcome("id", "POST", "/", 0.0))
    while not path.stat().st_size:  # nothing tells of a file but that it grows
        time.sleep(0.001)  # noqa: ASYNC251  # the loop, whose timer would write them too, is not to turn
    request_log.close()
    assert len(lines(path)) == SIZE // 50


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gateway\.request_log: cannot write"):
        Gateway(logging_to(tmp_path / "no" / "such" / "folder"))


async def test_standard_output_will_do(capfd: pytest.CaptureFixture[str]) -> None:
    async with running(logging_to(Path("-"), Config(gateway=GatewayConfig(port=0)))) as up:
        await chat(up.url, "text: a")
    assert json.decode_event(capfd.readouterr().out.encode())["status"] == 200


async def test_what_is_lost_of_question_and_answer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with running(logging_to(path, Config(fronts={"aichatonline": FrontConfig(model="offline/script")}))) as up:
        front, named = "/aichatonline/aichatonline/api/chat/gpt", {"UniqueId": "x"}
        await ask(up.url, "POST", front, named, b'{"prompt":"reasoning: hm\\ntext: a","mood":1}')
        await ask(up.url, "POST", PATH, None, chat_body("text: a", "offline/echo", stop=["b"]))
        await ask(up.url, "POST", PATH, None, chat_body("text: a", stream=True))
    assert [line.get("losses") for line in lines(path)] == ["answer.reasoning, answer.usage", "stop", None]


async def test_a_route_tells_who_answered_and_who_failed_before(tmp_path: Path) -> None:
    async def upstream(exchange: Exchange) -> None:
        if b'"stream":true' not in exchange.request.body:
            await exchange.reply(headers=JSON, body=WHOLE)
            return
        await exchange.head(headers=EVENTS)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
        await exchange.chunk(b"data: " + DONE + b"\n\n")
        await exchange.end()

    path = tmp_path / "requests.jsonl"
    async with serve(upstream) as service:
        config = logging_to(path, configured(service.url, "down/m", "up/m"))
        for client in (None, Translating(config)):
            async with running(config, client=client) as up:
                for stream in (True, False):
                    await ask(up.url, "POST", PATH, {}, question("route", stream=stream))
    logged = lines(path)
    assert len(logged) == 4
    for line in logged:
        assert (line["model"], line["target"], line["upstream_status"]) == ("route", "up/m", 200)
        assert line["route"] == "route"
        assert line["ours_ms"] > 0
        failed, answered = line["attempts"]
        assert 0 <= failed.pop("ms") <= line["ms"]
        assert 0 < answered.pop("ms") <= line["ms"]
        assert failed == {"target": "down/m", "error": "connect_error"}
        assert answered == {"target": "up/m", "upstream_status": 200}
        assert "error" not in line


@pytest.mark.parametrize(("status", "billed"), [(500, 1), (502, 1), (503, None), (429, None), (None, 1)], ids=str)
async def test_attempts_that_may_be_billed_are_counted(tmp_path: Path, status: int | None, billed: int | None) -> None:
    async def first(exchange: Exchange) -> None:
        if status is None:
            exchange.reset()
        else:
            await exchange.reply(status, headers=JSON, body=b"{}")

    async def second(exchange: Exchange) -> None:
        await exchange.reply(headers=JSON, body=WHOLE)

    path = tmp_path / "requests.jsonl"
    async with serve(first) as failing, serve(second) as answering:
        providers = {
            "one": ProviderConfig(protocol="openai-chat", url=failing.url, api_key="k"),
            "two": ProviderConfig(protocol="openai-chat", url=answering.url, api_key="k"),
        }
        models = {"route": ModelConfig(targets=("one/m", "two/m")), "lone": ModelConfig(targets=("one/m",))}
        config = logging_to(path, Config(gateway=GatewayConfig(port=0), providers=providers, models=models))
        for client in (None, Translating(config)):
            async with running(config, client=client) as up:
                await ask(up.url, "POST", PATH, {}, question("route", stream=False))
                await ask(up.url, "POST", PATH, {}, question("lone", stream=False))
    assert [line["status"] == 200 for line in lines(path)] == [True, False] * 2
    assert [line.get("maybe_billed") for line in lines(path)] == [billed] * 4


async def test_a_service_that_refuses_is_told_with_its_own_status(tmp_path: Path) -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(418, headers=JSON, body=b'{"error":{"message":"no"}}')

    path = tmp_path / "requests.jsonl"
    async with serve(upstream) as service:
        config = logging_to(path, configured(service.url, "up/m", "down/m"))
        for client in (None, Translating(config)):
            async with running(config, client=client) as up:
                await ask(up.url, "POST", PATH, {}, question("up/m", stream=True))
                await ask(up.url, "POST", PATH, {}, question("down/m", stream=True))
    for refused, unreached in (lines(path)[:2], lines(path)[2:]):
        assert (refused["target"], refused["upstream_status"]) == ("up/m", 418)
        assert (unreached["target"], unreached["error"]) == ("down/m", "connect_error")
        assert "upstream_status" not in unreached
        assert "attempts" not in refused


async def test_the_bytes_of_an_answer_are_those_of_its_body(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with running(logging_to(path, Config(gateway=GatewayConfig(port=0)))) as up:
        sizes = [len((await chat(up.url, "text: a", stream=stream)).body) for stream in (True, False)]
        sizes.append(len((await ask(up.url, "GET", "/nothing")).body))
    assert [line["bytes"] for line in lines(path)] == sizes
