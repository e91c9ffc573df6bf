"""`/v1/responses` over real sockets: relayed, translated, broken off, silent, and with state of another service."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from tests.support.gateway import Got, ask, connect, running_gateway
from tests.support.golden import cases
from tests.support.responses import Stream, events_of
from tests.support.server import Exchange, Server, serve

GOLDEN = {name: case.reply for name, case in cases("openai-responses").items()}
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}
CHAT = cases("openai-chat")["text"].reply
PATH = "/v1/responses"
MIDDLE = {"up/m": b"world", "chat/m": b'"lo"'}
"""What stands in the middle of each answer."""
PING = b": ping\n\n"
KEEPALIVE = b'event: keepalive\ndata: {"type":"keepalive"}\n\n'

Script = Callable[[Exchange], Awaitable[None]]


def answers(*pieces: bytes, end: bool = True, headers: dict[str, str] = EVENTS, status: int = 200) -> Script:
    """A service that says these pieces; without `end` it then closes the connection."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(status, headers)
        for piece in pieces:
            await exchange.chunk(piece)
        if end:
            await exchange.end()

    return script


@asynccontextmanager
async def gateway(script: Script, **more: Any) -> AsyncIterator[tuple[str, Server]]:
    """A gateway in front of a service of this protocol, and of one of Chat's at the same place."""
    async with serve(script) as up:
        providers = {
            "up": ProviderConfig(protocol="openai-responses", url=f"{up.url}/v1", api_key="canary"),
            "chat": ProviderConfig(protocol="openai-chat", url=f"{up.url}/v1", api_key="canary"),
        }
        config = Config(
            gateway=GatewayConfig(port=0, default_model="up/m"),
            providers=providers,
            models={"route": ModelConfig(targets=("up/a", "up/b"))},
        )
        async with running_gateway(config, **more) as url:
            yield url, up


def question(**more: Any) -> bytes:
    """A body."""
    return json.dumps({"model": "up/gpt", "input": "Hello", "stream": True} | more).encode()


async def asked(url: str, headers: dict[str, str] | None = None, **more: Any) -> Got:
    """The answer to a question."""
    return await ask(url, "POST", PATH, JSON | (headers or {}), question(**more))


async def test_a_relayed_answer_passes_as_it_came_and_its_request_but_for_the_model() -> None:
    async with gateway(answers(GOLDEN["citations"])) as (url, up):
        said = b'{"model":"up/gpt", "input":"Hello", "stream":true, "x_new":{"a": 1.10}}'
        got = await ask(url, "POST", PATH, JSON | {"openai-beta": "x=1", "authorization": "Bearer mine"}, said)
    assert (got.status, got.clean, got.body) == (200, True, GOLDEN["citations"])
    (seen,) = up.requests
    assert seen.path == PATH
    assert json.loads(seen.body) == {"model": "gpt", "input": "Hello", "stream": True, "x_new": {"a": 1.1}}
    assert b'{"a": 1.10}' in seen.body
    assert seen.headers["openai-beta"] == "x=1"
    assert seen.headers["authorization"] == "Bearer canary"


async def test_a_whole_answer_passes_as_it_came() -> None:
    async with gateway(answers(GOLDEN["whole"], headers=JSON)) as (url, _):
        got = await asked(url, stream=False)
    assert (got.status, got.body) == (200, GOLDEN["whole"])


async def test_references_to_state_pass_in_a_relay_and_are_refused_in_a_translation() -> None:
    async with gateway(answers(GOLDEN["text"])) as (url, up):
        await asked(url)
        relayed = await asked(url, previous_response_id="resp_1", background=True)
        refused = await asked(url, model="chat/m", previous_response_id="resp_1")
    assert relayed.status == 200
    assert json.loads(up.requests[1].body)["previous_response_id"] == "resp_1"
    assert refused.status == 400
    assert json.loads(refused.body)["error"]["param"] == "previous_response_id"
    assert len(up.requests) == 2


@pytest.mark.parametrize("end", [True, False])
async def test_a_relayed_answer_that_breaks_off_is_told_with_its_id_and_the_next_numbers(end: bool) -> None:
    half = GOLDEN["text"].partition(b"event: response.output_text.done")[0]
    async with gateway(answers(half, end=end)) as (url, _):
        got = await asked(url)
    assert got.clean
    assert got.body.startswith(half)
    stream = Stream(got.body, ours=False)
    assert [event["type"] for event in stream.events[-2:]] == ["error", "response.failed"]
    assert stream.events[-1]["response"]["id"] == "resp_1"


async def test_an_error_of_the_service_in_mid_stream_does_not_pass_and_is_told_once() -> None:
    async with gateway(answers(GOLDEN["error-mid"])) as (url, _):
        got = await asked(url)
    errors = [event for event in events_of(got.body) if event["type"] == "error"]
    assert [(error["code"], error["error"]["message"]) for error in errors] == [("rate_limit_exceeded", "Slow down")]
    Stream(got.body, ours=False)


async def test_a_failure_before_any_content_is_a_status_and_the_next_target_is_asked() -> None:
    calls = 0

    async def script(exchange: Exchange) -> None:
        nonlocal calls
        calls += 1
        await answers(GOLDEN["error-first"] if calls % 2 else GOLDEN["text"])(exchange)

    async with gateway(script) as (url, _):
        alone = await asked(url)
        calls = 0
        second = await asked(url, model="route")
    assert alone.status == 429
    assert json.loads(alone.body)["error"]["code"] == "rate_limit_exceeded"
    assert second.body == GOLDEN["text"]


