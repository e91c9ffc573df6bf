"""A caller and a service that both speak Ollama's protocol: relayed and translated, the caller is told the same."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from tests.support.gateway import Got, ask, connect, running_gateway
from tests.support.golden import cases
from tests.support.relaying import Script, Translating, turn
from tests.support.server import Exchange, Server, serve

LINES = {"content-type": "application/x-ndjson"}
WHOLE = {"content-type": "application/json; charset=utf-8"}
KEY = "canary-of-the-service"
GOLDEN = {name: case.reply for name, case in cases("ollama").items() if not name.startswith("generate")}
TEXT = GOLDEN["text"]
LINE = TEXT.split(b"\n")[0] + b"\n"


class Paths(Struct):
    """A gateway that relays and one that translates, in front of one service, whose `script` a test sets."""

    relay: str
    translate: str
    service: Server
    script: list[Script]


@asynccontextmanager
async def paths(*, timeouts: ServerTimeouts | None = None) -> AsyncIterator[Paths]:
    """Both, with a route to a target that is gone and then to the service."""
    script: list[Script] = []

    async def handler(exchange: Exchange) -> None:
        await script[0](exchange)

    async with serve(handler) as service:
        config = Config(
            gateway=GatewayConfig(port=0, default_model="up/m", head_after=0.05 if timeouts else None),
            providers={
                "up": ProviderConfig(protocol="ollama", url=service.url, api_key=KEY),
                "down": ProviderConfig(protocol="ollama", url="http://127.0.0.1:9"),
            },
            models={"route": ModelConfig(targets=("down/m", "up/m"))},
        )
        async with (
            running_gateway(config, timeouts=timeouts) as relay,
            running_gateway(config, client=Translating(config), timeouts=timeouts) as translate,
        ):
            yield Paths(relay, translate, service, script)


def body_of(*, model: str = "up/m", **more: Any) -> bytes:
    """A request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]} | more).encode()


def replying(body: bytes, headers: Mapping[str, str], status: int = 200) -> Script:
    """A service that answers so."""

    async def script(exchange: Exchange) -> None:
        await exchange.reply(status, headers, body)

    return script


LAST = ("done_reason", "eval_count", "total_duration", "context", "image")
"""Fields of the last line."""


def understood(got: Got) -> dict[str, Any]:
    """What a caller makes of an answer: text, thinking, calls, the last line's facts, or an error."""
    told: dict[str, Any] = {"status": got.status, "clean": got.clean, "content": "", "thinking": "", "calls": []}
    for line in filter(None, got.text.split("\n")):
        value = json.loads(line)
        if "error" in value:
            told["error"] = value["error"].removeprefix("up: ")
            break
        message = value.get("message", value)
        told["content"] += message.get("content", message.get("response", ""))
        told["thinking"] += message.get("thinking", "")
        told["calls"] += [call["function"]["name"] for call in message.get("tool_calls", ())]
        told |= {name: value[name] for name in LAST if name in value}
        told["done"] = value["done"]
    return told


def agree(relayed: dict[str, Any], translated: dict[str, Any]) -> None:
    """Both say the same, except that what is translated says how long it took if the service does not."""
    if "total_duration" not in relayed:
        assert translated.pop("total_duration", 1) > 0
    assert relayed == translated


READABLE = sorted(GOLDEN.keys() - {"odd-types", "odd-fields", "logprobs", "bad-utf8", "no-reason-counted"})
"""Answers that a caller's own reader takes as they are: those whose lines pass although they are odd are left out."""


@pytest.mark.parametrize("name", READABLE)
async def test_a_relayed_stream_says_what_a_translated_one_says(name: str) -> None:
    async with paths() as both:
        both.script[:] = [replying(GOLDEN[name], LINES)]
        told = [
            understood(await ask(url, "POST", "/api/chat", body=body_of(think=True)))
            for url in (both.relay, both.translate)
        ]
    agree(*told)


@pytest.mark.parametrize("name", ["whole", "whole-pretty", "error-whole", "html", "other-json"])
async def test_a_relayed_answer_says_what_a_translated_one_says(name: str) -> None:
    async with paths() as both:
        both.script[:] = [replying(GOLDEN[name], WHOLE)]
        told = []
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/chat", body=body_of(stream=False))
            assert "\n" not in got.text.strip() or name == "whole-pretty"
            told.append(understood(Got(got.status, got.headers, [got.body.replace(b"\n", b" ")], got.clean)))
    agree(*told)


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        (404, "model 'm' not found", 404),
        (400, '"m" does not support tools', 400),
        (429, "slow down", 429),
        (500, "model failed", 500),
        (503, "server busy, please try again", 503),
    ],
)
async def test_a_failure_keeps_its_status_and_its_words(status: int, words: str, expected: int) -> None:
    async with paths() as both:
        both.script[:] = [replying(json.dumps({"error": words}).encode(), WHOLE, status)]
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/chat", body=body_of())
            assert got.status == expected
            assert words in json.loads(got.body)["error"]


