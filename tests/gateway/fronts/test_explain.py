"""`POST /explain`, over real sockets: what it shows is what is sent, and no credential; and it asks nobody."""

import asyncio
import json
from collections.abc import Mapping
from threading import get_ident
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, FrontConfig, GatewayConfig, ModelConfig
from dragoman.engine.draft import Draft
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import RelayRequest
from dragoman.routing.plan import Plan
from dragoman.types import ChatRequest
from tests.gateway.test_canaries import API_KEY, provider, tells
from tests.shape.voices import VOICES
from tests.support.gateway import Got, ask, chat_body, running_gateway
from tests.support.server import Exchange, ReceivedRequest, serve

JSON = {"content-type": "application/json"}
CHAT = "/v1/chat/completions"
ADDED = frozenset({"host", "content-length", "accept-encoding", "connection"})
"""Headers that the transport adds."""

CHANGING = frozenset({"time", "sign", "pass", "conversationId"})
"""Fields of a body that are new each time, or hidden."""


async def explain(url: str, path: str, headers: Mapping[str, str], body: bytes, **more: str) -> Got:
    """The explanation of a request, whose body is given as it is."""
    said = json.dumps({"path": path, "headers": dict(headers)} | more)[:-1].encode()
    return await ask(url, "POST", "/explain", JSON, said + b', "body": ' + body + b"}")


def told(got: Got) -> Any:
    """What an explanation says."""
    assert (got.status, got.headers["content-type"]) == (200, "application/json"), got.text
    return json.loads(got.body)


def steady(body: bytes | str) -> object:
    """A body without what is new each time."""
    value = json.loads(body) if body else None
    return {name: each for name, each in value.items() if name not in CHANGING} if isinstance(value, dict) else value


def up(protocol: str, url: str, **gateway: Any) -> Config:
    return Config(
        gateway=GatewayConfig(port=0, default_model="up/m", **gateway), providers={"up": provider(protocol, url)}
    )


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("caller", VOICES)
@pytest.mark.parametrize("service", DIALECTS)
async def test_what_is_shown_is_what_is_sent_but_for_its_credentials(service: str, caller: str, stream: bool) -> None:
    async def refuses(exchange: Exchange) -> None:
        if exchange.request.method == "GET":
            await exchange.reply(body=b'{"code":0,"data":"tok-1"}')
        else:
            await exchange.reply(400, JSON, b'{"error":{"message":"no"}}')

    voice = VOICES[caller]
    path, asked = voice.path.replace("{model}", "up/m"), voice.ask("Who are you?", stream)
    async with serve(refuses) as server, running_gateway(up(service, server.url)) as url:
        found = told(await explain(url, path, asked.headers, asked.body))
        before = list(server.requests)
        got = await ask(url, "POST", path, asked.headers, asked.body)
    assert before == []
    assert got.status >= 400
    assert found["error"] is None
    assert found["carried"] == ("relayed" if service == caller and DIALECTS[service].relay else "translated")
    same_request(found["request"], server.requests[0], server.url)
    assert found["request"]["more"] == (len(server.requests) > 1)
    assert tells(json.dumps(found)) == []


def same_request(shown: Any, sent: ReceivedRequest, url: str) -> None:
    """Whether what was shown is what was sent."""
    method, path = sent.method, sent.path.partition("canvas=")[0]
    assert (shown["method"], shown["url"].partition("canvas=")[0]) == (method, url + path)
    assert steady(shown["body"]) == steady(sent.body)
    headers = {name.lower(): value for name, value in shown["headers"]}
    assert headers.keys() == sent.headers.keys() - ADDED
    assert {name: value for name, value in headers.items() if "***" not in value} == {
        name: value for name, value in sent.headers.items() if name in headers and "***" not in headers[name]
    }


async def test_a_relayed_body_is_shown_as_it_was_written() -> None:
    body = b'{"model":"up/m","messages":[],"x":1.50,"y":[ 1,  2 ]}'
    async with running_gateway(up("openai-chat", "http://127.0.0.1:9/v1")) as url:
        found = told(await explain(url, CHAT, {}, body))
    assert found["request"]["body"] == '{"model":"m","messages":[],"x":1.50,"y":[ 1,  2 ]}'


