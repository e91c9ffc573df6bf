"""A freeform tool with a grammar over a service that has neither, with the shape of Codex's `apply_patch`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.engine.grammar import MAX_DEFINITION
from tests.engine.test_grammar import GOOD, PATCH
from tests.support.gateway import Got, ask, running_gateway
from tests.support.responses import Stream, events_of
from tests.support.server import Exchange, Server, serve

TOOL: dict[str, Any] = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": PATCH},
}
CHAT_TOOL = {
    "type": "custom",
    "custom": {
        "name": "apply_patch",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": PATCH}},
    },
}


def claude(text: str | None, *, before: str = "") -> bytes:
    """A stream of Anthropic's that calls the tool; None: with another field."""
    arguments = json.dumps({"patch": GOOD} if text is None else {"input": text})
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"id": "m1", "model": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 7}},
        }
    ]
    if before:
        events += [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": before}},
            {"type": "content_block_stop", "index": 0},
        ]
    block = {"type": "tool_use", "id": "t1", "name": "apply_patch", "input": {}}
    events.append({"type": "content_block_start", "index": 1, "content_block": block})
    for at in range(0, len(arguments), 9):
        delta = {"type": "input_json_delta", "partial_json": arguments[at : at + 9]}
        events.append({"type": "content_block_delta", "index": 1, "delta": delta})
    events += [
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


@asynccontextmanager
async def gateway(
    reply: bytes, rest: bytes = b"", until: asyncio.Event | None = None
) -> AsyncIterator[tuple[str, Server]]:
    """A gateway in front of a service of Anthropic's protocol, which says the rest once `until` is set."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        await exchange.chunk(reply)
        if until is not None:
            await until.wait()
            await exchange.chunk(rest)
        await exchange.end()

    async with serve(script) as up:
        providers = {
            "claude": ProviderConfig(protocol="anthropic", url=up.url, api_key="canary"),
            "vllm": ProviderConfig(url=up.url),
            "strict": ProviderConfig(protocol="anthropic", url=up.url, api_key="canary", strict=True),
        }
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers=providers)) as url:
            yield url, up


async def asked(url: str, model: str = "claude/m", **more: Any) -> Got:
    """The answer to a question with the tool."""
    body = {"model": model, "input": "Do it", "tools": [TOOL], "stream": True, "store": False} | more
    return await ask(url, "POST", "/v1/responses", {"content-type": "application/json"}, json.dumps(body).encode())


async def test_the_model_is_told_the_grammar_and_what_matches_comes_back_as_it_was_written() -> None:
    async with gateway(claude(GOOD)) as (url, up):
        streamed = await asked(url)
        whole = await asked(url, stream=False)
    (tool,) = json.loads(up.requests[0].body)["tools"]
    assert PATCH in tool["description"]
    assert list(tool["input_schema"]["properties"]) == ["input"]
    Stream(streamed.body)
    (item,) = events_of(streamed.body)[-1]["response"]["output"]
    (same,) = json.loads(whole.body)["output"]
    assert (item["type"], item["input"], item["call_id"]) == ("custom_tool_call", GOOD, "t1")
    assert same["input"] == GOOD
    assert streamed.headers["x-dragoman-losses"] == whole.headers["x-dragoman-losses"] == "tools[0].grammar"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("text", [GOOD.replace("+hi", "hi"), "", None])
async def test_what_does_not_match_is_an_error_of_the_service_and_no_call(stream: bool, text: str | None) -> None:
    async with gateway(claude(text)) as (url, _):
        got = await asked(url, stream=stream)
    assert got.status == 502
    error = json.loads(got.body)["error"]
    assert error["code"] == "grammar"
    assert "apply_patch" in error["message"]


async def test_after_a_text_the_stream_fails_in_the_protocol_s_words_and_nothing_of_the_call_has_gone_out() -> None:
    text, stop, call = claude("no patch", before="Well,").partition(b"event: content_block_stop\n")
    heard = asyncio.Event()
    kinds: list[str] = []
    tool: Any = TOOL
    async with (
        gateway(text, stop + call, until=heard) as (url, _),
        AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as caller,
    ):
        with pytest.raises(APIError, match="apply_patch"):
            async for event in await caller.responses.create(model="claude/m", input="x", tools=[tool], stream=True):
                kinds.append(event.type)
                if event.type == "response.output_text.delta":
                    heard.set()
    assert "response.output_text.delta" in kinds
    assert "response.completed" not in kinds
    assert not any("custom_tool_call" in kind for kind in kinds)


async def test_strict_refuses_the_grammar_by_name() -> None:
    async with gateway(claude(GOOD)) as (url, up):
        got = await asked(url, "strict/m")
    assert got.status == 400
    assert "tools[0].grammar" in json.loads(got.body)["error"]["message"]
    assert not up.requests


@pytest.mark.parametrize(("text", "status"), [(GOOD, 200), ("no patch", 502)])
async def test_a_chat_service_without_custom_tools_is_asked_and_checked_likewise(text: str, status: int) -> None:
    function = {"name": "apply_patch", "arguments": json.dumps({"input": text})}
    delta = {"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": function}]}
    chunk = {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}
    async with gateway(b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode()) as (url, up):
        got = await asked(url, "vllm/m", stream=False)
    (tool,) = json.loads(up.requests[0].body)["tools"]
    assert tool["type"] == "function"
    assert PATCH in tool["function"]["description"]
    assert got.status == status
    said = json.loads(got.body)
    if status == 200:
        assert (said["output"][0]["type"], said["output"][0]["input"]) == ("custom_tool_call", GOOD)
        assert got.headers["x-dragoman-losses"] == "tools[0].grammar"
    else:
        assert said["error"]["code"] == "grammar"


@pytest.mark.parametrize(
    ("syntax", "definition", "why"),
    [
        ("regex", "(", "unterminated subpattern"),
        ("lark", "start: nothing_of_this_name", "nothing_of_this_name"),
        ("regex", "a" * (MAX_DEFINITION + 1), "at most 65536"),
    ],
)
async def test_a_grammar_that_cannot_be_read_is_refused_with_the_reason(syntax: str, definition: str, why: str) -> None:
    good = {"type": "function", "name": "f", "parameters": {}}
    unreadable = TOOL | {"format": {"type": "grammar", "syntax": syntax, "definition": definition}}
    async with gateway(claude("as it is")) as (url, up):
        got = await asked(url, tools=[good, unreadable])
    error = json.loads(got.body)["error"]
    assert (got.status, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_grammar")
    assert error["param"] == "tools[1]"
    assert why in error["message"]
    assert not up.requests


async def test_openai_s_client_gets_the_input_of_a_custom_tool_in_both_of_its_protocols() -> None:
    tool: Any = TOOL
    chat_tool: Any = CHAT_TOOL
    async with (
        gateway(claude(GOOD)) as (url, _),
        AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as caller,
    ):
        told = await caller.responses.create(model="claude/m", input="Do it", tools=[tool])
        chat = await caller.chat.completions.create(
            model="claude/m", messages=[{"role": "user", "content": "Do it"}], tools=[chat_tool]
        )
    (item,) = told.output
    assert item.type == "custom_tool_call"
    assert item.input == GOOD
    (call,) = chat.model_dump()["choices"][0]["message"]["tool_calls"]
    assert (call["type"], call["custom"]["input"]) == ("custom", GOOD)
