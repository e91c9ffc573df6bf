"""Why a cache of prompts was missed, over real sockets: relayed and translated, in the log, the header and `explain`.

The requests have the form of Claude Code's: the mark moves to the newest message in each turn, and what was a list with
one text becomes a text.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway.fronts.endpoints import LARGE
from dragoman.types import CacheUse, Outcome
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import Seen, give
from tests.matrix.scenes import Answer, Say, Tokens
from tests.support.asgi import under_uvicorn
from tests.support.gateway import Got, Running, ask, running
from tests.support.relaying import Translating
from tests.support.responses_socket import USER, gateway, say, socket
from tests.support.server import Exchange, serve

PATH = "/v1/messages"
HEADER = "x-dragoman-cache"
LONG = "prompt-canary " * 600
MARK = {"cache_control": {"type": "ephemeral"}}
CARRIERS = {"relayed": Client, "translated": Translating}
Body = dict[str, Any]


def text(said: str, **more: Any) -> Body:
    return {"type": "text", "text": said} | more


def conversation(*results: str, model: str = "up/m", stream: bool = True, **more: Any) -> Body:
    """The request after these results of tools."""
    messages: list[Body] = [
        {"role": "user", "content": [text("Do the job, prompt-canary.")]},
        {"role": "system", "content": "Some tools can be found." if results else [text("Some tools can be found.")]},
    ]
    for i, result in enumerate(results):
        name = f"toolu_{i}"
        messages += [
            {"role": "assistant", "content": [{"type": "tool_use", "id": name, "name": "Read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": result}]},
        ]
    messages[-1]["content"][-1] |= MARK
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("Read", "Write")]
    said = {"model": model, "max_tokens": 100, "stream": stream, "tools": tools, "system": [text(LONG, **MARK)]}
    return said | {"messages": messages} | more


class Stage(Struct):
    """A gateway and what it says of its requests. `cached`: tokens that the service reports next."""

    up: Running
    outcomes: list[Outcome] = field(default_factory=list)
    cached: int = 0
    busy: bool = False
    """Whether the service refuses."""

    async def ask(self, body: Body, cached: int = 40, session: str = "s-1", key: str = "key-of-caller") -> Got:
        """The answer to `body`, of whose input the service has `cached` tokens."""
        self.cached = cached
        got = await ask(self.up.url, "POST", PATH, headers(session, key), json.dumps(body).encode())
        assert got.status == 200, got.text
        return got

    @property
    def said(self) -> list[CacheUse | None]:
        """What was said of each request."""
        return [outcome.cache for outcome in self.outcomes]

    @property
    def words(self) -> list[str]:
        """The same, without counts."""
        return [use.words for use in self.said if use is not None]


def headers(session: str, key: str = "key-of-caller") -> dict[str, str]:
    named = {"X-Claude-Code-Session-Id": session} if session else {}
    return {"Content-Type": "application/json", "x-api-key": key, "anthropic-version": "2023-06-01"} | named


def configured(*urls: str, log: Path | None = None) -> Config:
    names = [f"up{n or ''}" for n in range(len(urls))]
    return Config(
        gateway=GatewayConfig(
            port=0, api_keys=("key-of-caller", "another-key"), request_log=None if log is None else str(log)
        ),
        providers={
            name: ProviderConfig(protocol="anthropic", url=url, api_key="key-of-service")
            for name, url in zip(names, urls, strict=True)
        },
        models={"route": ModelConfig(targets=tuple(f"{name}/m" for name in names))},
    )


@asynccontextmanager
async def stage(kind: type[Client] = Client, log: Path | None = None) -> AsyncIterator[Stage]:
    """A gateway before two services, of which the first one may be busy."""
    shown: list[Stage] = []

    async def play(exchange: Exchange) -> None:
        said = json.loads(exchange.request.body)
        answer = Answer((Say("Done."),), usage=Tokens(input=100, cached=shown[0].cached))
        await give(exchange, SERVICES["anthropic"].write(answer, Seen("m", said.get("stream") is True)))

    async def perhaps(exchange: Exchange) -> None:
        if shown[0].busy:
            await exchange.reply(529, {"content-type": "application/json"}, b'{"type":"error","error":{}}')
        else:
            await play(exchange)

    outcomes: list[Outcome] = []
    async with serve(perhaps) as first, serve(play) as second:
        config = configured(first.url, second.url, log=log)
        async with running(config, client=kind(config), observers=[outcomes.append]) as up:
            shown.append(Stage(up, outcomes))
            yield shown[0]


CHANGES: list[tuple[Body, int, CacheUse]] = [
    ({}, 40, CacheUse("hit", None, 40, 60)),
    ({}, 0, CacheUse("unknown", None, 0, 100)),
    ({"tools": conversation()["tools"][::-1]}, 0, CacheUse("tools", None, 0, 100)),
    ({"system": [text(LONG + "x", **MARK)]}, 0, CacheUse("system", None, 0, 100)),
    ({"tool_choice": {"type": "any"}}, 10, CacheUse("settings", None, 10, 90)),
    ({"messages": conversation("one", "edited", "three")["messages"]}, 10, CacheUse("hit", None, 10, 90)),
    ({"messages": conversation("edited", "two", "three")["messages"]}, 10, CacheUse("message", 3, 10, 90)),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_both_ways_say_what_changed(carrier: str, stream: bool) -> None:
    async with stage(CARRIERS[carrier]) as up:
        for number, (change, cached, use) in enumerate(CHANGES):
            up.outcomes.clear()
            session = f"s-{number}"
            first = await up.ask(conversation("one", stream=stream), 0, session)
            last = await up.ask(conversation("one", "two", stream=stream) | change, cached, session)
            assert up.said == [CacheUse("first", None, 0, 100), use], change
            shown = [got.headers.get(HEADER) for got in (first, last)]
            counts = f"; cached={cached}; uncached={100 - cached}"
            assert shown == ([None, None] if stream else ["first; cached=0; uncached=100", use.words + counts])
            assert {outcome.target for outcome in up.outcomes} == {"up/m"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_after_a_failover_another_target_has_no_cache_and_the_first_one_still_has(
    carrier: str, stream: bool
) -> None:
    async with stage(CARRIERS[carrier]) as up:
        for number, busy in enumerate((False, True, True, False)):
            up.busy = busy
            await up.ask(conversation(*"abcd"[:number], model="route", stream=stream))
        assert up.words == ["first", "target", "hit", "hit"]
        assert [outcome.target for outcome in up.outcomes] == ["up/m", "up1/m", "up1/m", "up/m"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_large_request_is_explained_after_its_answer_and_has_no_header(carrier: str, stream: bool) -> None:
    large = "x" * (LARGE // 2)
    async with stage(CARRIERS[carrier]) as up:
        for results in ((large, large), (large, large, large), (large, "edited", large, large)):
            got = await up.ask(conversation(*results, stream=stream))
            assert HEADER not in got.headers
        assert up.words == ["first", "hit", "message 5"]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_time_that_goes_by(carrier: str) -> None:
    kind = CARRIERS[carrier]

    class Brief(kind):  # type: ignore[valid-type, misc]  # a class that is given
        def cache_lifetime(self, target: str) -> float | None:
            assert target == "up/m"
            return 0.0

    async with stage(Brief) as up:
        for cached in (0, 0, 40):
            await up.ask(conversation(), cached)
        assert up.words == ["first", "expired", "hit"]


async def test_each_key_has_its_own_conversations() -> None:
    async with stage() as up:
        await up.ask(conversation())
        await up.ask(conversation(), key="another-key")
        await up.ask(conversation("one"), key="another-key")
        await up.ask(conversation("one"))
        assert up.words == ["first", "first", "hit", "hit"]


async def test_without_a_session_the_first_message_names_the_conversation() -> None:
    async with stage() as up:
        await up.ask(conversation(), session="")
        await up.ask(conversation("one"), session="")
        await up.ask(conversation("one", model="up/other"), session="")
        assert up.words == ["first", "hit", "first"]


@pytest.mark.parametrize("stream", [True, False])
async def test_small_requests_and_answers_without_counts_say_nothing(stream: bool) -> None:
    async with stage() as up:
        got = await up.ask(conversation(stream=stream, system="short"))
        assert (up.said, HEADER in got.headers) == ([None], False)
        got = await ask(
            up.up.url,
            "POST",
            PATH,
            headers("s-1"),
            json.dumps(conversation(model="offline/echo", stream=stream)).encode(),
        )
        assert (got.status, up.said[1], HEADER in got.headers) == (200, None, False)


async def test_what_is_explained_is_what_the_request_would_change() -> None:
    async def explained(body: Body, session: str = "s-1", key: str = "key-of-caller") -> Any:
        asked = {"path": PATH, "body": body, "headers": headers(session, "")}
        got = await ask(up.up.url, "POST", "/explain", headers("", key), json.dumps(asked).encode())
        assert got.status == 200
        return json.loads(got.body)["cache"]

    async with stage() as up:
        await up.ask(conversation("one"))
        same = await explained(conversation("one", "two"))
        assert same.pop("seconds") >= 0
        assert same == {"reason": "hit", "message": None}
        for change, _, use in CHANGES[2:]:
            found = await explained(conversation("one", "two") | change)
            assert (found["reason"], found["message"]) == (use.reason, use.message)
        new = {"reason": "first", "message": None, "seconds": None}
        assert await explained(conversation("one"), session="s-2") == new
        assert await explained(conversation("one"), key="another-key") == new
        assert (await explained(conversation("one", model="up1/m")))["reason"] == "target"
        assert await explained(conversation("one", system="short")) is None
        assert await explained(conversation("one", model="up/m", max_tokens="x")) is not None
        assert await explained(conversation("one", model="nobody/m")) is None
        await up.ask(conversation("one", "two"))
        assert up.words == ["first", "hit"], "an explanation is no request"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_log_has_the_word_and_nothing_of_a_prompt(carrier: str, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with stage(CARRIERS[carrier], path) as up:
        shown = [await up.ask(conversation(stream=stream)) for stream in (True, False)]
        shown.append(await up.ask(conversation(system=LONG, messages=[{"role": "user", "content": "prompt-canary"}])))
        assert "canary" not in repr([got.headers for got in shown])
        assert "canary" not in repr(up.outcomes)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["cache"] for line in lines] == ["first", "hit", "message 0"]
    assert [line["cache_read_tokens"] for line in lines] == [40, 40, 40]
    assert "canary" not in path.read_text()


async def test_under_another_server_the_log_says_the_same(tmp_path: Path) -> None:
    async def play(exchange: Exchange) -> None:
        said = json.loads(exchange.request.body)
        answer = Answer((Say("Done."),), usage=Tokens(input=100, cached=40))
        await give(exchange, SERVICES["anthropic"].write(answer, Seen("m", said["stream"])))

    path = tmp_path / "requests.jsonl"
    async with serve(play) as service, under_uvicorn(configured(service.url, log=path)) as url:
        for body in (conversation(), conversation("one"), conversation("one", stream=False, tools=[])):
            got = await ask(url, "POST", PATH, headers("s-1"), json.dumps(body).encode())
            assert got.status == 200
        assert got.headers[HEADER] == "tools; cached=40; uncached=60"
    assert [json.loads(line)["cache"] for line in path.read_text().splitlines()] == ["first", "hit", "tools"]


async def test_the_messages_of_a_websocket_are_one_conversation() -> None:
    async def play(exchange: Exchange) -> None:
        answer = Answer((Say("Done."),), usage=Tokens(input=100, cached=40))
        await give(exchange, SERVICES["openai-responses"].write(answer, Seen("m", stream=True)))

    async with gateway(play) as (run, up, outcomes), socket(run, session_id="s-1") as caller:
        said = await say(caller, f"[{USER % 'one'}]", instructions=LONG)
        name = said[-1]["response"]["id"]
        await say(caller, f"[{USER % 'two'}]", instructions=LONG, previous_response_id=name)
        await say(caller, f"[{USER % 'two'}]", instructions=LONG, tools=[], text={"format": {"type": "json_object"}})
    assert len(up.requests) == 3
    assert [outcome.cache and outcome.cache.words for outcome in outcomes if outcome.status == 200] == [
        "first",
        "hit",
        "settings",
    ]
