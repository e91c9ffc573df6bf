"""The four founding services, each against a service of its own over real sockets."""

import asyncio
import hashlib
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from dragoman.errors import (
    AuthenticationError,
    ConnectError,
    DragomanError,
    ModelNotFoundError,
    RateLimitError,
    TimeoutError,
    TransportError,
    TruncatedStreamError,
)
from dragoman.providers import Aibn, AIChatFree, AiChatOnline, AsyncGeneratorProvider, Cromicle, ProviderModelMixin
from dragoman.providers.aibn import generate_signature as aibn_signature
from dragoman.providers.aichatfree import generate_signature as aichatfree_signature
from dragoman.providers.cromicle import _create_header, _create_payload
from tests.support.server import Exchange, serve

HELLO = [{"role": "user", "content": "Привет"}]
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "One"},
    {"role": "assistant", "content": "Two"},
    {"role": "user", "content": "Three?"},
]
TALK_PROMPT = "System: Be brief.\nUser: One\nAssistant: Two\nUser: Three?\nAssistant:"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def at(provider: type[AsyncGeneratorProvider], url: str, **attributes: Any) -> type[AsyncGeneratorProvider]:
    """The class with another host, as a user would write it."""
    return type("Local", (provider,), {"url": url, **attributes})


def online_at(host: str) -> type[AiChatOnline]:
    class Local(AiChatOnline):
        url = host

    return Local


async def raw(exchange: Exchange) -> None:
    """An answer of raw text whose character is cut between two chunks."""
    await exchange.head()
    for piece in (b"\xd0\x9f\xd1\x80\xd0", b"\xb8\xd0\xb2\xd0\xb5\xd1\x82", b"!"):
        await exchange.chunk(piece)
    await exchange.end()


async def online(exchange: Exchange) -> None:
    """AiChatOnline: a token, then lines of JSON with heartbeats among them."""
    if exchange.request.method == "GET":
        await exchange.reply(body=b'{"code":200,"data":"tok-1"}')
        return
    await exchange.head()
    for line in ('{"data":{"message":"При"}}\n', "\n", "ping\n", '{"data":{}}\n', '{"data":{"message":"вет!"}}\n'):
        await exchange.chunk(line.encode())
    await exchange.end()


SERVICES = [(Aibn, raw), (AIChatFree, raw), (Cromicle, raw), (AiChatOnline, online)]


@pytest.mark.parametrize(
    ("provider", "attributes"),
    [
        (
            Aibn,
            {
                "url": "https://aibn.cc",
                "supports_message_history": True,
                "supports_gpt_35_turbo": True,
                "impersonate": "chrome107",
            },
        ),
        (
            AIChatFree,
            {
                "url": "https://aichatfree.info",
                "default_model": "gemini-1.5-pro",
                "supports_stream": True,
                "supports_message_history": True,
            },
        ),
        (
            AiChatOnline,
            {
                "site_url": "https://aichatonline.org",
                "url": "https://aichatonlineorg.erweima.ai",
                "api_endpoint": "/aichatonline/api/chat/gpt",
                "default_model": "gpt-4o-mini",
            },
        ),
        (Cromicle, {"url": "https://cromicle.top", "supports_gpt_35_turbo": True}),
    ],
)
def test_the_attributes_are_the_founding_ones(
    provider: type[AsyncGeneratorProvider], attributes: dict[str, object]
) -> None:
    assert {name: getattr(provider, name) for name in attributes} == attributes
    assert provider.working is False


@pytest.mark.parametrize(("provider", "service"), SERVICES)
async def test_text_arrives_whole_from_a_host_of_ones_own(provider: type[AsyncGeneratorProvider], service: Any) -> None:
    async with serve(service) as server:
        pieces = [text async for text in at(provider, server.url).create_async_generator("gpt-3.5-turbo", HELLO)]
        assert "".join(pieces) == "Привет!"
        assert await at(provider, server.url).create_async("", HELLO) == "Привет!"


@pytest.mark.parametrize(("provider", "service"), SERVICES)
async def test_the_generator_may_be_awaited_and_is_one(provider: type[AsyncGeneratorProvider], service: Any) -> None:
    async with serve(service) as server:
        generator = at(provider, server.url).create_async_generator(model="", messages=HELLO)
        assert isinstance(generator, AsyncGenerator)
        opened: Any = await generator  # type: ignore[misc]  # the founding type says async generator only
        assert opened is generator
        assert "".join([text async for text in opened]) == "Привет!"


