"""Requests as they must not be: too large, packed, malformed, to nowhere."""

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.gateway import ServerTimeouts
from dragoman.protocols.webchat.cromicle import digest
from dragoman.wire import json
from tests.support.gateway import Got, ask, chat, chat_body, connect, running_gateway

SMALL = Config(gateway=GatewayConfig(port=0, max_body=2000))
CHAT = "/v1/chat/completions"
WEB_CHATS = [
    "/aibn/api/generate",
    "/aichatfree/api/generate",
    "/aichatonline/aichatonline/api/chat/gpt",
    "/cromicle/chat",
]


def code_of(got: Got) -> object:
    """The word for a failure, in whatever envelope."""
    return json.decode_event(got.body)["error"].get("code")


def code(got: Got) -> str | None:
    """The word for a failure in OpenAI's envelope, which must be whole."""
    error = json.decode_event(got.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in got.text
    found: str | None = error["code"]
    return found


async def test_a_body_above_the_limit_is_refused_before_it_is_read() -> None:
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Content-Length": "2001"})
        got = await wire.answer()
    assert got.status == 413
    assert code(got) == "request_too_large"


async def test_a_chunked_body_is_refused_once_it_passes_the_limit() -> None:
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Transfer-Encoding": "chunked"})
        for _ in range(3):
            wire.writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        got = await wire.answer()
    assert got.status == 413


async def test_a_body_of_exactly_the_limit_is_read_chunked_or_not() -> None:
    body = chat_body("text: hi")
    body += b" " * (2000 - len(body))
    async with running_gateway(SMALL) as url, connect(url) as wire:
        wire.send("POST", CHAT, body=body)
        assert (await wire.answer()).status == 200
        wire.send("POST", CHAT, {"Transfer-Encoding": "chunked"}, length=False)
        wire.writer.write(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert (await wire.answer()).status == 200


async def test_every_front_refuses_too_large_a_body_in_its_own_shape() -> None:
    async with running_gateway(SMALL) as url:
        for path in WEB_CHATS:
            got = await ask(url, "POST", path, body=b"x" * 2001)
            assert got.status == 413, path
            assert "2000 bytes" in json.decode_event(got.body)["error"]["message"]


async def test_a_body_packed_twice_or_in_an_unknown_way_is_refused() -> None:
    async with running_gateway() as url:
        for encoding, status in {"rot13": 415, "br": 415, "br, gzip": 415, "identity": 200, "": 200}.items():
            got = await chat(url, "text: hi", headers={"Content-Encoding": encoding})
            assert got.status == status, encoding


async def test_a_body_that_pauses_too_long_is_refused() -> None:
    async with running_gateway(timeouts=ServerTimeouts(body=0.01, grace=0)) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Content-Length": "100"}, b"{")
        got = await wire.answer()
    assert got.status == 408
    assert code(got) == "request_timeout"


async def test_what_is_no_request_is_refused_with_the_reason() -> None:
    bodies: dict[bytes, str] = {
        b"": "invalid_json",
        b"{": "invalid_json",
        b"\xff": "invalid_json",
        b"[" * 100_000: "invalid_json",
        b"[]": "invalid_request",
        b"null": "invalid_request",
        b"{}": "invalid_request",
        b'{"model": 1, "messages": []}': "invalid_request",
        b'{"model": "offline/echo", "messages": "hi"}': "invalid_request",
        b'{"model": "offline/echo", "messages": [{"role": "user", "content": 5}]}': "invalid_request",
        b'{"model": "offline/echo", "messages": [{"role": "user", "content": ""}], "stream": "yes"}': "invalid_request",
    }
    async with running_gateway() as url:
        for body, word in bodies.items():
            got = await ask(url, "POST", CHAT, body=body)
            assert (got.status, code(got)) == (400, word), body[:80]
            assert got.headers["content-type"] == "application/json"


DEEP = b"[" * 247 + b"]" * 247
WRONG_EVERYWHERE = {
    "deep": b'{"time": %b, "messages": [{"role": "user", "content": %b, "parts": [{"text": %b}]}]}'
    % (DEEP, DEEP, DEEP),
    "deeper than anything": b'{"message": %b}' % (b"[" * 5000 + b"]" * 5000),
    "a number that is no double": b'{"temperature": 1e400, "messages": [], "prompt": "", "message": ""}',
    "a long number": b'{"time": %b, "messages": [], "prompt": "", "message": ""}' % (b"9" * 5000),
    "equal keys": b'{"prompt": "a", "message": "a", "messages": [], "prompt": "b", "message": "b", "messages": []}',
}


@pytest.mark.parametrize("path", WEB_CHATS)
@pytest.mark.parametrize("name", WRONG_EVERYWHERE)
async def test_json_that_readers_disagree_on_is_refused_by_every_front(
    name: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway() as url:
        got = await ask(url, "POST", path, {"UniqueId": "u"}, WRONG_EVERYWHERE[name])
    assert got.status == 400
    assert "not valid JSON" in json.decode_event(got.body)["error"]["message"]
    assert not caplog.text


async def test_a_million_values_are_refused_by_every_front() -> None:
    body = b'{"messages": [%b1]}' % (b"[]," * 1_000_000)
    async with running_gateway() as url:
        for path in (CHAT, *WEB_CHATS):
            got = await ask(url, "POST", path, {"UniqueId": "u"}, body)
            assert (got.status, "100000 values" in got.text) == (413, True), path


async def test_too_many_messages_are_refused() -> None:
    body = chat_body("hi", "offline/echo", messages=[{"role": "user", "content": ""}] * 10_001)
    async with running_gateway() as url:
        got = await ask(url, "POST", CHAT, body=body)
    assert (got.status, "messages: expected at most 10000" in got.text) == (400, True)


async def test_a_field_that_steers_a_gateway_is_refused_by_web_chats_too() -> None:
    body = json.encode({"message": "hi", "token": "abc", "hash": digest("hi"), "proxy": "http://evil.example"})
    async with running_gateway() as url:
        got = await ask(url, "POST", "/cromicle/chat", body=body)
    assert (got.status, code_of(got)) == (400, "field_not_allowed")


async def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    async with running_gateway() as url:
        for stream in (True, False):
            got = await chat(url, "hi", "offline/elisa", stream=stream)
            assert got.status == 404
            assert code(got) == "model_not_found"
            assert "did you mean" in got.text
            assert "eliza" in got.text


async def test_unknown_paths_and_methods() -> None:
    async with running_gateway() as url:
        for path in ["/v1", "/v1/", f"{CHAT}/", f"/{CHAT}", "/V1/models", "/health", "/aibnx"]:
            got = await ask(url, "GET", path)
            assert (got.status, code(got)) == (404, "unknown_path"), path
        got = await ask(url, "GET", CHAT)
        assert (got.status, code(got), got.headers["allow"]) == (405, "wrong_method", "POST")
        assert (await ask(url, "OPTIONS", CHAT)).status == 405
        assert (await ask(url, "POST", "/health/live")).status == 405
        for front in ("aibn", "aichatfree"):
            wrong = await ask(url, "GET", f"/{front}/api/generate")
            assert (wrong.status, wrong.body) == (404, b"")
            nothing = await ask(url, "POST", f"/{front}/api/nothing")
            assert (nothing.status, nothing.body) == (404, b"Not found")
        online = await ask(url, "GET", "/aichatonline/nothing")
        assert (online.status, "error" in online.text) == (404, True)


MEANT: dict[str, str] = {
    "POST /chat/completions": "POST /v1/chat/completions",
    "POST /v1/v1/chat/completions": "POST /v1/chat/completions",
    "POST /proxy/v1/chat/completions": "POST /v1/chat/completions",
    "POST /proxy/openai/v1/chat/completions": "POST /openai/v1/chat/completions",
    "POST /openai/deployments/m/chat/completion": "POST /openai/v1/chat/completions",
    "POST /v1/chat/completions/": "POST /v1/chat/completions",
    "GET //v1/models": "GET /v1/models",
    "GET /v1/models/": "GET /v1/models",
    "GET /models": "GET /v1/models",
    "GET /v1/model": "GET /v1/models",
    "GET /health": "GET /health/live",
    "POST /": "POST /v1/chat/completions",
    "POST /v1/response": "POST /v1/responses",
    "POST /v1/embedding": "POST /v1/embeddings",
    "POST /v1/v1beta/models/a/b:generateContent": "POST /v1beta/models/{model}:generateContent",
    "POST /v1beta/v1beta/models/a:countTokens": "POST /v1beta/models/{model}:countTokens",
    "GET /v1/v1/responses/resp_1": "GET /v1/responses/{id}",
    "GET /proxy/v1/models/a": "GET /v1/models/{model}",
}


@pytest.mark.parametrize("asked", MEANT)
async def test_a_path_that_is_not_served_names_the_one_that_was_meant(asked: str) -> None:
    method, path = asked.split()
    async with running_gateway() as url:
        got = await ask(url, method, path)
    message = json.decode_event(got.body)["error"]["message"]
    assert (got.status, message) == (404, f"{asked} is not served here; {MEANT[asked]} is")


async def test_what_is_said_back_of_a_path_is_short_and_holds_no_key() -> None:
    async with running_gateway() as url:
        long = await ask(url, "GET", "/" + "a" * 5000)
        key = await ask(url, "GET", "/v1/sk-canary12345678/chat%0d%0a%1b[2J")
        wrong = await ask(url, "PUT", "/v1/models/sk-canary12345678")
    assert all(len(got.body) < 400 for got in (long, key, wrong))
    assert not any("canary" in got.text or "\\u001b" in got.text for got in (long, key, wrong))
    assert json.decode_event(wrong.body)["error"]["message"] == "/v1/models/…: expected GET, got PUT"


async def test_bodies_of_the_api_are_json_or_nothing_is_said_of_them() -> None:
    types = {
        "application/json": 200,
        "Application/JSON; charset=utf-8": 200,
        "application/vnd.api+json": 200,
        "": 200,
        "text/plain": 415,
        "text/plain;charset=UTF-8": 415,
        "application/x-www-form-urlencoded": 415,
        "multipart/form-data; boundary=x": 415,
        "application/jsonx": 415,
    }
    async with running_gateway() as url:
        for said, status in types.items():
            got = await chat(url, "text: hi", headers={"Content-Type": said})
            assert got.status == status, said
        body = json.encode({"message": "hi", "token": "abc", "hash": digest("hi")})
        assert (await ask(url, "POST", "/cromicle/chat", {"Content-Type": "text/plain"}, body)).status == 200


async def test_a_request_has_an_id_its_own_or_a_fresh_one() -> None:
    async with running_gateway() as url:
        own = await ask(url, "GET", "/v1/models", {"X-Request-Id": "abc-1.2_3"})
        fresh = [await ask(url, "GET", "/nothing", {"X-Request-Id": said}) for said in ("a b", "x" * 65, "é", "")]
    assert own.headers["x-request-id"] == "abc-1.2_3"
    ids = [got.headers["x-request-id"] for got in fresh]
    assert all(word.isalnum() and word.isascii() for word in ids)
    assert len(set(ids)) == len(ids)
