"""Profiles of models on their way from the table and the configuration to what a service is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.errors import UnsupportedFeatureError
from dragoman.providers import OpenAICompatible
from dragoman.types import Message, Reasoning, Text, UntakenField, assistant, user
from tests.client.test_client import one_service, up
from tests.support.server import Exchange, serve

THOUGHT = (user("hi"), Message("assistant", (Reasoning(text="hm"), Text(text="Hello."))), user("why?"))

CONFIGURED = """
[profiles."m-*"]
reasoning_returns = true
unsupported_fields = ["seed"]
"""


def sent(body: bytes) -> Any:
    return json.loads(body)


async def full_below_a_million(exchange: Exchange) -> None:
    """A service all of whose models but one find the request too long."""
    if json.loads(exchange.request.body)["model"] == "gpt-4.1":
        await up(exchange)
        return
    body = json.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}}).encode()
    await exchange.reply(400, {"content-type": "application/json"}, body)


async def test_a_known_family_gets_no_temperature_and_the_reply_says_so(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        reply = await client.chat("up/gpt-5-mini", "hi", temperature=0.5)
        other = await client.chat("up/gpt-4o", "hi", temperature=0.5)
    assert reply.losses == (UntakenField("temperature"),)
    assert other.losses == ()
    assert ["temperature" in sent(request.body) for request in server.requests] == [False, True]


async def test_only_a_family_that_wants_its_reasoning_back_gets_it(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        await client.chat("up/deepseek-v4-pro", THOUGHT)
        reply = await client.chat("up/gpt-4o", THOUGHT)
    back = [sent(request.body)["messages"][1].get("reasoning_content") for request in server.requests]
    assert back == ["hm", None]
    assert [loss.name for loss in reply.losses] == ["messages[1].parts[0] (reasoning)"]


async def test_a_configured_family_is_known_to_every_service(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url, CONFIGURED)) as client:
        reply = await client.chat("up/m-1", THOUGHT, seed=1)
    assert reply.losses == (UntakenField("seed"),)
    body = sent(server.requests[0].body)
    assert "seed" not in body
    assert body["messages"][1]["reasoning_content"] == "hm"


async def test_what_the_family_cannot_go_on_from_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        with pytest.raises(UnsupportedFeatureError, match=r"^up: messages\[1\] begins the answer, which models "):
            await client.chat("up/claude-opus-4-6", (user("hi"), assistant("Well,")))
    assert not server.requests


async def test_a_class_alone_knows_the_families_too() -> None:
    async with serve(up) as server:
        text = await OpenAICompatible.create_async(
            "o3", [{"role": "user", "content": "hi"}], url=f"{server.url}/v1", temperature=0.5
        )
    assert text == "Hello"
    assert "temperature" not in sent(server.requests[0].body)


async def test_how_much_a_model_holds_is_known_of_its_family_and_from_its_list(tmp_path: Path) -> None:
    config = one_service(tmp_path, "http://127.0.0.1:9", '\n[profiles."tiny-*"]\ncontext = 4096\n')
    config.write_text(
        config.read_text().replace("[providers.up]", '[providers.up]\nmodels = ["tiny-1", "gpt-4.1", "x"]')
    )
    async with Client(config) as client:
        sizes = {name: facts.context for name, facts in client.model_facts().items() if name.startswith("up/")}
    assert sizes == {"up/tiny-1": 4096, "up/gpt-4.1": 1_047_576, "up/x": None}


async def test_too_long_for_a_target_goes_to_one_whose_family_holds_more(tmp_path: Path) -> None:
    route = '\n[models.r]\ntargets = ["up/gpt-4o", "up/o3", "up/gpt-4.1"]\n[profiles.o3]\ncontext = 100_000\n'
    async with serve(full_below_a_million) as server, Client(one_service(tmp_path, server.url, route)) as client:
        reply = await client.chat("r", "hi")
    assert reply.text == "Hello"
    assert [sent(request.body)["model"] for request in server.requests] == ["gpt-4o", "gpt-4.1"]