@pytest.mark.parametrize("provider", [Aibn, AIChatFree, AiChatOnline, Cromicle])
async def test_a_refused_connection_raises_where_it_is_awaited(
    provider: type[AsyncGeneratorProvider], unused_tcp_port: int
) -> None:
    local = at(provider, f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ConnectError) as caught:
        await local.create_async_generator("", HELLO)  # type: ignore[misc]  # see above
    assert "gone" not in str(caught.value)


@pytest.mark.parametrize("provider", [Aibn, AIChatFree, AiChatOnline, Cromicle])
async def test_a_hosted_site_that_cannot_be_reached_says_that_it_is_gone(
    provider: type[AsyncGeneratorProvider], unused_tcp_port: int
) -> None:
    proxy = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(TransportError, match=r"the hosted site https://\S+ is gone; give `url`"):
        await provider.create_async("", HELLO, proxy=proxy)


async def test_aibn_signs_over_seconds_and_sends_the_password() -> None:
    async with serve(raw) as server:
        await at(Aibn, server.url).create_async("gpt-3.5-turbo", TALK, temperature=0.5)
        await at(Aibn, server.url, secret="s3cret", password="hunter2").create_async("", HELLO)
        await at(Aibn, server.url).create_async("", HELLO, secret="", password="second", timeout=5)
    first, second, third = (json.loads(seen.body) for seen in server.requests)
    assert server.requests[0].path == "/api/generate"
    assert set(first) == {"messages", "time", "pass", "sign", "temperature"}
    assert (first["messages"], first["pass"], first["temperature"]) == (TALK, None, 0.5)
    assert first["time"] < 10**11
    assert first["sign"] == sha256(f"{first['time']}:Three?:undefined")
    assert (second["pass"], second["sign"]) == ("hunter2", sha256(f"{second['time']}:Привет:s3cret"))
    assert (third["pass"], third["sign"]) == ("second", sha256(f"{third['time']}:Привет:"))


class Alike(Aibn):
    impersonate = "chrome107"


@pytest.mark.parametrize("overrides", [{"impersonate": "chrome107"}, {}])
async def test_aibn_really_is_a_browser(overrides: dict[str, str]) -> None:
    async with serve(raw) as server:
        await at(Aibn if overrides else Alike, server.url, **overrides).create_async("", HELLO)
    headers = server.requests[0].headers
    assert "Chrome/107" in headers["user-agent"]
    assert "sec-ch-ua" in headers


async def test_a_host_in_this_machine_is_asked_without_a_browser_s_likeness() -> None:
    async with serve(raw) as server:
        await at(Aibn, server.url).create_async("", HELLO)
        await at(Alike, server.url, impersonate=None).create_async("", HELLO)
    assert ["sec-ch-ua" in request.headers for request in server.requests] == [False, False]


LIKENESSES = [
    (Aibn, {}, "chrome107"),
    (Aibn, {"url": "http://127.0.0.2:3000"}, None),
    (Aibn, {"url": "http://[::1]:3000"}, None),
    (Aibn, {"url": "http://LOCALHOST"}, None),
    (Aibn, {"url": "http://chat.localhost/x"}, None),
    (Aibn, {"url": "https://mine.example"}, "chrome107"),
    (Aibn, {"url": "http://127.0.0.1.example"}, "chrome107"),
    (Aibn, {"url": "http://127.0.0.1", "impersonate": "chrome"}, "chrome"),
    (Alike, {"url": "http://127.0.0.1"}, "chrome107"),
    (Cromicle, {"url": "https://mine.example"}, None),
]


@pytest.mark.parametrize(("provider", "attributes", "likeness"), LIKENESSES)
def test_what_a_hosted_site_wants_is_not_asked_of_one_s_own(
    provider: type[AsyncGeneratorProvider], attributes: dict[str, str], likeness: str | None
) -> None:
    assert provider.configured(attributes).likeness() == likeness


ON_A_CORE_INSTALL = """
import asyncio, sys
sys.modules |= dict.fromkeys(["curl_cffi", "aiohttp", "rich"])  # an import of one then fails
from dragoman.providers import Aibn, AIChatFree, Cromicle
print(Aibn.configured({"url": "https://mine.example"}).likeness(), Aibn.likeness())
for provider in (Aibn, AIChatFree, Cromicle):
    local = provider.configured({"url": sys.argv[1]})
    print(asyncio.run(local.create_async("", [{"role": "user", "content": "x"}])))
"""


