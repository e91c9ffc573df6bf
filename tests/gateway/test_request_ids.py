"""One id for a request: in the headers that the vendors' clients read, in errors, and in the request log."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import request_ids
from dragoman.gateway.request_ids import RequestIds
from tests.support.asgi import under_uvicorn
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Exchange, serve

KEY = "key-one"
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
HI: list[MessageParam] = [{"role": "user", "content": "text: hi"}]
BAD: list[MessageParam] = [{"role": "user", "content": "error: 400 Because!"}]
BODY = {"model": "fast", "max_tokens": 9, "messages": HI}
THEIRS = "req_011CSHoEeqs5C35K2UUqR7Fy"


def config(log: Path | None = None, **providers: ProviderConfig) -> Config:
    """A gateway that asks for a key, and writes down whom it has answered."""
    return Config(
        gateway=GatewayConfig(port=0, api_keys=(KEY,), request_log=None if log is None else str(log)),
        models={"fast": ModelConfig(targets=("offline/script",))},
        providers=providers,
    )


def logged(path: Path) -> list[str]:
    """The ids in a request log."""
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def body(got: Got) -> dict[str, Any]:
    """An answer's object."""
    value: dict[str, Any] = json.loads(got.body)
    return value


def test_new_ids_are_all_different(monkeypatch: pytest.MonkeyPatch) -> None:
    long = RequestIds()
    many = {long.new() for _ in range(70_000)}
    assert len(many) == 70_000
    assert {len(each) for each in many} == {24}
    assert len({each[:16] for each in many}) == 1
    monkeypatch.setattr(request_ids, "_BYTES", ["00", "01"])
    short = RequestIds()
    assert len({short.new() for _ in range(40)}) == 40  # a count of sixteen, from its beginning to its end and again
    assert short.new()[:16] != long.new()[:16]


async def test_anthropics_client_is_told_the_id_that_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    told: list[str | None] = []
    async with running_gateway(config(log)) as url:
        async with AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as caller:
            for _ in range(3):  # the second and third have a head that is known
                told.append((await caller.messages.create(model="fast", max_tokens=9, messages=HI))._request_id)
            async with caller.messages.stream(model="fast", max_tokens=9, messages=HI) as stream:
                told.append(stream.request_id)
                await stream.get_final_message()
            for stream_wanted in (False, True):
                with pytest.raises(anthropic.BadRequestError) as refused:
                    await caller.messages.create(model="fast", max_tokens=9, messages=BAD, stream=stream_wanted)
                told.append(refused.value.request_id)
                said: Any = refused.value.body
                assert said["request_id"] == refused.value.request_id
            count = await caller.messages.count_tokens(model="fast", messages=HI)
            told.append(count._request_id)
            told.append((await caller.models.list())._request_id)
        async with AsyncAnthropic(base_url=url, api_key="wrong", max_retries=0) as stranger:
            with pytest.raises(anthropic.AuthenticationError) as turned_away:
                await stranger.messages.create(model="fast", max_tokens=9, messages=HI)
            told.append(turned_away.value.request_id)
    assert told == logged(log)
    assert len(set(told)) == len(told) == 9


async def test_openais_client_is_told_the_id_that_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    told: list[str | None] = []
    async with (
        running_gateway(config(log)) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as caller,
    ):
        for _ in range(2):
            whole = await caller.chat.completions.create(model="fast", messages=[{"role": "user", "content": "hi"}])
            told.append(whole._request_id)
        told.append((await caller.responses.create(model="fast", input="hi"))._request_id)
        with pytest.raises(openai.BadRequestError) as refused:
            await caller.responses.create(model="fast", input="error: 400 Because!")
        told.append(refused.value.request_id)
    assert told == logged(log)
    assert len(set(told)) == 4


REFUSED: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "unknown path": ("POST", "/v1/messages/batches", {}, b"{}"),
    "wrong method": ("GET", "/v1/messages", {}, b""),
    "no JSON": ("POST", "/v1/messages", {}, b"{"),
    "unknown model": ("POST", "/v1/messages", {}, json.dumps(BODY | {"model": "nobody"}).encode()),
    "no key": ("POST", "/v1/messages", {"authorization": "Bearer wrong"}, b"{}"),
    "a coding nobody knows": ("POST", "/v1/messages", {"content-encoding": "lzma"}, b"{}"),
    "broken packing": ("POST", "/v1/messages", {"content-encoding": "gzip"}, b"{}"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_every_refusal_of_anthropics_front_has_it(name: str) -> None:
    method, path, headers, sent = REFUSED[name]
    every = {"authorization": f"Bearer {KEY}", "x-request-id": "mine"} | JSON | headers
    async with running_gateway(config()) as url, under_uvicorn(config()) as other:
        for got in (await ask(url, method, path, every, sent), await ask(other, method, path, every, sent)):
            assert got.status >= 400
            assert got.headers["request-id"] == got.headers["x-request-id"] == "mine"
            assert body(got)["request_id"] == "mine"


async def test_other_fronts_have_no_such_header() -> None:
    async with running_gateway(config()) as url:
        for path in ("/v1/chat/completions", "/api/chat", "/v1beta/models/fast:generateContent"):
            got = await ask(url, "POST", path, {"authorization": f"Bearer {KEY}"} | JSON, b"{")
            assert "request-id" not in got.headers
            assert got.headers["x-request-id"]
            assert "request_id" not in body(got)


async def told(reply: bytes, status: int, *, stream: bool, kind: dict[str, str] = JSON) -> Got:
    """What a caller gets if a service of this protocol answers with `reply`."""

    async def answer(exchange: Exchange) -> None:
        await exchange.reply(status, kind | {"request-id": THEIRS}, reply)

    async with serve(answer) as service:
        up = ProviderConfig(protocol="anthropic", url=service.url)
        async with running_gateway(config(up=up)) as url:
            asked = json.dumps(BODY | {"model": "up/m", "stream": stream}).encode()
            return await ask(url, "POST", "/v1/messages", {"authorization": f"Bearer {KEY}"} | JSON, asked)


def failure(**more: object) -> bytes:
    return json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}} | more).encode()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_services_error_keeps_its_own_id(stream: bool) -> None:
    got = await told(failure(request_id=THEIRS), 529, stream=stream)
    assert body(got)["request_id"] == THEIRS
    assert got.headers["request-id"] == got.headers["x-request-id"] != THEIRS


@pytest.mark.parametrize("theirs", [None, 5, "", "two words", "x" * 129, "sk-" + "x" * 20])
async def test_what_is_no_id_of_a_service_is_replaced_by_ours(theirs: object) -> None:
    got = await told(failure(request_id=theirs), 529, stream=False)
    assert body(got)["request_id"] == got.headers["request-id"]


@pytest.mark.parametrize(("said", "expected"), [({"request_id": THEIRS}, THEIRS), ({}, None)])
async def test_an_error_in_mid_stream_has_an_id_too(said: dict[str, str], expected: str | None) -> None:
    events: Sequence[tuple[str, bytes]] = (
        (
            "message_start",
            b'{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
            b'"content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}',
        ),
        (
            "content_block_start",
            b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        ),
        (
            "content_block_delta",
            b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}',
        ),
        ("error", failure(**said)),
    )
    reply = b"".join(b"event: %b\ndata: %b\n\n" % (name.encode(), data) for name, data in events)
    got = await told(reply, 200, stream=True, kind=EVENTS)
    last = json.loads(got.text.rstrip().rpartition("data: ")[2])
    assert last["error"]["type"] == "overloaded_error"
    assert last["request_id"] == (expected or got.headers["request-id"])
