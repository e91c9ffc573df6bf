"""The answer that is kept is the one that was streamed: its last event, word for word. Over real sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import Got, ask, running_gateway
from tests.support.golden import cases
from tests.support.responses import events_of
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}
PATH = "/v1/responses"
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
FREEFORM = {"type": "custom", "name": "f"}

SAID = {
    "text": ("text: Hello\nusage: 3 4", "completed"),
    "tools": ('tool: f {"a": 1}\ntool: f {"a": 2}', "completed"),
    "reasoning": ("reasoning: Hmm\ntext: Yes", "completed"),
    "refusal": ("refusal: No", "completed"),
    "length": ("text: half\nlength", "incomplete"),
    "cut": ("text: half\ncut", "failed"),
    "cut call": ('text: so\ntool: f {"a": 1}\ncut', "failed"),
}


def last(got: Got) -> dict[str, Any]:
    """The answer as the last event has it."""
    found: dict[str, Any] = events_of(got.body)[-1]["response"]
    return found


async def streamed(url: str, said: str, model: str, **more: Any) -> dict[str, Any]:
    """The answer as the last event of its stream has it."""
    body = json.dumps({"model": model, "input": said, "stream": True} | more).encode()
    return last(await ask(url, "POST", PATH, JSON, body))


async def kept(url: str, name: str) -> dict[str, Any]:
    """The answer as it is given back."""
    got = await ask(url, "GET", f"{PATH}/{name}")
    assert got.status == 200
    found: dict[str, Any] = json.loads(got.body)
    return found


@pytest.mark.parametrize("name", SAID)
async def test_what_is_given_back_is_what_was_streamed(name: str) -> None:
    said, status = SAID[name]
    async with running_gateway() as url:
        told = await streamed(url, said, "offline/script", tools=[TOOL])
        assert told["status"] == status
        assert await kept(url, told["id"]) == told
        assert [item["id"] for item in told["output"]] or name == "cut"


async def test_a_whole_answer_is_given_back_as_it_was_told() -> None:
    async with running_gateway() as url:
        body = json.dumps({"model": "offline/script", "input": "reasoning: Hmm\ntext: Yes"}).encode()
        got = await ask(url, "POST", PATH, JSON, body)
        told = json.loads(got.body)
        assert await kept(url, told["id"]) == told


@asynccontextmanager
async def over(protocol: str, reply: bytes) -> AsyncIterator[str]:
    """A gateway in front of a service that says `reply`."""

    async def says(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        await exchange.chunk(reply)
        await exchange.end()

    async with serve(says) as up:
        entry = ProviderConfig(protocol=protocol, url=f"{up.url}/v1", api_key="k")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
            yield url


STREAMS = [
    (protocol, name)
    for protocol in ("anthropic", "gemini", "openai-chat")
    for name, case in cases(protocol).items()
    if not case.reply.startswith((b"{", b"["))
]


@pytest.mark.parametrize(("protocol", "name"), STREAMS)
async def test_states_calls_and_citations_of_other_services_are_given_back_as_they_were_streamed(
    protocol: str, name: str
) -> None:
    async with over(protocol, cases(protocol)[name].reply) as url:
        body = json.dumps({"model": "up/m", "input": "Hi", "stream": True, "tools": [FREEFORM]}).encode()
        got = await ask(url, "POST", PATH, JSON, body)
        if got.status == 200 and (told := last(got))["output"]:
            assert await kept(url, told["id"]) == told


async def test_an_answer_that_broke_off_is_not_gone_on_from() -> None:
    async with running_gateway() as url:
        told = await streamed(url, "text: half\ncut", "offline/script")
        body = json.dumps({"model": "offline/script", "input": "text: a", "previous_response_id": told["id"]}).encode()
        got = await ask(url, "POST", PATH, JSON, body)
        assert got.status == 400
        assert json.loads(got.body)["error"]["code"] == "previous_response_failed"
