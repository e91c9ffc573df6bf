"""Tools at chat sites, which have only text: OpenAI's own client as the caller, over real sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import ask, chat_body, running_gateway
from tests.support.server import Exchange, Server, serve

TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
QUESTION: ChatCompletionMessageParam = {"role": "user", "content": "Where is it warm?"}
CALLING = (
    "Let me see.\n"
    '```tool_call\n{"name": "weather", "arguments": {"city": "Рим"}}\n```\n'
    '```tool_call\n{"name": "weather", "arguments": {"city": "Köln"}}\n```'
)
TOKEN = b'{"code":0,"data":"tok-1"}'
SITES = ["aibn", "aichatfree", "aichatonline", "cromicle"]


def conversation(body: dict[str, Any]) -> str:
    """All text that a site was sent."""
    told = body.get("message") or body.get("prompt")
    if told is None:
        told = "\n".join(
            message["content"] if "content" in message else "".join(part["text"] for part in message["parts"])
            for message in body["messages"]
        )
    return str(told)


async def site(exchange: Exchange) -> None:
    """Asks for two tools, and tells their results once it has them."""
    if exchange.request.method == "GET":
        await exchange.reply(body=TOKEN)
        return
    body = json.loads(exchange.request.body)
    results = [line for line in conversation(body).splitlines() if '"content":' in line]
    said = " and ".join(json.loads(line)["content"] for line in results) or CALLING
    await exchange.head()
    for i in range(0, len(said), 5):
        piece = said[i : i + 5]
        lines = json.dumps({"data": {"message": piece}}) + "\n" if "prompt" in body else piece
        await exchange.chunk(lines.encode())
    await exchange.end()


@asynccontextmanager
async def caller_of(protocol: str, **more: Any) -> AsyncIterator[tuple[AsyncOpenAI, Server]]:
    async with serve(site) as up:
        entry = ProviderConfig(protocol=protocol, url=up.url, **({"prompt_tools": True} | more))
        config = Config(gateway=GatewayConfig(port=0), providers={"up": entry})
        async with (
            running_gateway(config) as url,
            AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as caller,
        ):
            yield caller, up


async def turn(caller: AsyncOpenAI, messages: list[ChatCompletionMessageParam], *, stream: bool) -> Any:
    """The answer's choice, with its finish reason and message."""
    if not stream:
        return (await caller.chat.completions.create(model="up/m", messages=messages, tools=[TOOL])).choices[0]
    async with caller.chat.completions.stream(model="up/m", messages=messages, tools=[TOOL]) as following:
        return (await following.get_final_completion()).choices[0]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", SITES)
async def test_a_callers_loop_of_call_result_and_answer(protocol: str, stream: bool) -> None:
    async with caller_of(protocol) as (caller, _):
        messages: list[ChatCompletionMessageParam] = [QUESTION]
        first = await turn(caller, messages, stream=stream)
        calls = first.message.tool_calls
        assert first.finish_reason == "tool_calls"
        assert first.message.content == "Let me see.\n"
        assert [call.function.arguments for call in calls] == ['{"city": "Рим"}', '{"city": "Köln"}']
        assert len({call.id for call in calls}) == 2
        messages.append(first.message.model_dump(exclude_none=True))
        for call, result in zip(calls, ("warm", 'cold\n"and wet"'), strict=True):
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        last = await turn(caller, messages, stream=stream)
    assert (last.finish_reason, last.message.content) == ("stop", 'warm and cold\n"and wet"')
    assert not last.message.tool_calls


@pytest.mark.parametrize("protocol", SITES)
async def test_without_the_setting_the_tools_are_lost_and_a_block_is_text(protocol: str) -> None:
    async with caller_of(protocol, prompt_tools=None) as (caller, up):
        raw = await caller.chat.completions.with_raw_response.create(model="up/m", messages=[QUESTION], tools=[TOOL])
        assert raw.headers["x-dragoman-losses"] == "tools"
        (choice,) = raw.parse().choices
        assert (choice.finish_reason, choice.message.content, choice.message.tool_calls) == ("stop", CALLING, None)
        sent = [seen for seen in up.requests if seen.method == "POST"]
    assert [conversation(json.loads(seen.body)) for seen in sent] == ["Where is it warm?"]


@pytest.mark.parametrize("protocol", SITES)
async def test_a_strict_site_refuses_tools_unless_they_are_told_in_words(protocol: str) -> None:
    async with caller_of(protocol, strict=True) as (caller, _):
        assert (await turn(caller, [QUESTION], stream=False)).finish_reason == "tool_calls"
    async with caller_of(protocol, strict=True, prompt_tools=False) as (caller, up):
        with pytest.raises(openai.BadRequestError, match="cannot express: tools"):
            await turn(caller, [QUESTION], stream=False)
        assert up.requests == []


async def test_what_would_be_sent_is_explained() -> None:
    entry = ProviderConfig(protocol="cromicle", url="http://127.0.0.1:9", prompt_tools=True)
    async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
        said = {"path": "/v1/chat/completions", "body": json.loads(chat_body("hi", "up/m", tools=[TOOL]))}
        got = await ask(url, "POST", "/explain", {"content-type": "application/json"}, json.dumps(said).encode())
    assert got.status == 200
    assert "Tells the weather" in got.text
    assert "tools is told to the model in words" in got.text
