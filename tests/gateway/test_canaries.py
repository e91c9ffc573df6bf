"""Secrets of a service that repeats them: on no path do they reach a caller, the library's user, or the log."""

import json
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from rich.traceback import Traceback

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.errors import DragomanError
from dragoman.protocols.registry import DIALECTS
from dragoman.providers import AiChatOnline
from tests.support.gateway import ask, running_gateway
from tests.support.relaying import EVENTS, JSON, Script, Translating, question
from tests.support.server import Exchange, serve

API_KEY, PASSWORD, SECRET = "c4nary/Of+Key=9", 'c4nary"Of Pass', "c4nary-of-sign"
CANARIES = (API_KEY, PASSWORD, SECRET)

TELLING: dict[str, Callable[[str], str]] = {
    "whole": lambda secret: secret,
    "beginning": lambda secret: secret[:9],
    "end": lambda secret: secret[-9:],
    "url": lambda secret: quote(secret, safe=""),
    "json": lambda secret: json.dumps({"pass": secret}),
    "base64": lambda secret: b64encode(f"user:{secret}".encode()).decode(),
}
"""How a service may repeat a secret."""


def provider(protocol: str, url: str) -> ProviderConfig:
    return ProviderConfig(protocol=protocol, url=url, api_key=API_KEY, password=PASSWORD, secret=SECRET)


def refused(status: int, words: str) -> Script:
    async def answer(exchange: Exchange) -> None:
        more = {"metadata": {"raw": words, words: [words]}, "innererror": words}
        said = {"error": {"message": words, "code": words, "type": words, "param": words} | more}
        await exchange.reply(status, JSON, json.dumps(said).encode())

    return answer


def broken(words: str) -> Script:
    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        chunk = {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
        await exchange.chunk(f"data: {json.dumps(chunk)}\n\n".encode())
        await exchange.chunk(f"data: {json.dumps({'error': {'message': words, 'code': words}})}\n\n".encode())
        await exchange.end()

    return answer


def tells(shown: str) -> list[str]:
    """The parts of secrets, of six characters and more, that `shown` holds in some spelling."""
    found = []
    for secret in CANARIES:
        spellings = (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3])
        for spelt in (*spellings, b64encode(f"user:{secret}".encode()).decode()[8:-4]):
            found += [run for i in range(len(spelt) - 5) if (run := spelt[i : i + 6]) in shown]
    return found


async def library(config: Config) -> str:
    async with Client(config, retries=0) as client:
        with pytest.raises(DragomanError) as caught:
            await client.chat("up/m", "hi")
    error = caught.value
    return str(error) + repr(error) + repr(vars(error)) + "".join(traceback.format_exception(error))


async def session(config: Config) -> str:
    """A founding class, with a session of its caller's."""
    async with Client(config, retries=0) as client, ClientSession() as given:
        with pytest.raises(DragomanError) as caught:
            await client.providers["up"].create_async("m", [{"role": "user", "content": "hi"}], session=given)
    return str(caught.value) + repr(vars(caught.value)) + "".join(traceback.format_exception(caught.value))


async def front(config: Config, client: Client | None, path: str, headers: dict[str, str], body: bytes) -> str:
    async with running_gateway(config, client=client) as url:
        got = await ask(url, "POST", path, headers, body)
    return str(got.headers) + got.text


async def everywhere(config: Config) -> dict[str, str]:
    """What each path shows."""
    chat = "/v1/chat/completions"
    site, prompt = "/aichatonline/aichatonline/api/chat/gpt", b'{"prompt":"hi"}'
    shown = {"library": await library(config), "session": await session(config)}
    for stream in (True, False):
        body = question(stream=stream)
        shown[f"relay {stream}"] = await front(config, None, chat, {}, body)
        shown[f"translation {stream}"] = await front(config, Translating(config), chat, {}, body)
    shown["web-chat front"] = await front(config, None, site, {"uniqueid": "x"}, prompt)
    return shown


def configured(protocol: str, url: str, folder: Path) -> Config:
    gateway = GatewayConfig(port=0, default_model="up/m", request_log=str(folder / "requests.log"))
    return Config(gateway=gateway, providers={"up": provider(protocol, url)})


@pytest.mark.parametrize("telling", TELLING)
@pytest.mark.parametrize("protocol", DIALECTS)
async def test_a_refusal_shows_no_secret_on_any_path(protocol: str, telling: str, tmp_path: Path) -> None:
    words = " ".join(f"bad <{TELLING[telling](secret)}> here" for secret in CANARIES)
    for status in (401, 400, 500):
        async with serve(refused(status, words)) as service:
            shown = await everywhere(configured(protocol, service.url, tmp_path))
        assert {path: tells(said) for path, said in shown.items() if tells(said)} == {}
        assert all("bad <" in said for said in shown.values())
    assert tells((tmp_path / "requests.log").read_text()) == []


async def test_a_refused_token_shows_no_secret() -> None:
    async with serve(refused(401, f"bad <{PASSWORD}> <{API_KEY[:9]}>")) as service, ClientSession() as given:
        up = AiChatOnline.configured({"url": service.url, "password": PASSWORD, "api_key": API_KEY}, "Up")
        assert issubclass(up, AiChatOnline)
        with pytest.raises(DragomanError) as caught:
            await up.grab_token(given, None)
    assert str(caught.value) == "Up: bad <…> <…>"


@pytest.mark.parametrize("telling", TELLING)
async def test_an_answer_that_breaks_off_shows_no_secret_on_any_path(telling: str, tmp_path: Path) -> None:
    words = " ".join(f"bad <{TELLING[telling](secret)}> here" for secret in CANARIES)
    async with serve(broken(words)) as service:
        shown = await everywhere(configured("openai-chat", service.url, tmp_path))
    assert {path: tells(said) for path, said in shown.items() if tells(said)} == {}
    assert "Hel" in shown["relay True"]
    assert tells((tmp_path / "requests.log").read_text()) == []


async def no_such_model(exchange: Exchange) -> None:
    name = json.loads(exchange.request.body)["model"]
    said = {"error": {"message": f"The model <{name}> does not exist", "code": "model_not_found"}}
    await exchange.reply(404, JSON, json.dumps(said).encode())


@pytest.mark.parametrize("stream", [True, False])
async def test_no_path_tells_whether_a_models_name_is_part_of_a_key(stream: bool, tmp_path: Path) -> None:
    async with serve(no_such_model) as service:
        config = configured("openai-chat", service.url, tmp_path)
        for guess in (API_KEY[1:9], API_KEY[5:13], "nothing-of-it"):
            body = question(stream=stream, model=f"up/{guess}")
            for client in (None, Translating(config)):
                shown = await front(config, client, "/v1/chat/completions", {}, body)
                assert f"The model <{guess}> does not exist" in shown


@pytest.mark.parametrize("protocol", DIALECTS)
async def test_the_values_that_a_debugger_shows_beside_an_error_are_no_secrets(protocol: str) -> None:
    async with (
        serve(refused(401, "no")) as service,
        Client(configured(protocol, service.url, Path()), retries=0) as client,
    ):
        with pytest.raises(DragomanError) as caught:
            await client.chat("up/m", "hi")
    error = caught.value
    trace = Traceback.extract(type(error), error, error.__traceback__, show_locals=True, locals_max_string=2000)
    frames = [frame for stack in trace.stacks for frame in stack.frames]
    shown = "\n".join(f"{name} = {value}" for frame in frames for name, value in (frame.locals or {}).items())
    assert "service = Service(" in shown
    assert not any(secret in shown for secret in CANARIES)
