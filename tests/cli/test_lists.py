"""`dragoman models` and `dragoman providers`."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from dragoman.cli.keyed_services import keyed
from dragoman.providers.catalogue import catalogue
from tests.cli.pty import Terminal
from tests.cli.shell import run, run_beside
from tests.support.server import Exchange, Handler, serve

SETTINGS = """\
[providers.home]
type = "aibn"
url = "http://127.0.0.1:3000"
secret = "sk-secret-1"
password = "sk-secret-2"

[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:9001/v1"
api_key = "sk-secret-3"
proxy = "http://me:sk-secret-4@127.0.0.1:1"
models = ["a", "b"]

[models.fast]
targets = ["up/a"]
"""


def test_lists_the_models_that_can_be_named(tmp_path: Path) -> None:
    assert run(tmp_path, "models").out == b"offline/eliza\noffline/echo\noffline/script\n"
    (tmp_path / "dragoman.toml").write_text(SETTINGS)
    assert run(tmp_path, "models").out.split() == [
        b"fast",
        b"up/a",
        b"up/b",
        b"offline/eliza",
        b"offline/echo",
        b"offline/script",
    ]
    models = json.loads(run(tmp_path, "models", "--json").out)
    assert models["models"][0] == "fast"
    assert models["default"] == "fast"
    assert isinstance(models["found"], list)


FACTS = b"""{"data": [
    {"id": "a", "context_length": 131072, "pricing": {"prompt": "0.0000025", "completion": "0.00001"}},
    {"id": "b"}
]}"""


async def test_sizes_and_prices_are_shown_as_far_as_the_list_says_them(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-type": "application/json"}, body=FACTS)

    async with serve(answer) as server:
        (tmp_path / "dragoman.toml").write_text(f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}/v1"\n')
        assert (await run_beside(tmp_path, "models")).out.split()[:2] == [b"up/a", b"up/b"]
        facts = json.loads((await run_beside(tmp_path, "models", "--json")).out)["facts"]
        assert facts == {"up/a": {"context": 131072, "max_output": None, "input_price": 2.5, "output_price": 10.0}}

        def drawn(columns: int) -> list[str]:
            with Terminal(tmp_path, "models", columns=columns) as terminal:
                assert terminal.end() == 0
            return terminal.shown.split("\n")

        wide = await asyncio.to_thread(drawn, 80)
        narrow = await asyncio.to_thread(drawn, 30)
        narrowest = await asyncio.to_thread(drawn, 16)
    assert wide[:3] == [
        "model           context  answer  $ in  $ out",
        "up/a            131,072          2.5   10",
        "up/b",
    ]
    assert narrow[:2] == ["model           context", "up/a            131,072"]
    assert narrowest[:2] == ["up/a", "up/b"]


def a_list(seen: list[str | None]) -> Handler:
    """A service that has two models, and writes down which key it was shown."""

    async def answer(exchange: Exchange) -> None:
        seen.append(exchange.request.headers.get("authorization"))
        await exchange.reply(headers={"content-type": "application/json"}, body=b'{"data":[{"id":"a"},{"id":"b"}]}')

    return answer


async def test_a_service_whose_key_is_in_the_environment_is_asked_if_none_is_configured(tmp_path: Path) -> None:
    seen: list[str | None] = []
    async with serve(a_list(seen)) as server:
        env = {"OPENAI_API_KEY": "sk-env", "OPENAI_BASE_URL": server.url}
        ran = await run_beside(tmp_path, "models", env=env)
        assert ran.out.split()[:2] == [b"openai/a", b"openai/b"]
        assert seen == ["Bearer sk-env"]
        (tmp_path / "dragoman.toml").write_text(SETTINGS)
        assert b"openai/" not in (await run_beside(tmp_path, "models", env=env)).out
    assert seen == ["Bearer sk-env"]


async def test_a_service_with_a_key_that_cannot_be_sent_is_not_asked(tmp_path: Path) -> None:
    ran = await run_beside(tmp_path, "models", env={"GROQ_API_KEY": "sk\n"})
    assert (ran.code, ran.out) == (0, b"offline/eliza\noffline/echo\noffline/script\n")


def test_a_service_of_the_catalogue_works_with_its_key(tmp_path: Path) -> None:
    plain = run(tmp_path, "providers", env={"GROQ_API_KEY": "sk-groq", "MISTRAL_API_KEY": "sk\n"}).out.decode()
    works = {line.split()[0]: line for line in plain.splitlines()}
    assert works["groq"].split()[1:] == ["Groq", "openai-chat", "https://api.groq.com/openai/v1", "yes", "built", "in"]
    assert works["mistral"].split()[4:6] == ["with", "MISTRAL_API_KEY"]
    assert works["deepseek"].split()[4:6] == ["with", "DEEPSEEK_API_KEY"]
    assert works["vllm"].split()[4:7] == ["if", "it", "runs"]
    assert works["perplexity"].split()[4] == "no"
    names = list(works)
    assert names.index("groq") < names.index("deepseek")
    rows = {row["name"]: row for row in json.loads(run(tmp_path, "providers", "--json").out)["providers"]}
    assert (rows["groq"]["key_variable"], rows["groq"]["key"]) == ("GROQ_API_KEY", False)


def test_lists_the_services_and_never_a_key(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(SETTINGS)
    plain, as_json = run(tmp_path, "providers"), run(tmp_path, "providers", "--json")
    assert b"sk-secret" not in plain.out + as_json.out
    rows = {row["name"]: row for row in json.loads(as_json.out)["providers"]}
    assert rows["home"] == {
        "name": "home",
        "class": "Aibn",
        "protocol": "aibn",
        "url": "http://127.0.0.1:3000",
        "working": True,
        "key_variable": None,
        "key": True,
        "from": "configured",
    }
    assert (rows["up"]["class"], rows["up"]["protocol"]) == ("OpenAICompatible", "openai-chat")
    assert (rows["aibn"]["working"], rows["aibn"]["from"]) == (False, "built in")
    assert (rows["openaicompatible"]["url"], rows["openaicompatible"]["working"]) == (None, False)
    assert re.search(rb"  with a url +built in\n", plain.out)
    lines = plain.out.decode().splitlines()
    assert lines[0].split() == ["name", "class", "protocol", "url", "works", "from"]
    assert lines[1].split() == ["home", "Aibn", "aibn", "http://127.0.0.1:3000", "yes", "configured"]
    assert len(lines) == len(rows) + 1


def test_a_narrow_terminal_gets_paragraphs(tmp_path: Path) -> None:
    with Terminal(tmp_path, "providers", columns=30) as terminal:
        assert terminal.end() == 0
    assert "aibn\n  class     Aibn\n  protocol  aibn\n" in terminal.text


def test_a_key_that_several_services_share_is_shown_to_the_first_of_them_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in catalogue().values():
        monkeypatch.delenv(provider.key_variable or "NONE", raising=False)
    for variable in ("GEMINI_API_KEY", "MOONSHOT_API_KEY", "PERPLEXITY_API_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(variable, "sk-own")
    assert set(keyed(catalogue())) == {"gemini", "moonshot", "groq"}
