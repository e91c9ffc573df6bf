"""Compaction on `/v1/responses`: relayed to services that have it, and emulated over services that have none."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.support.gateway import Got, ask, running_gateway
from tests.support.responses import events_of
from tests.support.server import Exchange, Server, serve

EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}
PATH = "/v1/responses"
TRIGGER = {"type": "compaction_trigger"}
SUMMARY = "The task: fix «a.py». Step 2 of 3 is open. 👋"
CODEX: list[dict[str, Any]] = [
    {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"type": "message", "id": "msg_2", "role": "user", "content": [{"type": "input_text", "text": "DRAGONJOB"}]},
    {"type": "function_call", "id": "fc_1", "name": "exec_command", "arguments": '{"cmd":"ls"}', "call_id": "call_1"},
    {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "made.txt"},
    TRIGGER,
]
"""The shape of a request by which Codex compacts (0.169.0, recorded 2026-11-25)."""
TOOLS = [
    {"type": "function", "name": "exec_command", "parameters": {"type": "object"}, "strict": False},
    {
        "type": "custom",
        "name": "apply_patch",
        "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'},
    },
]

Script = Callable[[Exchange], Awaitable[None]]


def chat(text: str = SUMMARY, finish: str = "stop", **delta: Any) -> bytes:
    """A stream of Chat."""
    chunks = [
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": text} | delta}]},
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {"id": "c1", "model": "m", "choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 9}},
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


def claude(text: str = SUMMARY) -> bytes:
    """A stream of Anthropic's."""
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"id": "m1", "model": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 70}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def answers(body: bytes, headers: dict[str, str] = EVENTS, *, end: bool = True) -> Script:
    """A service that answers so."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, headers)
        if body:
            await exchange.chunk(body)
        if end:
            await exchange.end()

    return script


@asynccontextmanager
async def gateway(script: Script) -> AsyncIterator[tuple[str, Server]]:
    """A gateway in front of services of several protocols at the same place."""
    async with serve(script) as up:
        url = f"{up.url}/v1"
        providers = {
            "up": ProviderConfig(protocol="openai-responses", url=url, api_key="canary"),
            "chat": ProviderConfig(protocol="openai-chat", url=url, api_key="canary"),
            "strict": ProviderConfig(protocol="openai-chat", url=url, api_key="canary", strict=True),
            "claude": ProviderConfig(protocol="anthropic", url=up.url, api_key="canary"),
        }
        models = {"both": ModelConfig(targets=("chat/a", "claude/b"))}
        async with running_gateway(
            Config(gateway=GatewayConfig(port=0), providers=providers, models=models)
        ) as address:
            yield address, up


async def asked(url: str, model: str, path: str = PATH, **more: Any) -> Got:
    """The answer to Codex's request."""
    body = {"model": model, "input": CODEX, "tools": TOOLS, "tool_choice": "auto", "stream": True, "store": False}
    return await ask(url, "POST", path, JSON, json.dumps(body | more).encode())


def check(got: Got) -> dict[str, Any]:
    """The one item of a stream that compacts, and has nothing else."""
    assert got.status == 200, got.body
    events = events_of(got.body)
    kinds = ["created", "in_progress", "output_item.added", "output_item.done", "completed"]
    assert [event["type"] for event in events] == [f"response.{kind}" for kind in kinds]
    item: dict[str, Any] = events[3]["item"]
    assert item["type"] == "compaction"
    assert item["id"].startswith("cmp_")
    assert events[2]["item"] == item
    assert events[4]["response"]["output"] == [item]
    assert events[4]["response"]["usage"]["total_tokens"] == 79
    return item