async def test_the_route_and_every_target_are_named() -> None:
    models = {"fast": ModelConfig(targets=("up/a", "offline/echo"))}
    config = Config(gateway=GatewayConfig(port=0), providers={"up": provider("openai-chat", "http://x")}, models=models)
    async with running_gateway(config) as url:
        found = told(await explain(url, CHAT, {}, chat_body("hi", "fast")))
        other = told(await explain(url, CHAT, {}, chat_body("hi", "fast"), model="offline/echo"))
    assert (found["route"], found["strategy"], found["target"]) == ("fast", "fallback", "up/a")
    assert found["targets"] == [
        {"name": "up/a", "protocol": "openai-chat", "carried": "relayed"},
        {"name": "offline/echo", "protocol": "offline", "carried": "own"},
    ]
    assert (other["target"], other["carried"], other["request"]) == ("offline/echo", "own", None)


async def test_a_caller_who_tries_keys_learns_nothing() -> None:
    guesses = " ".join(API_KEY[:size] for size in range(1, len(API_KEY) + 1))
    async with running_gateway(up("openai-chat", "http://127.0.0.1:9")) as url:
        for model in ("up/m", "offline/echo"):
            shown = await explain(url, CHAT, {"x-guess": guesses}, chat_body(guesses, model))
            again = await explain(url, CHAT, {"x-guess": "*"}, chat_body(guesses, model))
            assert shown.body == again.body
        assert json.loads(told(await explain(url, CHAT, {}, chat_body(guesses, "up/m")))["request"]["body"])[
            "messages"
        ] == [{"role": "user", "content": guesses}]


async def test_what_the_front_would_refuse_is_in_the_explanation_in_its_own_words() -> None:
    bodies = (b'{"model":"offline/echo","messages":[{"role":"user"', b'{"model":"offline/echo","messages":[]}', b"")
    async with running_gateway() as url:
        for path in (CHAT, "/aibn/api/generate", "/cromicle/chat"):
            for body in bodies:
                text = json.dumps(body.decode()).encode()  # JSON or not
                found = told(await explain(url, path, {}, text))["error"]
                real = await ask(url, "POST", path, JSON, body)
                assert (found["status"], found["body"]) == (real.status, real.text)
        typed = {"content-type": "text/csv"}
        found = told(await explain(url, CHAT, typed, b"{}"))
        assert (found["protocol"], found["error"]["status"]) == ("openai-chat", 415)
        found = told(await explain(url, CHAT, {}, chat_body("hi", "offline/eliz")))
        assert (found["error"]["code"], found["error"]["status"]) == ("model_not_found", 404)


async def test_a_wrong_setting_is_for_the_log_and_not_for_callers(caplog: pytest.LogCaptureFixture) -> None:
    async with running_gateway() as url:
        found = told(await explain(url, CHAT, {}, chat_body("hi", "openaicompatible/m")))
    assert found["error"]["message"] == "a setting of the gateway is wrong; its log says which"
    assert "expected a `url`, for instance" in caplog.text


async def test_a_key_is_needed_as_at_every_front_and_opens_a_site_s_password() -> None:
    keyed = up("openai-chat", "http://127.0.0.1:9", api_keys=("gate-key",))
    config = replace(keyed, fronts={"aibn": FrontConfig(password="sesame")})
    asked = VOICES["aibn"].ask("hi", True)
    said = json.dumps({"path": "/aibn/api/generate"})[:-1].encode() + b', "body": ' + asked.body + b"}"
    async with running_gateway(config) as url:
        refused = await ask(url, "POST", "/explain", JSON, said)
        opened = await ask(url, "POST", "/explain", JSON | {"authorization": "Bearer gate-key"}, said)
    assert refused.status == 401
    assert json.loads(refused.body)["error"]["code"] == "invalid_api_key"
    assert told(opened)["error"] is None
    assert "gate-key" not in opened.text


