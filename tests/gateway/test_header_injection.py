"""Header fields go no further than they should: what a caller says adds none towards services, and none of a service's
own comes to callers."""

import json

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.registry import DIALECTS
from tests.shape.voices import VOICES
from tests.support.gateway import ask, chat_body, running_gateway
from tests.support.relaying import Translating
from tests.support.server import Exchange, ReceivedRequest, serve

CHAT = "/v1/chat/completions"
KEY = "key-of-the-service"
EVIL = "x-evil"
BREAKS = {
    "CR LF": f"m\r\n{EVIL}: 1\r\n",
    "LF": f"m\n{EVIL}: 1",
    "CR": f"m\r{EVIL}: 1",
    "NUL": f"m\0{EVIL}: 1",
    "a request": f"m HTTP/1.1\r\nHost: evil.example\r\n{EVIL}: 1\r\n\r\nGET /",
    "a path": f"../../m?{EVIL}=1#",
    "beyond ASCII": f"m\u010d\u010a{EVIL}: 1",
}
"""Names of models that would begin a new field, or another path, where they are written as they are."""

FORBIDDEN_UP = {
    "Cookie": "session=caller",
    "X-Forwarded-For": "10.1.1.1",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=10.1.1.1",
    "Proxy-Authorization": "Basic Y2FsbGVy",
    "X-Real-Ip": "10.1.1.1",
    "Connection": "x-evil",
    "X-Evil": "caller",
    "Authorization": "Bearer caller",
    "X-Api-Key": "caller",
    "Api-Key": "caller",
    "X-Goog-Api-Key": "caller",
    "Origin": "http://caller.example",
    "Referer": "http://localhost/caller",
    "Te": "trailers",
}
FORBIDDEN_DOWN = {
    "set-cookie": "session=service",
    "server": "service/1.0",
    "x-powered-by": "service",
    "location": "http://evil.example",
    "strict-transport-security": "max-age=1",
    "access-control-allow-origin": "*",
    "alt-svc": 'h3=":443"',
    "www-authenticate": "Basic realm=service",
    "x-evil": "service",
    "refresh": "0; url=http://evil.example",
}


def up(protocol: str, url: str) -> Config:
    provider = ProviderConfig(protocol=protocol, url=url, api_key=KEY, secret="", password="p")
    gateway = GatewayConfig(port=0, default_model="up/m", cors_origins=("*",))
    return Config(gateway=gateway, providers={"up": provider})


@pytest.mark.parametrize("protocol", DIALECTS)
async def test_a_model_s_name_begins_no_field_and_no_path(protocol: str) -> None:
    received: list[ReceivedRequest] = []

    async def service(exchange: Exchange) -> None:
        received.append(exchange.request)
        await exchange.reply(500, {"content-type": "application/json"}, b"{}")

    async with serve(service) as there:
        config = up(protocol, f"{there.url}/base")
        async with running_gateway(config) as relay, running_gateway(config, client=Translating(config)) as translate:
            for words in BREAKS.values():
                model = f"up/{words}"
                for url in (relay, translate):
                    for path, body in (
                        (CHAT, chat_body("hi", model)),
                        ("/v1/embeddings", json.dumps({"model": model, "input": "hi"}).encode()),
                        ("/v1/messages/count_tokens", chat_body("hi", model)),
                    ):
                        got = await ask(url, "POST", path, body=body)
                        assert got.status >= 400 or got.text.startswith('{"input_tokens"')
                        assert EVIL not in got.headers
    hosts = {value for request in received for name, value in request.headers.items() if name == "host"}
    assert hosts <= {there.url.removeprefix("http://")}
    assert [each.path for each in received if EVIL in each.headers or not each.path.startswith("/base/")] == []
    assert [each.path for each in received if "/../" in each.path or f"?{EVIL}" in each.path] == []


@pytest.mark.parametrize("caller", VOICES)
async def test_what_a_caller_s_connection_is_about_is_no_affair_of_the_service(caller: str) -> None:
    received: list[ReceivedRequest] = []

    async def service(exchange: Exchange) -> None:
        received.append(exchange.request)
        await exchange.reply(500, {"content-type": "application/json"}, b"{}")

    voice = VOICES[caller]
    async with serve(service) as there:
        for protocol in (caller, "openai-chat"):  # relayed, and translated
            async with running_gateway(up(protocol, there.url)) as url:
                path, asked = voice.path.replace("{model}", "up/m"), voice.ask("hi", True)
                await ask(url, "POST", path, {**asked.headers, **FORBIDDEN_UP}, asked.body)
    assert received
    for request in received:
        said = {name: value for name, value in request.headers.items() if "caller" in value or "evil" in value}
        assert said == {}
        assert not {"cookie", "forwarded", "te", "proxy-authorization"} & set(request.headers)
        assert [name for name in request.headers if name.startswith("x-forwarded")] == []


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("translated", [True, False])
async def test_no_field_of_a_service_s_own_comes_down(status: int, stream: bool, translated: bool) -> None:
    chunk = {"index": 0, "delta": {"content": "hi"}, "message": {"content": "hi"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [chunk]} if status == 200 else {"error": {"message": "no"}}).encode()
    events = status == 200 and stream
    media = {"content-type": "text/event-stream" if events else "application/json"}

    async def service(exchange: Exchange) -> None:
        await exchange.reply(status, FORBIDDEN_DOWN | media, b"data: %b\n\ndata: [DONE]\n\n" % body if events else body)

    async with serve(service) as there:
        config = up("openai-chat", there.url)
        async with running_gateway(config, client=Translating(config) if translated else None) as url:
            got = await ask(url, "POST", CHAT, body=chat_body("hi", "up/m", stream=stream))
    assert got.status == status
    assert {name: value for name, value in got.headers.items() if name in FORBIDDEN_DOWN} == {}