@pytest.mark.parametrize(("model", "reply"), [("chat/m", chat()), ("claude/m", claude())])
async def test_a_service_without_compaction_is_asked_for_a_summary_which_comes_back_as_words(
    model: str, reply: bytes
) -> None:
    async with gateway(answers(reply)) as (url, up):
        item = check(await asked(url, model))
        after = await asked(url, model, input=[*CODEX[:2], item, {"role": "user", "content": "Go on"}])
    assert after.status == 200
    first, second = (json.loads(seen.body) for seen in up.requests)
    assert "tools" not in first
    assert "tool_choice" not in first
    sent = json.dumps(first["messages"], ensure_ascii=False)
    assert "made.txt" in sent
    assert "Write a summary" in json.dumps(first["messages"][-1])
    assert "tool_use" not in sent
    assert "tool_calls" not in sent
    assert SUMMARY in json.dumps(second["messages"], ensure_ascii=False)
    assert "Write a summary" not in json.dumps(second["messages"])
    assert "exec_command" in json.dumps(second["tools"])


async def test_a_whole_answer_is_one_item_too_and_its_headers_name_what_was_done() -> None:
    async with gateway(answers(chat())) as (url, _):
        streamed = await asked(url, "chat/m")
        whole = await asked(url, "chat/m", stream=False)
    (item,) = json.loads(whole.body)["output"]
    assert item["type"] == "compaction"
    assert item["encrypted_content"] == check(streamed)["encrypted_content"]
    assert item["encrypted_content"].startswith("dragomanMark.")
    for got in (streamed, whole):
        assert got.headers["x-dragoman-losses"].split(", ")[0] == "compaction"


async def test_an_image_in_the_result_of_a_tool_is_named_because_the_summary_is_written_without_it() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    result = {"type": "function_call_output", "call_id": "call_1", "output": [image]}
    async with gateway(answers(chat())) as (url, _):
        got = await asked(url, "chat/m", input=[*CODEX[:3], result, TRIGGER])
    check(got)
    assert got.headers["x-dragoman-losses"].startswith("compaction, messages[3].parts[0].parts[0] (image)")


async def test_strict_refuses_to_emulate_it() -> None:
    async with gateway(answers(chat())) as (url, up):
        got = await asked(url, "strict/m")
        compact = await asked(url, "strict/m", f"{PATH}/compact")
    assert (got.status, compact.status) == (400, 400)
    assert "compaction" in json.loads(got.body)["error"]["message"]
    assert not up.requests


BAD = {
    "empty": chat(""),
    "blank": chat(" \n"),
    "cut at the limit": chat(finish="length"),
    "filtered": chat(finish="content_filter"),
    "refused": chat("", refusal="No"),
    "a call": chat(
        "", "tool_calls", tool_calls=[{"index": 0, "id": "c", "function": {"name": "exec_command", "arguments": "{}"}}]
    ),
}