async def test_bytes_pass_as_they_came_and_the_request_but_for_the_models_name() -> None:
    async with paths() as both:
        both.script[:] = [replying(TEXT, LINES)]
        body = (
            b'{"model":"up/real:8b","messages":[{"role":"user", "content":"hi"}],"options":{"x": 1.50e2},"x_new":[ 1]}'
        )
        got = await ask(both.relay, "POST", "/api/chat", {"Authorization": "Bearer canary-of-the-caller"}, body)
        (seen,) = both.service.requests
    assert got.body == TEXT
    assert got.headers["content-type"] == "application/x-ndjson"
    assert seen.path == "/api/chat"
    assert seen.body == body.replace(b"up/real:8b", b"real:8b")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "canary-of-the-caller" not in repr(seen)


@pytest.mark.parametrize(
    "more", [{"api_base": "http://h"}, {"metadata": {"api_key": "k"}}, {"stream": 1}, {"model": 5}]
)
async def test_what_no_caller_may_say_is_refused_on_both_ways(more: dict[str, Any]) -> None:
    async with paths() as both:
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/chat", body=body_of(**more))
            assert got.status == 400
            assert isinstance(json.loads(got.body)["error"], str)
        assert both.service.requests == []


async def test_another_services_state_is_not_relayed() -> None:
    async with paths() as both:
        both.script[:] = [replying(TEXT, LINES)]
        body = body_of(messages=[{"role": "assistant", "content": "a", "x_state": "dragomanMark.-.other.x"}])
        got = await ask(both.relay, "POST", "/api/chat", body=body)
        (seen,) = both.service.requests
    assert understood(got)["content"] == "Hello!"
    assert got.body != TEXT
    assert json.loads(seen.body)["stream"] is True


async def test_a_stream_is_what_a_caller_gets_who_does_not_say() -> None:
    async with paths() as both:
        both.script[:] = [replying(GOLDEN["whole"], WHOLE)]
        got = await ask(both.relay, "POST", "/api/chat", body=body_of())
        assert got.headers["content-type"] == "application/x-ndjson"  # the whole answer was decoded
        assert understood(got)["content"] == "Hello!"


async def test_the_next_target_answers_if_the_first_is_gone() -> None:
    async with paths() as both:
        both.script[:] = [replying(TEXT, LINES)]
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/chat", body=body_of(model="route"))
            assert understood(got)["content"] == "Hello!"


async def test_a_stream_that_breaks_off_ends_with_an_error_line() -> None:
    async def breaking(exchange: Exchange) -> None:
        await exchange.head(headers=LINES)
        await exchange.chunk(LINE + LINE[:40])
        await turn()
        exchange.reset()

    async with paths() as both:
        both.script[:] = [breaking]
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/chat", body=body_of())
            assert got.clean
            first, last = got.text.splitlines()
            assert json.loads(first)["message"]["content"] == "Hel"
            assert isinstance(json.loads(last)["error"], str)


async def test_a_silence_is_filled_with_blanks_before_the_next_line() -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.head(headers=LINES)
        await exchange.chunk(LINE)
        await heard.wait()
        await exchange.chunk(TEXT)
        await exchange.end()

    async with paths(timeouts=ServerTimeouts(grace=0, heartbeat=0.05)) as both:
        both.script[:] = [slow]
        for url in (both.relay, both.translate):
            heard = asyncio.Event()
            async with connect(url) as wire:
                wire.send("POST", "/api/chat", body=body_of())
                assert await wire.head() == 200
                first = await wire.chunk()
                while first.strip() == b"":
                    first = await wire.chunk()
                blank = await wire.chunk()
                heard.set()
                got = await wire.rest(200)
            assert json.loads(first)["message"]["content"] == "Hel"
            assert blank == b" "
            told = understood(Got(200, {}, [first, blank, *got.chunks], got.clean))
            assert told["content"] == "HelHello!"
            assert told["done"] is True


CONTINUED = {"model": "up/m", "prompt": "x", "raw": True, "context": [7], "options": {"num_ctx": 5}}
SAID = b'{"model":"m","created_at":"2026-11-21T10:27:15Z","response":"Hel","done":false}\n'
ENDING = (
    b'{"model":"m","created_at":"2026-11-21T10:27:16Z","response":"","done":true,"done_reason":"%b","context":[1,2]'
)
CONTINUATIONS = {
    "golden": cases("ollama")["generate"].reply,
    "picture": cases("ollama")["generate-image"].reply,
    "text": SAID * 3 + ENDING % b"length" + b',"eval_count":3}\n',
    "thinking": SAID.replace(b'"Hel"', b'"","thinking":"Hm."') + SAID + ENDING % b"stop" + b"}\n",
    "loaded": ENDING % b"load" + b"}\n",
    "empty": ENDING % b"stop" + b"}\n",
    "error": SAID * 2 + b'{"error":"busy"}\n',
    "error first": b'{"error":"busy"}\n',
    "no end": SAID * 2,
}


