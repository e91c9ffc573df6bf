"""A service that is a gateway like this one: what it has marked goes back to it alone, and what it has lost is told."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.protocols.opaque import origins_in, wrapped, wrapped_base64
from dragoman.types import OpaqueState, Outcome
from tests.support.gateway import ask, running, running_gateway
from tests.support.over import over
from tests.support.server import Exchange, Handler, Server, serve
from tests.support.signed import JSON, SIGNED, Items, encoded

MARKED = OpaqueState("elsewhere", "c2ln", "0a1b2c3d4e5f")
"""State that the next gateway has of a service behind it."""
BEGUN = b"dragomanMark.0a1b2c3d4e5f.elsewhere", b"dragomanMarkMGExYjJjM2Q0ZTVmLmVsc2V3aGVyZ"
"""How it is written as text, and in base64."""
TARGET = {"x-dragoman-target": "far/m"}
CALLERS = [name for name, voice in SIGNED.items() if voice.signs]


def mark(dialect: str) -> str:
    """What the next gateway writes for its caller."""
    return wrapped_base64(MARKED, dialect) if dialect == "gemini" else wrapped(MARKED, dialect)


def answers(dialect: str, state: str, headers: dict[str, str]) -> Handler:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, JSON | headers, encoded(SIGNED[dialect].reply(state, "I am one.")))

    return handler


@asynccontextmanager
async def between(
    dialects: tuple[str, str], states: tuple[str, str], headers: dict[str, str], *, both: bool = False
) -> AsyncIterator[tuple[Server, Server, str]]:
    """Two services of these dialects, and the gateway before them. The first, or both, answer with these headers."""
    async with (
        serve(answers(dialects[0], states[0], headers)) as first,
        serve(answers(dialects[1], states[1], headers if both else {})) as second,
    ):
        urls = zip("ab", (first, second), dialects, strict=True)
        providers = {
            name: ProviderConfig(protocol=dialect, url=up.url + SIGNED[dialect].base, api_key="k")
            for name, up, dialect in urls
        }
        config = Config(gateway=GatewayConfig(port=0), providers=providers)
        async with running_gateway(config) as url:
            yield first, second, url


async def said(url: str, caller: str, model: str, items: Items) -> Any:
    voice = SIGNED[caller]
    got = await ask(url, "POST", voice.path(model), JSON, encoded(voice.body(model, items)))
    assert got.status == 200, got.text
    return json.loads(got.body)


async def conversation(url: str, caller: str, models: str) -> None:
    """Asks each of these providers in turn, and sends back all that has come."""
    voice, items = SIGNED[caller], list[Any]()
    for name in models:
        items.append(voice.user("Who are you?"))
        items += voice.turn(await said(url, caller, f"{name}/m", items))


@pytest.mark.parametrize("second", SIGNED)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_gateway_gets_back_what_it_has_marked_and_no_other_service_does(caller: str, second: str) -> None:
    async with between((caller, second), (mark(caller), "U2Vjb25k"), TARGET) as (first, other, url):
        await conversation(url, caller, "aaba")
    for request in first.requests[1:]:
        assert mark(caller).encode() in request.body
        assert origins_in(request.body) == {MARKED.origin}
    (request,) = other.requests
    assert b"dragomanMark" not in request.body
    assert b"c2ln" not in request.body


@pytest.mark.parametrize("dialect", CALLERS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_it_does_so_in_its_own_protocol(caller: str, dialect: str) -> None:
    """What has come to the caller by a relay of its protocol goes to the same gateway by a translation, too."""
    async with between((caller, dialect), (mark(caller), "U2Vjb25k"), TARGET, both=True) as (_, other, url):
        await conversation(url, caller, "b")
        await conversation(url, caller, "ab")
    assert BEGUN[dialect == "gemini"] in other.requests[1].body


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_service_that_is_not_known_as_a_gateway_does_not_get_it(caller: str) -> None:
    async with between((caller, "ollama"), (mark(caller), ""), {}) as (first, _, url):
        await conversation(url, caller, "aa")
    assert b"dragomanMark" not in first.requests[1].body


@pytest.mark.parametrize("changed", ["api_key", "url"])
async def test_after_a_reload_it_is_still_known_unless_it_is_elsewhere(changed: str) -> None:
    caller = "anthropic"
    voice = SIGNED[caller]
    async with serve(answers(caller, mark(caller), TARGET)) as first, serve(answers(caller, "c2ln", {})) as second:
        entry = ProviderConfig(protocol=caller, url=first.url, api_key="k")
        config = Config(gateway=GatewayConfig(port=0), providers={"a": entry})
        async with running(config) as up:
            items: Items = [voice.user("Who are you?")]
            items += [*voice.turn(await said(up.url, caller, "a/m", items)), voice.user("Who are you?")]
            new = replace(entry, api_key="other") if changed == "api_key" else replace(entry, url=second.url)
            up.server.replace(up.server.gateway.successor(Client(replace(config, providers={"a": new}))))
            await said(up.url, caller, "a/m", items)
    if changed == "api_key":
        assert mark(caller).encode() in first.requests[1].body
    else:
        assert b"dragomanMark" not in second.requests[0].body


@asynccontextmanager
async def chained(handler: Handler, dialect: str) -> AsyncIterator[str]:
    """A gateway that asks another in this protocol, which asks a service of Chat Completions."""
    async with serve(handler) as service, running_gateway(over(f"{service.url}/v1")) as inner:
        near = ProviderConfig(protocol=dialect, url=inner + SIGNED[dialect].base, api_key="k")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"next": near})) as outer:
            yield outer


@pytest.mark.parametrize("dialect", ["openai-responses", "anthropic", "gemini"])
async def test_a_count_that_the_next_gateway_has_estimated_is_an_estimate(dialect: str) -> None:
    async def nothing(exchange: Exchange) -> None:
        await exchange.reply(404, JSON, b"{}")

    body = encoded({"model": "next/up/m", "max_tokens": 1, "messages": [{"role": "user", "content": "one two three"}]})
    async with chained(nothing, dialect) as url:
        got = await ask(url, "POST", "/v1/messages/count_tokens", JSON, body)
    assert (got.status, got.headers["x-dragoman-estimated"]) == (200, "input_tokens")


async def test_vectors_tell_what_was_lost_and_estimated_behind_the_next_gateway() -> None:
    async def embeds(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, encoded({"data": [{"embedding": [0.5]}]}))

    body = encoded({"model": "next/up/m", "input": "a", "truncate": False})
    async with chained(embeds, "ollama") as url:
        got = await ask(url, "POST", "/api/embed", JSON, body)
    assert (got.status, got.headers["x-dragoman-estimated"]) == (200, "input_tokens")
    assert got.headers["x-dragoman-losses"] == "truncate"


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic", "gemini"])
async def test_the_sizes_of_models_are_told_through_the_next_gateway(dialect: str) -> None:
    async def lists(exchange: Exchange) -> None:
        sizes = {"context_length": 123_456, "max_completion_tokens": 512}
        await exchange.reply(200, JSON, encoded({"object": "list", "data": [{"id": "mine", **sizes}]}))

    async with chained(lists, dialect) as url:
        got = await ask(url, "GET", "/v1/models")
        (told,) = [each for each in json.loads(got.body)["data"] if each["id"] == "next/up/mine"]
        alone = json.loads((await ask(url, "GET", "/v1/models/next/up/mine")).body)
    assert (told["context_length"], told["max_completion_tokens"]) == (123_456, 512)
    assert told == alone


ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "anthropic": ("/v1/messages", {"max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}),
    "ollama": ("/api/chat", {"stream": False, "messages": [{"role": "user", "content": "hi"}]}),
    "a count": ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "hi"}]}),
    "vectors": ("/v1/embeddings", {"input": "hi"}),
}


LOOPS = [(asked, dialect) for asked in ASKED for dialect in ("openai-chat", "anthropic", "ollama")]
PASSED_ON = {"x-dragoman-hops", "x-request-id"}
NO_LOOPS = {("a count", "openai-chat"), ("a count", "ollama"), ("vectors", "anthropic")}
"""Questions that the service's protocol does not have."""


