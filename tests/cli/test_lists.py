"""`dragoman models` and `dragoman providers`."""

import json
from pathlib import Path

from tests.cli.pty import Terminal
from tests.cli.shell import run

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
        "from": "configured",
    }
    assert (rows["up"]["class"], rows["up"]["protocol"]) == ("OpenAICompatible", "openai-chat")
    assert (rows["aibn"]["working"], rows["aibn"]["from"]) == (False, "built in")
    assert (rows["openaicompatible"]["url"], rows["openaicompatible"]["working"]) == (None, False)
    assert b"  with a url  built in\n" in plain.out
    lines = plain.out.decode().splitlines()
    assert lines[0].split() == ["name", "class", "protocol", "url", "works", "from"]
    assert lines[1].split() == ["home", "Aibn", "aibn", "http://127.0.0.1:3000", "yes", "configured"]
    assert len(lines) == len(rows) + 1


def test_a_narrow_terminal_gets_paragraphs(tmp_path: Path) -> None:
    with Terminal(tmp_path, "providers", columns=30) as terminal:
        assert terminal.end() == 0
    assert "aibn\n  class     Aibn\n  protocol  aibn\n" in terminal.text