async def test_errors_keep_the_words_of_the_service() -> None:
    body = b'{"error":{"message":"Too long","type":"invalid_request_error","param":"input","code":"string_above_max"}}'
    async with gateway(answers(body, headers=JSON, status=400)) as (url, _):
        got = await asked(url)
    assert got.status == 400
    error = json.loads(got.body)["error"]
    assert (error["code"], error["type"], error["param"]) == ("string_above_max", "invalid_request_error", "input")


async def test_state_of_another_service_is_translated_and_does_not_reach_this_one() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_dr1x",
        "summary": [],
        "encrypted_content": "dragomanMark.abcdefgh.anthropic.secret",
    }
    history = [{"role": "user", "content": "x"}, item, {"role": "assistant", "content": "y"}]
    async with gateway(answers(GOLDEN["text"])) as (url, up):
        got = await asked(url, input=history)
    (seen,) = up.requests
    assert got.status == 200
    assert got.headers["x-dragoman-losses"] == "messages[1].parts[0].opaque, messages[1].parts[0] (reasoning)"
    assert b"secret" not in seen.body
    assert [each["role"] for each in json.loads(seen.body)["input"]] == ["user", "assistant"]
    Stream(got.body)


async def test_state_goes_to_its_caller_and_back_to_its_origin() -> None:
    async with gateway(answers(GOLDEN["reasoning-hidden"])) as (url, up):
        foreign = {"type": "reasoning", "summary": [], "encrypted_content": "dragomanMark.-.gemini.x"}
        first = await asked(url, input=[foreign, {"role": "user", "content": "x"}])
        output = Stream(first.body).items
        again = await asked(url, input=[{"role": "user", "content": "x"}, *output])
        other = await asked(url, model="up/other", input=[{"role": "user", "content": "x"}, *output])
    assert output[0]["encrypted_content"].startswith("dragomanMark.")
    assert again.status == other.status == 200
    assert json.loads(up.requests[1].body)["input"][1]["encrypted_content"] == "gAAA2"
    assert b"gAAA2" not in up.requests[2].body


@pytest.mark.parametrize(("headers", "beat"), [({}, KEEPALIVE), ({"X-Stainless-Lang": "python"}, PING)])
@pytest.mark.parametrize("model", ["up/m", "chat/m"], ids=["relayed", "translated"])
async def test_a_silence_is_an_event_and_at_first_a_comment_for_an_sdk(
    model: str, headers: dict[str, str], beat: bytes
) -> None:
    released = asyncio.Event()
    whole = GOLDEN["text"] if model == "up/m" else CHAT
    half = whole[: whole.index(MIDDLE[model])].rpartition(b"\n\n")[0] + b"\n\n"

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await first.wait()
        await exchange.chunk(half)
        await released.wait()
        await exchange.chunk(whole.removeprefix(half))
        await exchange.end()

    timeouts = ServerTimeouts(head_after=0.02, heartbeat=0.02, grace=0)
    first = asyncio.Event()
    async with gateway(script, timeouts=timeouts) as (url, _), connect(url) as wire:
        wire.send("POST", PATH, JSON | headers, question(model=model))
        assert await wire.head() == 200
        assert await wire.chunk() == beat
        first.set()
        chunks = b""
        while b"keepalive" not in chunks:
            chunks += await wire.chunk()
        released.set()
        rest = await wire.rest(200)
    body = chunks + rest.body
    assert KEEPALIVE in body
    assert Stream(body, ours=model == "chat/m").response["status"] == "completed"


async def test_tokens_are_counted_by_the_service() -> None:
    async with gateway(answers(b'{"object":"response.input_tokens","input_tokens":11}', headers=JSON)) as (url, up):
        got = await ask(url, "POST", f"{PATH}/input_tokens", JSON, question(model="up/m", temperature=1, store=True))
        guess = await ask(url, "POST", f"{PATH}/input_tokens", JSON, question(model="chat/m"))
        wrong = await ask(url, "POST", f"{PATH}/input_tokens", JSON, b"[]")
    assert json.loads(got.body) == {"object": "response.input_tokens", "input_tokens": 11}
    (seen,) = up.requests
    assert seen.path == f"{PATH}/input_tokens"
    assert json.loads(seen.body) == {"model": "m", "input": [{"role": "user", "content": "Hello"}]}
    assert guess.headers["x-dragoman-estimated"] == "input_tokens"
    assert json.loads(guess.body)["input_tokens"] > 0
    assert wrong.status == 400


async def test_other_paths_are_refused_in_its_words() -> None:
    async with running_gateway() as url:
        got = await ask(url, "GET", f"{PATH}/")
        kept = await ask(url, "GET", f"{PATH}/resp_1")
        method = await ask(url, "PUT", PATH)
    assert (kept.status, json.loads(kept.body)["error"]["code"]) == (404, "response_not_found")
    assert (got.status, json.loads(got.body)["error"]["code"]) == (404, "unknown_path")
    assert (method.status, json.loads(method.body)["error"]["code"]) == (405, "wrong_method")


async def test_fields_that_would_steer_a_gateway_are_refused() -> None:
    async with gateway(answers(GOLDEN["text"])) as (url, up):
        got = await asked(url, api_base="http://evil.example")
    assert got.status == 400
    assert json.loads(got.body)["error"]["param"] == "api_base"
    assert not up.requests
