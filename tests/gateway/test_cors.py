"""Pages of other sites: which may call, and what their browsers are told."""

import pytest

from dragoman.config import Config, GatewayConfig, load
from dragoman.errors import ConfigurationError
from dragoman.gateway.cors import Cors
from dragoman.types import ServerRequest
from dragoman.wire import json
from tests.support.gateway import LOCAL, Got, ask, chat, chat_body, connect, running_gateway
from tests.support.relaying import EVENTS, configured, question
from tests.support.server import Exchange, serve

CHAT = "/v1/chat/completions"
PAGE = {"Origin": "https://page.example"}
LISTED = Config(gateway=GatewayConfig(port=0, cors_origins=("https://Page.example/", "chrome-extension://abc")))
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one",), cors_origins=("https://page.example",)))
ANY = Config(gateway=GatewayConfig(port=0, cors_origins=("*",)))
BEFORE = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,x-a"}


def cors_headers(got: Got) -> dict[str, str]:
    """What a browser is told."""
    return {name: value for name, value in got.headers.items() if name.startswith("access-control") or name == "vary"}


READABLE = {
    "access-control-allow-origin": "https://page.example",
    "access-control-expose-headers": (
        "request-id, retry-after, retry-after-ms, x-dragoman-attempts, x-dragoman-cache, x-dragoman-estimated, "
        "x-dragoman-losses, x-dragoman-stream, x-dragoman-target, x-request-id, x-should-retry"
    ),
    "vary": "origin",
}


async def test_a_browser_may_ask_beforehand_and_needs_no_key_for_that() -> None:
    async with running_gateway(KEYED) as url:
        for path, methods in {CHAT: "POST", "/v1/models": "GET", "/cromicle/chat": "POST", "/no": "GET, POST"}.items():
            got = await ask(url, "OPTIONS", path, PAGE | BEFORE)
            assert (got.status, got.body, "content-length" in got.headers) == (204, b"", False)
            assert cors_headers(got) == READABLE | {
                "access-control-allow-methods": methods,
                "access-control-allow-headers": "authorization,content-type,x-a",
                "access-control-max-age": "7200",
            }


@pytest.mark.parametrize("stream", [True, False])
async def test_every_answer_to_a_listed_page_can_be_read(stream: bool) -> None:
    async with running_gateway(KEYED) as url, connect(url) as wire:
        refused = await chat(url, "text: hi", headers=PAGE, stream=stream)
        for _ in range(3):  # from the second on its head is known
            wire.send("POST", CHAT, PAGE | {"Authorization": "Bearer key-one"}, chat_body("text: hi", stream=stream))
            got = await wire.answer()
            assert (got.status, got.clean, cors_headers(got)) == (200, True, READABLE)
        wire.send("POST", CHAT, PAGE | {"Authorization": "Bearer key-one"}, b"{")
        wrong = await wire.answer()
    assert (refused.status, wrong.status) == (401, 400)
    assert cors_headers(refused) == cors_headers(wrong) == READABLE


@pytest.mark.parametrize("stream", [True, False])
async def test_a_relayed_answer_can_be_read_too(stream: bool) -> None:
    async def script(exchange: Exchange) -> None:
        if stream:
            await exchange.head(200, EVENTS)
            await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
            await exchange.chunk(b"data: [DONE]\n\n")
            await exchange.end()
        else:
            body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'
            await exchange.reply(200, {"content-type": "application/json"}, body)

    async with serve(script) as service:
        config = configured(service.url)
        listed = Config(gateway=LISTED.gateway, providers=config.providers)
        async with running_gateway(listed) as url, connect(url) as wire:
            for _ in range(3):
                wire.send("POST", CHAT, PAGE, question(stream=stream))
                got = await wire.answer()
                assert (got.status, cors_headers(got)) == (200, READABLE)


async def test_no_key_need_be_asked_of_a_listed_page() -> None:
    async with running_gateway(LISTED) as url:
        listed = await chat(url, "text: hi", headers=PAGE)
        extension = await chat(url, "text: hi", headers={"Origin": "chrome-extension://abc"})
        other = await chat(url, "text: hi", headers={"Origin": "https://evil.example"})
        nobody = await chat(url, "text: hi")
    assert (listed.status, extension.status, other.status, nobody.status) == (200, 200, 403, 200)
    assert cors_headers(other) == cors_headers(nobody) == {"vary": "origin"}


async def test_every_page_may_call_where_every_site_is_listed() -> None:
    async with running_gateway(ANY) as url:
        got = await chat(url, "text: hi", headers={"Origin": "null"})
        before = await ask(url, "OPTIONS", CHAT, {"Origin": "https://any.example"} | BEFORE)
    assert (got.status, got.headers["access-control-allow-origin"]) == (200, "*")
    assert (before.status, before.headers["access-control-allow-origin"]) == (204, "*")
    assert not any("credentials" in name for name in (*got.headers, *before.headers))


async def test_other_pages_are_refused_and_told_the_setting() -> None:
    for config in (LOCAL, KEYED, LISTED):
        async with running_gateway(config) as url:
            got = await ask(url, "OPTIONS", CHAT, {"Origin": "https://evil.example"} | BEFORE)
        assert got.status == 403
        assert "gateway.cors_origins" in json.decode_event(got.body)["error"]["message"]
        assert not any(name.startswith("access-control") for name in got.headers)


async def test_a_page_of_the_right_host_by_another_scheme_is_another_site() -> None:
    async with running_gateway(LOCAL) as url:
        own = await chat(url, "text: hi", headers={"Origin": url})
        other = await chat(url, "text: hi", headers={"Origin": url.replace("http:", "https:")})
    assert (own.status, other.status) == (200, 403)


def test_headers_that_are_none_are_not_said_back() -> None:
    call = ServerRequest(method="OPTIONS", path="/", headers=((b"access-control-request-headers", b"a\x01b"),))
    said = dict(Cors(("*",)).answer(call, ["GET"]).headers)
    assert said["access-control-allow-headers"] == "authorization, content-type, x-api-key"


def test_an_origin_is_known_however_the_configuration_spells_it() -> None:
    cors = Cors(("HTTPS://A.example:443/", "http://b.example:80", "https://c.example:80", "http://[::1]:8080"))
    assert all(map(cors.allows, ("https://a.example", "http://b.example", "https://c.example:80", "http://[::1]:8080")))
    assert not any(map(cors.allows, ("http://a.example", "https://c.example")))


@pytest.mark.parametrize("origin", ["page.example", "https://page.example/path", "null", "https://*.example"])
def test_an_origin_that_is_none_is_a_fault_of_the_configuration(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="origin"):
        load(None, {"DRAGOMAN_GATEWAY_CORS_ORIGINS": origin})


async def test_a_page_of_another_site_is_refused_unless_it_shows_a_key() -> None:
    async with running_gateway(LOCAL) as url:
        own = await chat(url, "text: hi", headers={"Origin": url})
        foreign = [await chat(url, "text: hi", headers={"Origin": site}) for site in ("https://evil.example", "null")]
        form = await ask(url, "POST", "/cromicle/chat", {"Origin": "https://evil.example"}, b"{}")
    async with running_gateway(KEYED) as url:
        keyed = await chat(
            url, "text: hi", headers={"Authorization": "Bearer key-one", "Origin": "https://evil.example"}
        )
    assert own.status == keyed.status == 200
    assert [json.decode_event(got.body)["error"]["code"] for got in foreign] == ["foreign_origin"] * 2
    assert [got.status for got in foreign] == [403, 403]
    assert form.status == 403
    assert not any(name.startswith("access-control") for name in keyed.headers)
