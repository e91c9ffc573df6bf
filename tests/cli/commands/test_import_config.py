"""`dragoman import`: where the configuration goes, where the account goes, and what is never overwritten."""

import stat
from pathlib import Path

import pytest

from tests.cli.shell import run

CCR = """{
  "APIKEY": "sk-canary",
  "Providers": [
    {"name": "up", "api_base_url": "http://127.0.0.1:9/v1/chat/completions", "api_key": "$UP", "models": ["m"]}
  ],
  "Router": {"default": "up,m"},
  "transformers": []
}"""
WRITTEN = """\
# Made from a configuration of claude-code-router by `dragoman import`.

[gateway]
default_model = "up/m"
api_keys = ["sk-canary"]

[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:9/v1"
api_key = { env = "UP" }
models = ["m"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(CCR)
    return tmp_path


def test_the_file_is_written_for_this_user_alone_and_is_good(home: Path) -> None:
    ran = run(home, "import", "ccr", "config.json", "--output", "new.toml")
    assert (ran.code, ran.out) == (0, b"")
    written = home / "new.toml"
    assert written.read_text() == WRITTEN
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert ran.err.splitlines() == [
        "exact: it means the same (6)",
        "  APIKEY: gateway.api_keys",
        "  Providers[0].name: providers.up",
        "  Providers[0].api_base_url: providers.up.url",
        "  Providers[0].api_key: providers.up.api_key",
        "  Providers[0].models[0]: providers.up.models",
        "  Router.default: gateway.default_model, which `dragoman run claude` uses",
        "impossible: dragoman has nothing like it (1)",
        "  transformers: dragoman runs no transformers of your own",
    ]
    checked = run(home, "serve", "--check", "--config", "new.toml", env={"UP": "key"})
    assert (checked.code, checked.err) == (0, "")


def test_stdout_gets_no_key_in_clear(home: Path) -> None:
    ran = run(home, "import", "ccr", "config.json")
    assert ran.code == 0
    assert ran.out.decode() == WRITTEN.replace('api_keys = ["sk-canary"]\n', "")
    assert "  APIKEY: a key in clear is written only into a file (--output)" in ran.err
    assert "canary" not in ran.err


def test_a_file_that_is_there_stays_unless_forced(home: Path) -> None:
    (home / "new.toml").write_text("mine")
    ran = run(home, "import", "ccr", "config.json", "-o", "new.toml")
    assert ran.code == 3
    assert ran.err == "dragoman: new.toml is there already: name another file, or replace it with --force\n"
    assert (home / "new.toml").read_text() == "mine"
    assert run(home, "import", "ccr", "config.json", "-o", "new.toml", "--force").code == 0
    assert (home / "new.toml").read_text() == WRITTEN


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"{", 3, "config.json: line 1: expected JSON (Expecting property name enclosed in double quotes, column 2)"),
        (b"\xff", 3, "config.json:1: expected UTF-8, got the byte 0xff"),
        (None, 4, "config.json cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_in_a_line(
    tmp_path: Path, data: bytes | None, code: int, message: str
) -> None:
    if data is not None:
        (tmp_path / "config.json").write_bytes(data)
    ran = run(tmp_path, "import", "ccr", "config.json", "-o", "new.toml")
    assert (ran.code, ran.err) == (code, f"dragoman: {message}\n")
    assert not (tmp_path / "new.toml").exists()


def test_a_byte_order_mark_of_another_program_does_no_harm(home: Path) -> None:
    (home / "config.json").write_bytes(b"\xef\xbb\xbf" + CCR.encode())
    assert run(home, "import", "ccr", "config.json").code == 0


def test_without_pyyaml_the_extra_is_named(home: Path) -> None:
    (home / "yaml.py").write_text("raise ImportError\n")
    ran = run(home, "import", "litellm", "config.json", env={"PYTHONPATH": str(home)})
    assert ran.code == 3
    assert ran.err == (
        "dragoman: config.json: YAML needs PyYAML: install the extra `import` (pip install 'dragoman[import]')\n"
    )