@pytest.mark.parametrize(("asked", "dialect"), [each for each in LOOPS if each not in NO_LOOPS])
async def test_a_gateway_that_leads_back_to_itself_is_noticed(asked: str, dialect: str) -> None:
    path, said = ASKED[asked]
    seen: list[str] = []

    async def back(exchange: Exchange) -> None:
        """A proxy, whose name for the gateway the gateway does not know as its own."""
        request = exchange.request
        seen.append(request.headers["x-dragoman-hops"])
        if len(seen) > 20:  # it would go on until nothing is left
            await exchange.reply(400, JSON, b"{}")
            return
        headers = JSON | {name: said for name, said in request.headers.items() if name in PASSED_ON}
        body = request.body.replace(b'"m"', b'"a/m"')
        got = await ask(gateway[0], "POST", request.path, headers, body)
        await exchange.reply(got.status, JSON, got.body)

    async with serve(back) as service:
        provider = ProviderConfig(protocol=dialect, url=service.url + SIGNED[dialect].base, api_key="k")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"a": provider})) as url:
            gateway = [url]
            for more in ({"x-request-id": "mine"}, {}, {}):  # the last one with heads that are known by then
                seen.clear()
                got = await ask(url, "POST", path, JSON | more, encoded({"model": "a/m"} | said))
                assert (got.status, len(seen)) == (400, 8)
                assert "gateway_loop" in got.text or "come through 8 gateways" in got.text


