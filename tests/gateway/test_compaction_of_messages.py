"""Compaction on `/v1/messages`: relayed to the vendor's own service, and emulated over services of all other kinds."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import AsyncAnthropic, beta_async_tool

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.gateway.test_compaction import BAD, JSON, SUMMARY, Script, answers, chat, claude
from tests.protocols.anthropic.events import understood
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Server, serve

PATH = "/v1/messages"
SAID: list[dict[str, Any]] = [
    {"role": "user", "content": "Fix a.py"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "made.txt"}]},
]
TOOLS = [{"name": "ls", "input_schema": {"type": "object"}}]
COMPACT: dict[str, Any] = {"compaction": {"type": "summarize"}}


@asynccontextmanager
async def gateway(script: Script) -> AsyncIterator[tuple[str, Server]]:
    """A gateway in front of services of several protocols at the same place."""
    async with serve(script) as up:
        url = f"{up.url}/v1"
        providers = {
            "vendor": ProviderConfig(type="anthropic", url=up.url, api_key="canary"),
            "claude": ProviderConfig(protocol="anthropic", url=up.url, api_key="canary"),
            "chat": ProviderConfig(protocol="openai-chat", url=url, api_key="canary"),
            "responses": ProviderConfig(type="openairesponses", url=url, api_key="canary"),
        }
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers=providers)) as address:
            yield address, up


async def asked(url: str, model: str, messages: list[dict[str, Any]] = SAID, **more: Any) -> Got:
    body = {"model": model, "max_tokens": 99, "messages": messages, "tools": TOOLS} | more
    return await ask(url, "POST", PATH, JSON, json.dumps(body).encode())


@pytest.mark.parametrize(("model", "reply"), [("chat/m", chat()), ("claude/m", claude())])
async def test_a_service_without_compaction_is_asked_for_a_summary_which_comes_back_as_words(
    model: str, reply: bytes
) -> None:
    async with gateway(answers(reply)) as (url, up):
        whole = await asked(url, model, **COMPACT)
        streamed = await asked(url, model, stream=True, **COMPACT)
        assert (whole.status, streamed.status) == (200, 200)
        message, told = json.loads(whole.body), understood(streamed.body)
        (block,) = message["content"]
        after: list[dict[str, Any]] = [{"role": "assistant", "content": [block]}, {"role": "user", "content": "Go on"}]
        for target in (model, "vendor/m"):
            await asked(url, target, after)
    assert (block["type"], block["content"], message["stop_reason"]) == ("compaction", SUMMARY, "compaction")
    assert (told.blocks, told.end["delta"]["stop_reason"]) == ([block], "compaction")
    assert whole.headers["x-dragoman-losses"].split(", ")[0] == "compaction"
    first, _, *seconds = (json.loads(seen.body) for seen in up.requests)
    assert first.keys().isdisjoint({"tools", "compaction"})
    assert "made.txt" in json.dumps(first["messages"])
    assert "Write a summary" in json.dumps(first["messages"][-1])
    for second in seconds:
        sent = json.dumps(second["messages"], ensure_ascii=False)
        assert SUMMARY in sent
        assert "dragomanMark" not in sent
        assert '"compaction"' not in sent


async def test_the_caller_s_instructions_stand_in_place_of_ours() -> None:
    async with gateway(answers(chat())) as (url, up):
        got = await asked(url, "chat/m", compaction={"type": "summarize", "instructions": "In one line."})
    assert got.status == 200
    assert json.loads(up.requests[0].body)["messages"][-1] == {"role": "user", "content": "In one line."}


async def test_a_service_that_compacts_in_the_way_of_another_protocol_is_asked_in_words() -> None:
    async with gateway(answers(b"")) as (url, up):
        await asked(url, "responses/m", **COMPACT)
    sent = json.loads(up.requests[0].body)["input"]
    assert "Write a summary" in json.dumps(sent[-1])


async def test_what_is_no_summary_is_an_error() -> None:
    async with gateway(answers(BAD["refused"])) as (url, _):
        got = await asked(url, "chat/m", **COMPACT)
    assert got.status == 502
    assert "expected a summary" in json.loads(got.body)["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_vendor_s_service_compacts_itself(stream: bool) -> None:
    async with gateway(answers(claude())) as (url, up):
        await asked(url, "vendor/m", stream=stream, **COMPACT)
        marked = [{"role": "user", "content": [{"type": "text", "text": "dragomanMark.-.x.y"}]}]  # it is translated
        got = await asked(url, "vendor/m", marked, stream=stream, **COMPACT)
    assert "compact" not in got.headers.get("x-dragoman-losses", "")
    for seen in up.requests:
        assert json.loads(seen.body)["compaction"] == COMPACT["compaction"]
        assert "Write a summary" not in seen.body.decode()


@pytest.mark.parametrize("model", ["vendor/m", "claude/m"])
async def test_a_summary_of_the_vendor_s_service_is_words_for_another_service_of_its_protocol(model: str) -> None:
    block = {"type": "compaction", "content": SUMMARY, "signature": "c2lnbmVk"}
    said: list[dict[str, Any]] = [{"role": "user", "content": [block, {"type": "text", "text": "Go on"}]}]
    async with gateway(answers(claude())) as (url, up):
        got = await asked(url, model, said)
    (first, _) = json.loads(up.requests[0].body)["messages"][0]["content"]
    if model == "vendor/m":
        assert first == block
        assert "x-dragoman-losses" not in got.headers
    else:
        assert first["type"] == "text"
        assert SUMMARY in first["text"]
        assert got.headers["x-dragoman-losses"] == "messages[0].parts[0].signature"


async def test_the_runner_of_tools_compacts_and_goes_on() -> None:
    @beta_async_tool(name="ls")
    async def listed() -> str:
        """The files."""
        return "made.txt"

    said = "tool: ls {}\n---\ntext: They met.\n---\ntext: warm"
    config = Config(gateway=GatewayConfig(port=0), models={"m": ModelConfig(targets=("offline/script",))})
    async with running_gateway(config) as url, AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as caller:
        runner = caller.beta.messages.tool_runner(
            model="m", max_tokens=99, messages=[{"role": "user", "content": said}], tools=[listed]
        )
        reasons = []
        async for message in runner:
            reasons.append(message.stop_reason)
            if message.stop_reason == "tool_use":
                runner.compact_before_next_turn()
    assert reasons[:2] == ["tool_use", "compaction"]
