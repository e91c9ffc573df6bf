"""What chat sites cannot say, as services and as fronts: it is listed, or refused by setting, in all four."""

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.shape.voices import VOICES
from tests.support.gateway import Got, ask, running_gateway
from tests.support.relaying import EVENTS, JSON
from tests.support.server import Exchange, ReceivedRequest, Server, serve

SITES = ["aibn", "aichatfree", "aichatonline", "cromicle"]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOOK = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "https://h/a.png"}}]
RICH = {
    "model": "up/m",
    "seed": 1,
    "max_tokens": 5,
    "temperature": 0.5,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
    "response_format": {"type": "json_object"},
    "logit_bias": {"1": 2},
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "name": "ann", "content": LOOK},
        {"role": "assistant", "content": "hm", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "20"},
        {"role": "user", "content": "and now?"},
    ],
}
LOST = [
    "tools",
    "tool_choice",
    "response_format",
    "max_output_tokens",
    "temperature",
    "seed",
    "logit_bias",
    "messages[1].name",
    "messages[1].parts[1] (image)",
    "messages[2].parts[1] (tool_call)",
    "messages[3].parts[0] (tool_result)",
]
SAID: dict[str, set[str]] = {"aibn": {"temperature", "messages[1].name"}}
"""What a site has nevertheless."""

FIELD = {"top_secret_switch": {"a": 1}}


async def site(exchange: Exchange) -> None:
    if exchange.request.method == "GET":
        await exchange.reply(body=b'{"code":0,"data":"tok-1"}')
        return
    online = "prompt" in json.loads(exchange.request.body)
    await exchange.reply(body=b'{"data": {"message": "fine"}}\n' if online else b"fine")


async def chat(exchange: Exchange, *deltas: dict[str, Any], reason: str = "length") -> None:
    """Answers as OpenAI's protocol does, with these deltas."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, {"choices": [], "usage": usage}]
    await exchange.head(headers=EVENTS)
    for chunk in chunks:
        await exchange.chunk(f"data: {json.dumps(chunk)}\n\n".encode())
    await exchange.chunk(b"data: [DONE]\n\n")
    await exchange.end()


def posted(up: Server) -> list[ReceivedRequest]:
    return [seen for seen in up.requests if seen.method == "POST"]


def listed(protocol: str) -> list[str]:
    return [name for name in LOST if name not in SAID.get(protocol, set())]


@pytest.mark.parametrize("protocol", SITES)
@pytest.mark.parametrize("strict", [False, True])
async def test_what_a_site_cannot_be_told_is_listed_or_refused(protocol: str, strict: bool) -> None:
    async with serve(site) as up:
        entry = ProviderConfig(protocol=protocol, url=up.url, strict=strict)
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
            got = await ask(url, "POST", "/v1/chat/completions", JSON, json.dumps(RICH).encode())
    if strict:
        assert (got.status, len(up.requests)) == (400, 0)
        assert f"cannot express: {', '.join(listed(protocol))}" in json.loads(got.body)["error"]["message"]
    else:
        assert (got.status, got.headers["x-dragoman-losses"]) == (200, ", ".join(listed(protocol)))
        assert "and now?" in VOICES[protocol].question(posted(up)[-1])


async def through(front: str, up: Server, log: Path, *, strict: bool = False, **more: Any) -> Got:
    """What a caller of a site gets of a service with OpenAI's protocol; `more`: fields that the caller adds."""
    config = Config(
        gateway=GatewayConfig(port=0, default_model="up/m", request_log=str(log)),
        providers={"up": ProviderConfig(protocol="openai-chat", url=up.url, api_key="k", strict=strict)},
    )
    said = VOICES[front].ask("hi", True)
    body = json.dumps(json.loads(said.body) | more).encode()
    async with running_gateway(config) as url:
        return await ask(url, "POST", VOICES[front].path, said.headers, body)


def logged(log: Path) -> str:
    """The losses in the one line of the request log."""
    return str(json.loads(log.read_bytes()).get("losses", ""))


@pytest.mark.parametrize("front", SITES)
@pytest.mark.parametrize("strict", [False, True])
async def test_a_field_of_a_site_that_the_service_does_not_have_is_listed_or_refused(
    front: str, strict: bool, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with serve(lambda exchange: chat(exchange, {"content": "fine"}, reason="stop")) as up:
        got = await through(front, up, log, strict=strict, **FIELD)
        plain = await through(front, up, tmp_path / "plain", strict=strict)
    assert VOICES[front].read(plain, True).text == "fine"
    if strict:
        assert got.status in {400, 500}
        assert "cannot express: top_secret_switch" in got.text
        assert len(posted(up)) == 1
    else:
        assert (got.status, got.headers["x-dragoman-losses"]) == (200, "top_secret_switch")
        assert logged(log).startswith("top_secret_switch")


@pytest.mark.parametrize("front", SITES)
async def test_what_a_site_cannot_say_of_an_answer_is_listed(front: str, tmp_path: Path) -> None:
    async with serve(lambda exchange: chat(exchange, {"reasoning_content": "hm"}, {"content": "fine"})) as up:
        got = await through(front, up, tmp_path / "log")
    assert VOICES[front].read(got, True).text == "fine"
    assert logged(tmp_path / "log") == "answer.reasoning, answer.usage, answer.finish_reason"


@pytest.mark.parametrize("front", SITES)
@pytest.mark.parametrize(
    ("delta", "reason", "words"),
    [
        ({"tool_calls": [CALL | {"index": 0}]}, "tool_calls", "asks for a tool"),
        ({"reasoning_content": "hm"}, "stop", "no text"),
        ({}, "content_filter", "filter"),
    ],
)
async def test_an_answer_that_its_text_would_misrepresent_is_refused(
    front: str, delta: dict[str, Any], reason: str, words: str, tmp_path: Path
) -> None:
    async with serve(lambda exchange: chat(exchange, delta, reason=reason)) as up:
        got = await through(front, up, tmp_path / "log")
    assert got.status >= 400
    assert words in got.text
