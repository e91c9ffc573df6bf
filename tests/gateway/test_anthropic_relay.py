"""Messages between a caller and a service that both speak them: bytes pass, and the same is said when they cannot."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from tests.support.gateway import Got, ask, connect, running_gateway
from tests.support.golden import cases
from tests.support.server import Exchange, ReceivedRequest, Server, serve

GOLDEN = {name: case.reply for name, case in cases("anthropic").items()}
WHOLE = frozenset({"whole", "whole-error"})
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}
PATH = "/v1/messages"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STATE = "dragomanMark.0123abcd.gemini.c2ln"
"""Opaque state of another service: a request with it is translated."""


def config(service: Server, **provider: Any) -> Config:
    """A gateway before `service`."""
    up = ProviderConfig(protocol="anthropic", url=service.url, api_key="key-of-ours", **provider)
    return Config(gateway=GatewayConfig(port=0), providers={"up": up})


def question(*, stream: bool = True, translated: bool = False, **more: Any) -> bytes:
    """A caller's request."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
    if translated:
        thought = {"type": "thinking", "thinking": "hm", "signature": STATE}
        messages += [{"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}, messages[0]]
    return json.dumps({"model": "up/m", "max_tokens": 9, "messages": messages, "stream": stream} | more).encode()


async def asked(
    reply: bytes, body: bytes, headers: Mapping[str, str] | None = None, status: int = 200, **provider: Any
) -> tuple[Got, ReceivedRequest]:
    """What a caller gets if a service answers with `reply`, and what the service was asked."""

    async def answer(exchange: Exchange) -> None:
        kind = JSON if reply.startswith(b"{") else EVENTS
        await exchange.reply(status, kind, reply)

    async with serve(answer) as service, running_gateway(config(service, **provider)) as url:
        got = await ask(url, "POST", PATH, {"content-type": "application/json", **(headers or {})}, body)
        return got, service.requests[0]


@pytest.mark.parametrize("name", GOLDEN)
async def test_a_relayed_and_a_translated_answer_say_the_same(name: str) -> None:
    stream = name not in WHOLE
    relayed, _ = await asked(GOLDEN[name], question(stream=stream))
    translated, _ = await asked(GOLDEN[name], question(stream=stream, translated=True))
    assert (relayed.status, relayed.clean) == (translated.status, translated.clean)
    if relayed.status != 200 or not stream:
        there, here = (json.loads(got.body) for got in (relayed, translated))
        for message in (there, here):
            message.pop("stop_details", None)  # null, which says nothing
            message.pop("request_id", None)  # two requests have two
            for part in message.get("content", ()):
                part.pop("signature", None)  # one has our mark
        assert {"model": "m"} | there == here | {"model": there.get("model", "m")}
        return
    assert last(relayed) == last(translated)
    if name not in {"line-ends", "unnamed", "no-stop"} and last(relayed) == "message_stop":
        assert relayed.body == GOLDEN[name]


def last(got: Got) -> str:
    """The type of the last event."""
    lines = [line for line in got.body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data: ")]
    return str(json.loads(lines[-1].removeprefix(b"data: "))["type"])


async def test_a_request_passes_but_for_the_name_of_the_model_and_the_key() -> None:
    shown = {"authorization": "Bearer canary", "anthropic-version": "2026-10-21", "anthropic-beta": "a-1,b-2"}
    got, seen = await asked(GOLDEN["text"], question(new_field={"n": 1.0}), {**shown, "cookie": "canary"})
    assert got.status == 200
    assert json.loads(seen.body) == json.loads(question(new_field={"n": 1.0})) | {"model": "m"}
    assert b'"n": 1.0' in seen.body or b'"n":1.0' in seen.body
    assert (seen.method, seen.path) == ("POST", PATH)
    assert "canary" not in repr(seen)
    assert seen.headers["x-api-key"] == "key-of-ours"
    assert seen.headers["anthropic-version"] == "2026-10-21"
    assert seen.headers["anthropic-beta"] == "a-1,b-2"


async def test_a_caller_that_names_no_version_gets_the_first_one() -> None:
    _, seen = await asked(GOLDEN["text"], question())
    assert seen.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in seen.headers


async def test_a_translated_request_has_the_version_of_the_provider_and_the_betas_of_the_caller() -> None:
    shown = {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1"}
    body = question(translated=True, temperature=0.5)
    got, seen = await asked(GOLDEN["text"], body, shown, version="2026-10-21")
    assert got.status == 200
    assert (seen.headers["anthropic-version"], seen.headers["anthropic-beta"]) == ("2026-10-21", "a-1")
    assert "temperature" not in json.loads(seen.body)
    assert STATE not in seen.body.decode()


async def test_tokens_are_limited_as_the_provider_says_if_the_caller_says_nothing() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=GOLDEN["text"])

    said = json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    async with serve(answer) as service, running_gateway(config(service, max_tokens=77)) as url:
        got = await ask(url, "POST", "/v1/chat/completions", {"content-type": "application/json"}, said)
        assert got.status == 200
        assert json.loads(service.requests[0].body)["max_tokens"] == 77


async def test_an_overloaded_service_is_followed_by_the_next_target() -> None:
    async def busy(exchange: Exchange) -> None:
        await exchange.reply(529, JSON, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')

    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=GOLDEN["text"])

    async with serve(busy) as first, serve(answer) as second:
        providers = {
            "one": ProviderConfig(protocol="anthropic", url=first.url),
            "two": ProviderConfig(protocol="anthropic", url=second.url),
        }
        route = {"fast": ModelConfig(targets=("one/m", "two/m"))}
        both = Config(gateway=GatewayConfig(port=0), providers=providers, models=route)
        async with running_gateway(both) as url:
            got = await ask(url, "POST", PATH, {"content-type": "application/json"}, question(model="fast"))
    assert got.body == GOLDEN["text"]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_service_refuses_is_told_in_its_own_words(stream: bool) -> None:
    error = {"type": "invalid_request_error", "message": "thinking: not so", "details": {"a": 1}}
    got, _ = await asked(json.dumps({"type": "error", "error": error}).encode(), question(stream=stream), status=400)
    assert (got.status, json.loads(got.body)["error"]) == (400, error)


async def test_a_wrong_method_and_a_wrong_path_are_told_in_this_protocol() -> None:
    async with running_gateway() as url:
        for method, path, status in (("GET", PATH, 405), ("POST", f"{PATH}/batches", 404)):
            got = await ask(url, method, path, {"content-type": "application/json"}, b"{}")
            assert got.status == status
            assert json.loads(got.body)["type"] == "error"


async def test_pings_hold_a_silent_stream() -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(GOLDEN["error-mid"].rpartition(b"event: error")[0])
        await exchange.closed()

    timeouts = ServerTimeouts(grace=0, heartbeat=0.01)
    async with (
        serve(slow) as service,
        running_gateway(config(service), timeouts=timeouts) as url,
        connect(url) as caller,
    ):
        caller.send("POST", PATH, {"content-type": "application/json"}, question())
        assert await caller.head() == 200
        while (chunk := await caller.chunk()) != PING:
            assert not chunk.startswith(b":")
