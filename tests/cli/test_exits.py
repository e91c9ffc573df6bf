"""Exit codes: one table from errors to codes, and each code from a real run."""

from pathlib import Path

import pytest

from dragoman import errors
from dragoman.cli.exits import MEANINGS, Exit, exit_code
from dragoman.errors import DragomanError
from tests.cli.shell import configure, run

CODES: dict[type[DragomanError], int] = {
    errors.ConfigurationError: 3,
    errors.StoreError: 1,
    errors.InvalidRequestError: 4,
    errors.OpaqueStateError: 4,
    errors.ModelNotFoundError: 4,
    errors.UnsupportedFeatureError: 4,
    errors.NoOperationError: 4,
    errors.UpstreamError: 5,
    errors.AuthenticationError: 5,
    errors.PermissionDeniedError: 5,
    errors.RateLimitError: 5,
    errors.QuotaExhaustedError: 5,
    errors.ContextLengthError: 5,
    errors.ContentFilterError: 5,
    errors.OverloadedError: 5,
    errors.BadEventError: 5,
    errors.TruncatedStreamError: 7,
    errors.ConnectError: 6,
    DragomanError: 1,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_every_error_has_its_code(kind: type[DragomanError], code: int) -> None:
    assert exit_code(kind("x")) == code


def test_a_timeout_is_the_networks() -> None:
    assert exit_code(errors.TimeoutError("x", phase="idle")) == 6


def test_every_code_is_explained(tmp_path: Path) -> None:
    assert set(MEANINGS) == set(Exit)
    shown = run(tmp_path, "--help").out.decode()
    for code, meaning in MEANINGS.items():
        assert f"{code.value:<3}  {meaning}" in shown


SCRIPT = ("ask", "-m", "offline/script")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ask", "--modle", "x", "y"], 2, "--modle"),
        (["aks", "x"], 2, "did you mean ask?"),
        (["logs"], 2, "there is no command 'logs'; did you mean history?"),
        (["-m", "offline/echo", "a b"], 2, "options stand after a command: dragoman ask -m offline/echo 'a b'"),
        (["--schema", "name", "x"], 2, "options stand after a command: dragoman ask --schema name x"),
        (["--prot", "1", "serve"], 2, "No such option '--prot'"),
        (["ask", "-m", "offline/elisa", "x"], 4, "did you mean"),
        (["hello", "new world"], 2, "there is no command 'hello'; to ask a model: dragoman ask hello 'new world'"),
        (["ask", "-m", "up", "x"], 4, "there is no model 'up'; 'up' is a service: its models are up/NAME"),
        (["chat", "-m", "up"], 4, "its models are up/NAME"),
        ([*SCRIPT, "text: x\nnonsense"], 4, "script line 2"),
        ([*SCRIPT, "error: 401 Who are you?"], 5, "Who are you?"),
        ([*SCRIPT, r"error: 500 \u001b[2Jowned"], 5, "␛[2Jowned"),
        ([*SCRIPT, "error: 429 retry_after=7 Slow!"], 5, "dragoman: 429, rate limited, try again in 7 s: Slow!"),
        (["ask", "-m", "up/test", "x"], 6, "up: 127.0.0.1:1: no connection: Connection refused"),
        ([*SCRIPT, "text: x\ncut"], 7, "breaks"),
        (["--config", "none.toml", "models"], 3, "none.toml"),
    ],
)
def test_an_error_is_one_line_and_a_code(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    configure(tmp_path, {"up": "http://127.0.0.1:1"})
    ran = run(tmp_path, *arguments)
    assert ran.code == code
    assert ran.err.startswith("dragoman: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert "sk-very-secret" not in ran.err


def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text("[gateway]\nhots = 'x'\n")
    for command in (["models"], ["serve"], ["chat"]):
        ran = run(tmp_path, *command)
        assert (ran.code, ran.out) == (3, b"")
        assert ran.err.startswith("dragoman: dragoman.toml:2: gateway.hots")
        assert "host" in ran.err
        assert ran.err.count("\n") == 1


def test_no_command_at_all_shows_the_help(tmp_path: Path) -> None:
    ran = run(tmp_path)
    assert ran.code == 2
    assert "Commands:" in ran.err


PLUGIN = """
from dragoman.providers import AsyncGeneratorProvider

class Faulty(AsyncGeneratorProvider):
    @classmethod
    async def open(cls, request, transports, route=None):
        raise ZeroDivisionError("a fault\\x1b[2J")
"""


def test_a_fault_of_ours_is_told_in_a_line_too(tmp_path: Path) -> None:
    (tmp_path / "plug.py").write_text(PLUGIN)
    info = tmp_path / "plug-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[dragoman.providers]\nfaulty = plug:Faulty\n")
    ran = run(tmp_path, "ask", "-m", "faulty/x", "hello", env={"PYTHONPATH": str(tmp_path)})
    assert ran.code == 1
    assert ran.err.startswith("dragoman: internal error: ZeroDivisionError: a fault␛[2J (at ")
    assert "plug.py:7" in ran.err
    assert ran.err.count("\n") == 1
    listed = run(tmp_path, "providers", env={"PYTHONPATH": str(tmp_path)}).out.decode()
    assert ["faulty", "Faulty", "-", "-", "yes", "plug"] in [line.split() for line in listed.splitlines()]