@pytest.mark.parametrize("name", CONTINUATIONS)
async def test_a_relayed_continuation_says_what_a_translated_one_says(name: str) -> None:
    async with paths() as both:
        both.script[:] = [replying(CONTINUATIONS[name], LINES)]
        told = [
            understood(await ask(url, "POST", "/api/generate", body=json.dumps(CONTINUED).encode()))
            for url in (both.relay, both.translate)
        ]
    agree(*told)


@pytest.mark.parametrize("name", ["text", "picture", "loaded"])
async def test_a_continuation_passes_as_it_came_and_its_request_but_for_the_models_name(name: str) -> None:
    body = json.dumps(CONTINUED, indent=1).encode().replace(b"5", b"5.0e0")
    async with paths() as both:
        both.script[:] = [replying(CONTINUATIONS[name], LINES)]
        got = await ask(both.relay, "POST", "/api/generate", body=body)
        (seen,) = both.service.requests
    assert (got.status, got.headers["content-type"]) == (200, "application/x-ndjson")
    assert got.body == CONTINUATIONS[name]
    assert seen.path == "/api/generate"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(seen.body) == CONTINUED | {"model": "m"}
    assert b"5.0e0" in seen.body


async def test_a_whole_continuation_passes_as_it_came() -> None:
    whole = ENDING.replace(b'""', b'"Hello"') % b"stop" + b', "eval_count":1}'
    async with paths() as both:
        both.script[:] = [replying(whole, WHOLE)]
        body = json.dumps(CONTINUED | {"stream": False}).encode()
        relayed, translated = [
            await ask(url, "POST", "/api/generate", body=body) for url in (both.relay, both.translate)
        ]
    assert relayed.body == whole
    agree(understood(relayed), understood(translated))


async def test_a_picture_goes_back_to_a_caller_who_wants_no_stream() -> None:
    async with paths() as both:
        picture = CONTINUATIONS["picture"].splitlines()[-1]
        body = json.dumps({"model": "up/m", "prompt": "x", "width": 64, "stream": False}).encode()
        for headers, reply in ((WHOLE, picture), (LINES, CONTINUATIONS["picture"])):
            both.script[:] = [replying(reply, headers)]
            got = await ask(both.relay, "POST", "/api/generate", body=body)
            assert json.loads(got.body)["image"] == "iVBORw0KGgo="


async def test_a_continuation_that_breaks_off_ends_with_an_error_line() -> None:
    async def breaking(exchange: Exchange) -> None:
        await exchange.head(headers=LINES)
        await exchange.chunk(SAID + SAID[:40])
        await turn()
        exchange.reset()

    async with paths() as both:
        both.script[:] = [breaking]
        for url in (both.relay, both.translate):
            got = await ask(url, "POST", "/api/generate", body=json.dumps(CONTINUED).encode())
            assert got.clean
            first, last = got.text.splitlines()
            assert json.loads(first)["response"] == "Hel"
            assert isinstance(json.loads(last)["error"], str)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_a_service_loads_and_unloads_a_model(path: str) -> None:
    body = {"model": "up/m", "keep_alive": 0} | ({"messages": []} if path == "/api/chat" else {})
    async with paths() as both:
        both.script[:] = [replying(ENDING % b"unload" + b"}\n", LINES)]
        got = await ask(both.relay, "POST", path, body=json.dumps(body).encode())
        (seen,) = both.service.requests
    assert json.loads(got.body)["done_reason"] == "unload"
    assert (seen.path, json.loads(seen.body)) == (path, body | {"model": "m"})


async def test_both_paths_of_a_service_are_asked_in_turn() -> None:
    async with paths() as both:
        for _ in range(2):
            both.script[:] = [replying(TEXT, LINES)]
            assert (await ask(both.relay, "POST", "/api/chat", body=body_of())).body == TEXT
            both.script[:] = [replying(CONTINUATIONS["text"], LINES)]
            got = await ask(both.relay, "POST", "/api/generate", body=json.dumps(CONTINUED).encode())
            assert got.body == CONTINUATIONS["text"]
        assert [seen.path for seen in both.service.requests] == ["/api/chat", "/api/generate"] * 2


async def test_a_service_lists_its_models() -> None:
    async with paths() as both:
        listed = {"models": [{"name": "qwen3:8b", "model": "qwen3:8b"}, {"name": "a b"}, {"x": 1}]}
        both.script[:] = [replying(json.dumps(listed).encode(), WHOLE)]
        got = await ask(both.relay, "GET", "/api/tags")
    names = [model["name"] for model in json.loads(got.body)["models"]]
    assert "up/qwen3:8b" in names
    assert "up/a b" not in names
