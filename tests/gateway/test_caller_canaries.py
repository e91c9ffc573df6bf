"""A caller's key, its words, and the service's key: on no path are they logged, and no path tells another's."""

import json
import logging
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.gateway.test_canaries import API_KEY, broken, refused, tells
from tests.shape.voices import VOICES
from tests.support.gateway import Running, ask, chat_body, running
from tests.support.relaying import Translating
from tests.support.server import serve

CALLER_KEY, WRONG_KEY = "sk-c4llers-own-key-1", "sk-wr0ng-key-of-nobody"
PROMPT = "pr0mpt-that-nobody-logs"
SAID = (CALLER_KEY, WRONG_KEY, PROMPT)
SPELLINGS = {
    "bearer": {"Authorization": "Bearer {key}"},
    "x-api-key": {"X-Api-Key": "{key}"},
    "api-key": {"Api-Key": "{key}"},
    "x-goog-api-key": {"X-Goog-Api-Key": "{key}"},
    "basic": {"Authorization": "Basic {key}"},
    "no scheme": {"Authorization": "{key}"},
    "cookie": {"Cookie": "key={key}"},
}
"""Where a caller may show a key, rightly or by mistake."""


def carried(way: str, key: str) -> dict[str, str]:
    return {name: value.format(key=key) for name, value in SPELLINGS[way].items()}


def parts(shown: str) -> list[str]:
    """The parts of what the caller said, of eight characters and more, that `shown` holds."""
    return [said[at : at + 8] for said in SAID for at in range(len(said) - 7) if said[at : at + 8] in shown]


def configured(url: str, folder: Path) -> Config:
    return Config(
        gateway=GatewayConfig(
            port=0, api_keys=(CALLER_KEY,), request_log=str(folder / "requests.log"), log_level="debug", websockets=True
        ),
        providers={
            name: ProviderConfig(protocol=protocol, url=url, api_key=API_KEY)
            for name, protocol in (("up", "openai-chat"), ("responses", "openai-responses"))
        },
        models={"route": ModelConfig(targets=("up/m", "up/n"))},
    )


async def everything(up: Running) -> str:
    """All that the gateway answers: every path, with every way to show a key, and a question in each dialect."""
    shown = ""
    gets = [(way, key, "/v1/models") for way in SPELLINGS for key in (CALLER_KEY, WRONG_KEY)]
    gets += [("bearer", CALLER_KEY, path) for path in up.gateway._table.served()]
    for way, key_shown, path in gets:
        got = await ask(up.url, "GET", path, carried(way, key_shown))
        shown += str(got.headers) + got.text
    for path in ("/nothing", "/v1/models"):
        got = await ask(up.url, "GET", f"{path}?key={WRONG_KEY}")
        shown += str(got.headers) + got.text
    key = carried("bearer", CALLER_KEY)
    for voice in VOICES.values():
        asked = voice.ask(PROMPT, True)
        got = await ask(up.url, "POST", voice.path.replace("{model}", "up/m"), {**asked.headers, **key}, asked.body)
        shown += str(got.headers) + got.text
    for model in ("route", "up/m", "nowhere/m"):
        for stream in (True, False):
            got = await ask(up.url, "POST", "/v1/chat/completions", key, chat_body(PROMPT, model, stream=stream))
            shown += str(got.headers) + got.text
    for body in (PROMPT.encode(), f'{{"messages": "{PROMPT}"'.encode(), json.dumps({"model": PROMPT}).encode()):
        got = await ask(up.url, "POST", "/v1/chat/completions", key, body)
        shown += str(got.headers)
    question = {"path": "/v1/chat/completions", "body": json.loads(chat_body(PROMPT, "route")), "headers": key}
    got = await ask(up.url, "POST", "/explain", key, json.dumps(question).encode())
    assert got.status == 200
    explained = got.text
    async with connect(up.url.replace("http", "ws") + "/v1/responses", additional_headers=key, proxy=None) as socket:
        await socket.send(json.dumps({"type": "response.create", "model": "responses/m", "input": PROMPT}))
        await socket.send(PROMPT)
        try:
            for _ in range(2):
                shown += str(await socket.recv())
        except ConnectionClosed as exc:
            shown += str(exc)
    return shown + explained.replace(PROMPT, "")  # it is asked to show the caller's own words


@pytest.mark.parametrize("translated", [True, False], ids=["translated", "relayed"])
@pytest.mark.parametrize("how", ["refused", "broken"])
async def test_nothing_of_it_is_logged_and_nobody_is_told(
    how: str, translated: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    words = f"bad <{API_KEY}> and <{API_KEY[:9]}> here"
    async with serve(refused(500, words) if how == "refused" else broken(words)) as service:
        config = configured(service.url, tmp_path)
        async with running(config, client=Translating(config) if translated else None) as up:
            shown = await everything(up)
            rows = up.gateway.under_way
    assert rows == 0
    ours = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("dragoman"))
    logged = ours + (tmp_path / "requests.log").read_text()
    assert tells(shown) == []
    assert [part for part in parts(shown) if part not in PROMPT] == []
    assert tells(logged) == []
    assert parts(logged) == []
    assert "up/m" in logged
