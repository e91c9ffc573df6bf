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
from tests.support.server import serve

THOUGHT = (user("hi"), Message("assistant", (Reasoning(text="hm"), Text(text="Hello."))), user("why?"))

CONFIGURED = """
[profiles."m-*"]
reasoning_returns = true
unsupported_fields = ["seed"]
"""


def sent(body: bytes) -> Any:
    return json.loads(body)


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