async def test_hosts_of_one_s_own_work_without_any_extra() -> None:
    async with serve(raw) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ON_A_CORE_INSTALL, server.url, stdout=PIPE, env=os.environ | {"PYTHONUTF8": "1"}
        )
        out, _ = await process.communicate()
    assert out.decode().split() == ["None", "chrome107", "Привет!", "Привет!", "Привет!"]


async def test_aichatfree_sends_geminis_roles_signed_over_milliseconds() -> None:
    async with serve(raw) as server:
        await at(AIChatFree, server.url).create_async("", TALK)
    body, headers = json.loads(server.requests[0].body), server.requests[0].headers
    assert set(body) == {"messages", "time", "pass", "sign"}
    assert [message["role"] for message in body["messages"]] == ["user", "user", "model", "user"]
    assert body["messages"][0]["parts"] == [{"text": "Be brief."}]
    assert body["time"] > 10**12
    assert body["sign"] == sha256(f"{body['time']}:Three?:")
    assert "Firefox" in headers["user-agent"]
    assert headers["content-type"] == "text/plain;charset=UTF-8"
    assert (headers["origin"], headers["referer"]) == (server.url, f"{server.url}/")
    assert headers["accept"] == "*/*"


async def test_aichatfree_takes_quota_exceeded_for_a_rate_limit() -> None:
    async def busy(exchange: Exchange) -> None:
        await exchange.reply(500, body=b'{"error":{"code":"Error","message":"Quota exceeded for quota metric x"}}')

    async with serve(busy) as server:
        with pytest.raises(RateLimitError, match="Quota exceeded"):
            await at(AIChatFree, server.url).create_async("", HELLO)


async def test_aichatfree_really_uses_the_callers_connector_and_leaves_it_open() -> None:
    class Counting(aiohttp.TCPConnector):
        connected = 0

        async def connect(self, *args: Any, **kwargs: Any) -> Any:
            self.connected += 1
            return await super().connect(*args, **kwargs)

    async with serve(raw) as server:
        connector = Counting()
        texts = [
            text
            async for text in at(AIChatFree, server.url).create_async_generator("", HELLO, None, connector)  # type: ignore[call-arg]  # its own signature
        ]
        assert "".join(texts) == "Привет!"
        assert connector.connected == 1
        assert not connector.closed
        await connector.close()


async def test_aichatonline_fetches_a_token_and_shows_it() -> None:
    async with serve(online) as server:
        await at(AiChatOnline, server.url).create_async("", TALK)
    token, chat = server.requests
    assert token.method == "GET"
    assert token.path.startswith("/api/v1/user/getUniqueId?canvas=-")
    assert chat.path == "/aichatonline/api/chat/gpt"
    assert chat.headers["uniqueid"] == "tok-1"
    assert "Firefox" in chat.headers["user-agent"]
    assert chat.headers["referer"] == f"{server.url}/chatgpt/chat/"
    body = json.loads(chat.body)
    assert set(body) == {"conversationId", "prompt"}
    assert body["prompt"] == TALK_PROMPT


async def test_grab_token_uses_the_callers_session() -> None:
    async with serve(online) as server, aiohttp.ClientSession(headers={"x-mine": "yes"}) as session:
        assert await online_at(server.url).grab_token(session, None) == "tok-1"
        assert server.requests[0].headers["x-mine"] == "yes"
        assert not session.closed


async def test_grab_token_raises_the_exact_error() -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(401, body=b'{"error":{"message":"go away"}}')

    async with serve(refuse) as server, aiohttp.ClientSession() as session:
        with pytest.raises(AuthenticationError, match="go away"):
            await online_at(server.url).grab_token(session, None)


async def test_cromicle_sends_one_hashed_text() -> None:
    async with serve(raw) as server:
        await at(Cromicle, server.url).create_async("", TALK)
    seen = server.requests[0]
    assert seen.path == "/chat"
    assert json.loads(seen.body) == _create_payload(TALK_PROMPT)
    assert {name: seen.headers[name] for name in _create_header()} == _create_header()


def test_cromicles_header_and_payload_are_the_founding_ones() -> None:
    assert _create_header() == {"accept": "*/*", "content-type": "application/json"}
    assert _create_payload("Привет") == {"message": "Привет", "token": "abc", "hash": sha256("abcПривет")}