@pytest.mark.parametrize("path", [PATH, f"{PATH}/compact"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_summary_is_an_error_and_never_an_ordinary_answer(name: str, stream: bool, path: str) -> None:
    async with gateway(answers(BAD[name])) as (url, _):
        got = await asked(url, "chat/m", path, stream=stream)
    assert got.status == 502
    assert json.loads(got.body)["error"]["code"] in {"compaction_failed", "empty_answer"}


async def test_a_summary_that_breaks_off_anywhere_is_an_error() -> None:
    reply = chat()
    end = reply.index(b'"finish_reason"')
    for cut in range(0, end, 11):
        async with gateway(answers(reply[:cut], end=False)) as (url, _):
            got = await asked(url, "chat/m")
        assert got.status in {502, 504}, cut


async def test_the_next_target_is_asked_if_the_first_gives_no_summary() -> None:
    async def script(exchange: Exchange) -> None:
        await answers(claude() if exchange.request.path.endswith("/messages") else BAD["refused"])(exchange)

    async with gateway(script) as (url, up):
        check(await asked(url, "both"))
    assert len(up.requests) == 2


async def test_a_service_of_the_protocol_is_relayed_and_asked_at_its_own_path() -> None:
    native = {"type": "compaction", "id": "cmp_1", "encrypted_content": "b3BhcXVl"}
    body = json.dumps(
        {"id": "resp_1", "object": "response.compaction", "created_at": 1, "output": [native], "x_new": 1}
    ).encode()
    async with gateway(answers(body, JSON)) as (url, up):
        compact = await asked(url, "up/m", f"{PATH}/compact", stream=False)
        whole = await asked(url, "up/m", stream=False)
    assert (compact.status, compact.body) == (200, body)
    assert (whole.status, whole.body) == (200, body)
    assert [seen.path for seen in up.requests] == [f"{PATH}/compact", PATH]
    assert json.loads(up.requests[1].body)["input"] == CODEX


async def test_a_service_of_the_protocol_reads_our_summary_as_words_and_compacts_itself() -> None:
    native = {"type": "compaction", "id": "cmp_1", "encrypted_content": "b3BhcXVl"}
    answer = {"id": "resp_1", "object": "response", "status": "completed", "output": [native], "usage": None}
    reply = f"event: response.completed\ndata: {json.dumps({'type': 'response.completed', 'response': answer})}\n\n"

    async def script(exchange: Exchange) -> None:
        at_chat = exchange.request.path.endswith("/completions")
        await answers(chat() if at_chat else reply.encode())(exchange)

    async with gateway(script) as (url, up):
        item = check(await asked(url, "chat/m"))
        got = await asked(url, "up/m", input=[item, *CODEX])
        compact = await asked(url, "up/m", f"{PATH}/compact", input=[item, *CODEX[1:2]])
    sent = json.loads(up.requests[1].body)["input"]
    assert SUMMARY in json.dumps(sent[0], ensure_ascii=False)
    assert sent[-1] == TRIGGER
    assert events_of(got.body)[-1]["response"]["output"] == [native]
    assert json.loads(compact.body)["output"][-1] == native
    assert [each["type"] for each in json.loads(compact.body)["output"]] == ["message", "compaction"]


@pytest.mark.parametrize(
    "secret",
    ["b3BhcXVl", "dragomanMark.0badcafe.anthropic.x", "dragomanMark.-.dragoman.===", "dragomanMark.-.dragoman.w7"],
)
async def test_an_item_that_nobody_here_can_read_is_refused_by_name(secret: str) -> None:
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": secret}
    async with gateway(answers(chat())) as (url, up):
        got = await asked(url, "chat/m", input=[item, CODEX[1]])
    assert got.status == 400
    assert "compaction" in json.loads(got.body)["error"]["message"]
    assert not up.requests


async def test_a_trigger_that_is_not_the_last_item_or_has_nothing_before_it_is_refused_by_name() -> None:
    async with gateway(answers(chat())) as (url, up):
        middle = await asked(url, "chat/m", input=[TRIGGER, CODEX[1]])
        alone = await asked(url, "chat/m", input=[TRIGGER])
    for got in (middle, alone):
        assert got.status == 400
        assert "compaction" in json.loads(got.body)["error"]["message"]
    assert not up.requests


async def test_openai_s_client_compacts_and_goes_on() -> None:
    async with (
        gateway(answers(chat())) as (url, up),
        AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as caller,
    ):
        said: Any = [{"role": "user", "content": "Fix a.py"}, {"role": "assistant", "content": "I did."}]
        first = await caller.responses.compact(model="chat/m", input=said, instructions="Be kind.")
        again: Any = [item.model_dump(exclude_none=True, warnings=False) for item in first.output]
        second = await caller.responses.compact(model="chat/m", input=again)
        answer = await caller.responses.create(model="chat/m", input=[*again, {"role": "user", "content": "Go on"}])
    assert first.object == "response.compaction"
    assert first.usage.total_tokens == 79
    assert [item.type for item in first.output] == ["message", "compaction"]
    assert [item.type for item in second.output] == ["message", "compaction"]
    assert answer.output_text == SUMMARY
    assert SUMMARY in json.dumps(json.loads(up.requests[2].body), ensure_ascii=False)


async def test_what_follows_a_kept_summary_goes_on_from_it_alone() -> None:
    async with gateway(answers(chat())) as (url, up):
        got = await asked(url, "chat/m", stream=False, store=True)
        name = json.loads(got.body)["id"]
        after = await asked(url, "chat/m", stream=False, input="Go on", previous_response_id=name)
    assert after.status == 200
    sent = json.loads(up.requests[1].body)["messages"]
    assert SUMMARY in json.dumps(sent[0], ensure_ascii=False)
    assert len(sent) == 2