WRONG: list[tuple[bytes, str, str]] = [
    (b"", "invalid_json", ""),
    (b"{", "invalid_json", ""),
    (b"[]", "the body", "expected an object, got a list"),
    (b"{}", "path", "expected the path of a chat, got nothing"),
    (b'{"path": 1}', "path", "expected a string, got an integer"),
    (b'{"path": "/v1/chat/completion"}', "path", "did you mean /v1/chat/completions?"),
    (b'{"path": "/v1/embeddings"}', "path", "/v1/chat/completions, "),
    (b'{"path": "/explain"}', "path", "expected the path of a chat"),
    (b'{"path": "/v1?key=sk-abcdef"}', "path", "got '/v1'"),
    (b'{"path": "/v1/chat/completions", "headers": []}', "headers", "expected an object, got a list"),
    (b'{"path": "/v1/chat/completions", "headers": {"a": 1}}', "headers.a", "expected a string, got an integer"),
    (b'{"path": "/v1/chat/completions", "headers": {"a": "\\u0436"}}', "headers", "a header can hold"),
    (b'{"path": "/v1/chat/completions", "model": []}', "model", "expected a string, got a list"),
    (b'{"path": "/v1/chat/completions", "boddy": {}}', "boddy", "did you mean body?"),
]


@pytest.mark.parametrize(("body", "name", "words"), WRONG)
async def test_a_wrong_question_is_refused_by_its_field(body: bytes, name: str, words: str) -> None:
    async with running_gateway() as url:
        got = await ask(url, "POST", "/explain", JSON, body)
    error = json.loads(got.body)["error"]
    assert got.status == 400
    assert name in (error["param"], error["code"])
    assert words in error["message"]


async def test_a_large_request_is_explained_too() -> None:
    text = "и" * (1 << 20)
    async with running_gateway(up("cromicle", "http://127.0.0.1:9")) as url:
        found = told(await explain(url, CHAT, {}, chat_body(text, "up/m")))
    assert json.loads(found["request"]["body"])["message"] == text


class Noting(Client):
    """Notes in which threads it plans, and in which its service is drafted a request."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.planned: set[int] = set()
        self.drafted: set[int] = set()
        drafted, provider = self.drafted, self.providers["up"]

        class Noted(provider):  # type: ignore[valid-type, misc]  # a class that was found by its name
            @classmethod
            def draft(cls, request: ChatRequest) -> Draft:
                drafted.add(get_ident())
                return provider.draft(request)

            @classmethod
            def relay_draft(cls, protocol: str, request: RelayRequest, model: str) -> Draft:
                drafted.add(get_ident())
                return provider.relay_draft(protocol, request, model)

        self.providers = {**self.providers, "up": Noted}

    def plan(self, model: str) -> Plan:
        self.planned.add(get_ident())
        return super().plan(model)


@pytest.mark.parametrize("service", ["openai-chat", "anthropic"])
async def test_what_takes_long_is_done_in_a_thread_and_the_plan_is_asked_on_the_loop(service: str) -> None:
    client = Noting(up(service, "http://127.0.0.1:9"))
    async with running_gateway(client.config, client=client) as url:
        found = told(await explain(url, CHAT, {}, chat_body("hi", "up/m")))
    assert found["target"] == "up/m"
    assert client.planned == {get_ident()}
    assert client.drafted
    assert get_ident() not in client.drafted


async def test_of_a_path_of_any_length_only_its_beginning_is_looked_at() -> None:
    async with running_gateway() as url, asyncio.timeout(1.5):
        got = await ask(url, "POST", "/explain", JSON, b'{"path": "/%b"}' % (b"x" * 16_000_000))
    assert (got.status, len(got.body) < 1000) == (400, True)


async def test_the_query_of_a_path_is_no_part_of_it() -> None:
    async with running_gateway() as url:
        found = told(await explain(url, f"{CHAT}?api-version=1", {}, chat_body("hi", "offline/echo")))
    assert (found["path"], found["error"]) == (CHAT, None)
