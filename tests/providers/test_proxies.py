"""The proxy on the way to a service: the one that was set, else the environment's, in library and gateway."""

import json
from typing import Any

import pytest

from dragoman import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.providers.aichatfree import AIChatFree
from dragoman.providers.session.session import StreamSession
from tests.cli.shell import DONE, SSE, chunk
from tests.support.gateway import ask, chat_body, running_gateway
from tests.support.server import Exchange, serve

SERVICE = "http://service.example"
MESSAGES = [{"role": "user", "content": "Hi"}]


async def fine(exchange: Exchange) -> None:
    if exchange.request.path.endswith("/chat/completions"):
        await exchange.reply(headers=SSE, body=chunk("fine") + chunk(finish="stop") + DONE)
    else:
        await exchange.reply(body=b"fine")


@pytest.mark.parametrize("extra", [{}, {"impersonate": "chrome107"}], ids=["native", "browser"])
async def test_the_library_goes_through_the_environments_proxy(
    extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(fine) as proxy:
        monkeypatch.setenv("http_proxy", f"http://ada:lovelace@127.0.0.1:{proxy.port}")
        assert await AIChatFree.create_async("m", MESSAGES, url=SERVICE, **extra) == "fine"
        assert proxy.requests[0].path.startswith(f"{SERVICE}/")
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic YWRhOmxvdmVsYWNl"


async def test_this_machine_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(fine) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert await AIChatFree.create_async("m", MESSAGES, url=server.url) == "fine"
        async with StreamSession() as session, session.get(server.url) as response:
            assert await response.text() == "fine"


@pytest.mark.parametrize("proxies", [None, {}])
async def test_a_session_by_hand_goes_through_it_unless_it_was_told_its_proxies(
    proxies: dict[str, str | None] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = StreamSession(proxies=proxies)
    async with serve(fine) as proxy, session:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        opening = session.get(f"{SERVICE}/x")
        assert opening._route.proxy == (f"http://127.0.0.1:{proxy.port}" if proxies is None else None)
        if proxies is None:
            async with opening as response:
                assert await response.text() == "fine"


@pytest.mark.parametrize("stream", [True, False])
async def test_the_gateway_relays_through_it(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(exchange: Exchange) -> None:
        if stream:
            await fine(exchange)
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
        body = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]}).encode()
        await exchange.reply(headers={"content-type": "application/json"}, body=body)

    up = ProviderConfig(protocol="openai-chat", url=f"{SERVICE}/v1")
    config = Config(gateway=GatewayConfig(port=0), providers={"up": up})
    async with serve(answer) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with running_gateway(config) as url:
            body = chat_body("Hi", "up/m", stream=stream)
            got = await ask(url, "POST", "/v1/chat/completions", {"content-type": "application/json"}, body)
    assert got.status == 200
    assert proxy.requests[0].path == f"{SERVICE}/v1/chat/completions"


ENVIRONMENTS, GATEWAYS, OWN = "http://environment:1", "http://gateway:2", "http://own:3"


@pytest.mark.parametrize(
    ("own", "gateway", "wanted"),
    [
        (None, None, ENVIRONMENTS),
        (None, GATEWAYS, GATEWAYS),
        (OWN, GATEWAYS, OWN),
        (OWN, None, OWN),
        ("none", None, None),
        ("none", GATEWAYS, None),
        (None, "none", None),
        (OWN, "none", OWN),
    ],
)
async def test_the_nearest_setting_decides(
    own: str | None, gateway: str | None, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", ENVIRONMENTS)
    monkeypatch.setenv("https_proxy", ENVIRONMENTS)
    up = ProviderConfig(protocol="openai-chat", url=f"{SERVICE}/v1", proxy=own)
    async with Client(Config(gateway=GatewayConfig(proxy=gateway), providers={"up": up})) as client:
        assert client.providers["up"].route().proxy == wanted
        if own is None:
            assert client.providers["openai"].route().proxy == wanted
        assert (gateway or "canary") not in repr(client.config) or gateway == "none"
