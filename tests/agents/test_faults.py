"""Failures of services as agents meet them on each front."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.config import ModelConfig, ProviderConfig, TimeoutsConfig
from tests.agents.contract import CONTRACTS, Contract
from tests.agents.hearing import events
from tests.agents.listeners import LISTENERS
from tests.agents.stage import JSON, MODEL, config, post, stage
from tests.matrix.cells import VENDORS
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import MESSAGE, Seen, dumped, give
from tests.matrix.scenes import RETRY_AFTER, Answer, Failure, Json, Say, Tokens
from tests.support.gateway import Got, ask, running
from tests.support.server import Exchange, serve

AGENTS = ("claude-code", "codex", "gemini-cli", "opencode-chat")
"""One for each front."""
HELLO = (Say("Hello, "), Say("world."))
RETRY = "type.googleapis.com/google.rpc.RetryInfo"


async def failed(name: str, service: str, failure: Failure) -> Got:
    """What the agent gets of a service that fails so."""
    agent = CONTRACTS[name]
    async with stage(agent.front, service, [Answer(HELLO, failure=failure)]) as up:
        path, asked = agent.asked(up.model)
        return await post(up, agent, path, asked)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_a_service_that_is_asked_too_often_names_the_wait_where_the_agent_looks(name: str, service: str) -> None:
    got = await failed(name, service, "429")
    assert (got.status, got.headers["retry-after"]) == (429, str(RETRY_AFTER))
    error = json.loads(got.body)["error"]
    assert MESSAGE in error["message"]
    if name == "gemini-cli":
        assert {"@type": RETRY, "retryDelay": f"{RETRY_AFTER}s"} in error["details"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_a_429_that_names_no_wait_gets_one_because_codex_dies_without(name: str, service: str) -> None:
    agent = CONTRACTS[name]
    reply = SERVICES[service].write(Answer(HELLO, failure="429"), Seen(MODEL, stream=True))
    bare = {key: value for key, value in reply.headers.items() if key != "retry-after"}

    async def refuse(exchange: Exchange) -> None:
        await give(exchange, replace(reply, headers=bare))

    async with serve(refuse) as up, running(config(up.url, service)) as gateway:
        got = await _asked(gateway.url, agent, f"{service}/{MODEL}")
    assert got.status == 429
    assert int(got.headers["retry-after"]) > 0
    if name == "gemini-cli":
        assert any(detail["@type"] == RETRY for detail in json.loads(got.body)["error"]["details"])


async def _asked(url: str, agent: Contract, model: str) -> Got:
    path, asked = agent.asked(model)
    return await ask(url, "POST", path, agent.headers | JSON, dumped(asked).encode())


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_an_overloaded_service_has_the_fronts_own_status(name: str, service: str) -> None:
    got = await failed(name, service, "overloaded")
    assert got.status == (529 if name == "claude-code" else 503)
    assert MESSAGE in got.text


@pytest.mark.parametrize("failure", ["cut", "error"])
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_half_an_answer_never_looks_whole(name: str, service: str, failure: Failure) -> None:
    got = await failed(name, service, failure)
    assert got.status == 200
    assert b"Hel" in got.body
    _is_broken(CONTRACTS[name].front, got)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_a_clean_end_without_the_reason_to_stop_never_looks_whole(name: str, service: str) -> None:
    reply = SERVICES[service].write(Answer(HELLO, failure="cut"), Seen(MODEL, stream=True))

    async def truncate(exchange: Exchange) -> None:
        await give(exchange, replace(reply, failure=None))

    async with serve(truncate) as up, running(config(up.url, service)) as gateway:
        got = await _asked(gateway.url, CONTRACTS[name], f"{service}/{MODEL}")
    assert b"Hel" in got.body
    _is_broken(CONTRACTS[name].front, got)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_a_service_that_falls_silent_for_good_is_an_end_that_agents_see(name: str, service: str) -> None:
    reply = SERVICES[service].write(Answer(HELLO, failure="silence"), Seen(MODEL, stream=True))

    async def stop(exchange: Exchange) -> None:
        await give(exchange, reply)

    hasty = TimeoutsConfig(connect=None, first_byte=None, first_token=None, idle=0.2)
    async with serve(stop) as up, running(config(up.url, service, hasty)) as gateway:
        got = await _asked(gateway.url, CONTRACTS[name], f"{service}/{MODEL}")
    _is_broken(CONTRACTS[name].front, got)


def _is_broken(front: str, got: Got) -> None:
    """Raises AssertionError if an agent of this front would take the answer as whole."""
    found = events(got.body)
    match front:
        case "gemini":  # its error in a stream is taken as success: only the cut tells
            assert not got.clean
            assert not any(_ends(chunk) for _, chunk in found)
        case "anthropic":
            assert found[-1][0] == "error"
            assert "message_stop" not in {name for name, _ in found}
        case "openai-responses":
            assert found[-1][1]["type"] in {"response.failed", "error"}
            assert "response.completed" not in {event["type"] for _, event in found}
        case _:
            chunks = [chunk for _, chunk in found if chunk != "[DONE]"]
            assert any("error" in chunk for chunk in chunks)
            assert not any(_reasons(chunks))


def _ends(chunk: Json) -> bool:
    return any(candidate.get("finishReason") for candidate in chunk.get("candidates", ()))


def _reasons(chunks: list[Any]) -> list[str]:
    return [choice["finish_reason"] for chunk in chunks for choice in chunk.get("choices", ())]


FIRST, LAST = Tokens(input=900, output=90), Tokens(input=100, output=20)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_counts_are_the_last_replys_and_no_sum_over_attempts(name: str, service: str) -> None:
    """The first target has counted before it fails: Codex would compact for ever if these tokens were added."""
    agent, number = CONTRACTS[name], 0

    async def play(exchange: Exchange) -> None:
        nonlocal number
        number += 1
        if number == 1:
            whole = SERVICES[service].write(Answer((), "done", FIRST), Seen(MODEL, stream=True))
            await give(exchange, replace(whole, pieces=whole.pieces[:1], failure="cut"))
        else:
            await give(exchange, SERVICES[service].write(Answer(HELLO, usage=LAST), Seen(MODEL, stream=True)))

    async with serve(play) as up:
        base = config(up.url, service)
        second = ProviderConfig(
            type=VENDORS.get(service, service), url=f"{up.url}{SERVICES[service].base}", api_key="key-of-service"
        )
        providers = dict(base.providers) | {"second": second}
        models = {"route": ModelConfig(targets=(f"{service}/{MODEL}", f"second/{MODEL}"))}
        async with running(replace(base, providers=providers, models=models)) as gateway:
            got = await _asked(gateway.url, agent, "route")
    assert number == 2
    heard = LISTENERS[name](got.body)
    assert heard.text == "Hello, world."
    counted = set(_numbers(heard.usage))
    assert {LAST.input, LAST.output} <= counted
    assert counted.isdisjoint({FIRST.input, FIRST.output, FIRST.input + LAST.input, FIRST.output + LAST.output})


def _numbers(usage: Json) -> list[int]:
    return [value for value in usage.values() if isinstance(value, int)]