@pytest.mark.parametrize("dialect", SIGNED)
@pytest.mark.parametrize("caller", SIGNED)
async def test_a_whole_answer_that_breaks_off_at_the_next_gateway_is_another_target_s(
    caller: str, dialect: str
) -> None:
    """Nothing of it has gone out, whether it is relayed or translated."""
    outcomes: list[Outcome] = []
    async with running_gateway() as inner:
        near = ProviderConfig(protocol=dialect, url=inner + SIGNED[dialect].base, api_key="k")
        route = ModelConfig(targets=("a/offline/script", "b/offline/echo"))
        config = Config(gateway=GatewayConfig(port=0), providers={"a": near, "b": near}, models={"m": route})
        async with running(config, observers=[outcomes.append]) as outer:
            voice = SIGNED[caller]
            body = encoded(voice.body("m", [voice.user("text: half\ncut")]))
            got = await ask(outer.url, "POST", voice.path("m"), JSON, body)
    assert (got.status, "cut" in got.text) == (200, True), got.text
    (outcome,) = outcomes
    assert (outcome.target, [each.target for each in outcome.attempts]) == ("b/offline/echo", ["a/offline/script"])
    assert not outcome.usage_estimated


BROKEN_IN_THE_MIDDLE = {
    "400": ("invalid_request", 400),
    "401": ("invalid_api_key", 401),
    "402": ("insufficient_quota", 429),
    "403": ("permission_denied", 403),
    "404": ("unknown_path", 404),
    "408": ("upstream_error", 500),
    "409": ("upstream_error", 500),
    "422": ("invalid_request", 400),
    "425": ("upstream_error", 500),
    "429": ("rate_limit_exceeded", 429),
    "502": ("upstream_error", 500),
    "503": ("overloaded", 503),
}
"""A failure to what the outer gateway says of it, and a status that means the same to callers."""
OWN = {(int(said), said) for said in BROKEN_IN_THE_MIDDLE}
"""The service's own status, which some protocols tell."""


@pytest.mark.parametrize("said", BROKEN_IN_THE_MIDDLE)
@pytest.mark.parametrize("dialect", SIGNED)
async def test_a_failure_in_mid_stream_of_the_next_gateway_is_of_the_same_kind(dialect: str, said: str) -> None:
    """Whose fault it is decides whether others are asked, and whether the breaker counts it."""
    code, status = BROKEN_IN_THE_MIDDLE[said]
    asks = "openai-chat" if dialect == "ollama" else "ollama"  # a translation, for which the answer must be whole
    async with running_gateway() as inner:
        near = ProviderConfig(protocol=dialect, url=inner + SIGNED[dialect].base, api_key="k")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"next": near})) as outer:
            voice = SIGNED[asks]
            body = voice.body("next/offline/script", [voice.user(f"text: half\nerror: {said} Because!")])
            got = await ask(outer, "POST", voice.path("next/offline/script"), JSON, encoded(body))
    assert ("Because!" in got.text, f'"{code}"' in got.text) == (True, True), got.text
    assert got.status == status or (got.status >= 500 and status == 500) or (got.status, said) in OWN