def test_signatures_are_the_founding_ones() -> None:
    assert aibn_signature(1795230992, "Привет") == "982b80ca67aa5d94a0a5094f99b7de6e0bd11c17378410d69ff3e87febf6f744"
    assert aibn_signature(1, "x", "s") == sha256("1:x:s")
    assert aichatfree_signature(1795230582154, "x") == sha256("1795230582154:x:")
    assert aichatfree_signature(time=2, text="y", secret="s") == sha256("2:y:s")


@pytest.mark.parametrize("provider", [Aibn, AIChatFree])
async def test_a_last_chunk_of_its_own_that_says_so_is_a_broken_answer(
    provider: type[AsyncGeneratorProvider],
) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"so far")
        await exchange.chunk(b"Internal server error")
        await exchange.end()

    async with serve(broken) as server:
        texts: list[str] = []
        with pytest.raises(TruncatedStreamError):
            async for text in at(provider, server.url).create_async_generator("", HELLO):
                texts.append(text)
        assert texts == ["so far"]
        trusting = at(provider, server.url, broken_mark=None)
        assert await trusting.create_async("", HELLO) == "so farInternal server error"


@pytest.mark.parametrize(("provider", "service"), SERVICES)
async def test_a_reset_gives_the_text_so_far_and_then_the_error(
    provider: type[AsyncGeneratorProvider], service: Any
) -> None:
    async def cut_short(exchange: Exchange) -> None:
        if exchange.request.method == "GET":
            await service(exchange)
            return
        await exchange.head()
        await exchange.chunk(b'{"data":{"message":"so far"}}\n' if provider is AiChatOnline else b"so far")
        got_it.clear()
        await got_it.wait()
        exchange.reset()

    got_it = asyncio.Event()
    async with serve(cut_short) as server:
        texts: list[str] = []
        with pytest.raises(TruncatedStreamError):
            async for text in at(provider, server.url).create_async_generator("", HELLO):
                texts.append(text)
                got_it.set()
        assert "".join(texts) == "so far"


@pytest.mark.parametrize("provider", [Aibn, AIChatFree, Cromicle])
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"content-type": "text/html"}, b"<!DOCTYPE html><title>Just a moment</title>"),
        (200, {}, b"  <html><body>sign in</body></html>"),
        (200, {}, b"Invalid signature"),
        (200, {}, b"No input text"),
    ],
)
async def test_pages_and_known_error_texts_are_never_text(
    provider: type[AsyncGeneratorProvider], status: int, headers: dict[str, str], body: bytes
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(status, headers, body)

    async with serve(answer) as server:
        with pytest.raises(DragomanError):
            await at(provider, server.url).create_async("", HELLO)


async def silent(exchange: Exchange) -> None:
    """The head and one piece, and then nothing."""
    await exchange.head()
    await exchange.chunk(b"so far")
    await exchange.closed()


@pytest.mark.parametrize("provider", [Aibn, Cromicle])
async def test_a_stall_is_a_timeout_with_its_phase(provider: type[AsyncGeneratorProvider]) -> None:
    async with serve(silent) as server:
        texts: list[str] = []
        with pytest.raises(TimeoutError) as caught:
            async for text in at(provider, server.url).create_async_generator("", HELLO, timeout=0.2):
                texts.append(text)
        assert texts == ["so far"]
        assert caught.value.phase == "idle"


@pytest.mark.parametrize("provider", [Aibn, AIChatFree, Cromicle])
async def test_leaving_the_loop_closes_the_socket(provider: type[AsyncGeneratorProvider]) -> None:
    async with serve(silent) as server:
        async for text in at(provider, server.url).create_async_generator("", HELLO):
            assert text == "so far"
            break
        await asyncio.wait_for(server.peer_closed(), 5)


def test_get_model_takes_the_default_for_nothing_and_names_the_nearest() -> None:
    class Shop(ProviderModelMixin):
        default_model = "gpt-4o-mini"
        models = ("gpt-4o-mini", "gpt-4o")
        model_aliases = {"mini": "gpt-4o-mini"}  # noqa: RUF012  # as a user would write it

    assert [Shop.get_model(name) for name in ("", "gpt-4o", "mini")] == ["gpt-4o-mini", "gpt-4o", "gpt-4o-mini"]
    with pytest.raises(ModelNotFoundError, match="gpt-4o"):
        Shop.get_model("gpt-4p")
    with pytest.raises(ModelNotFoundError, match=r"gemini-1\.5-pro"):
        AIChatFree.get_model("gemini-1.5-por")
