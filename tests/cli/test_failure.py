"""What is advised after a failure, and to whom."""

from pathlib import Path

import pytest

from dragoman import errors
from dragoman.cli.failure import NEXT, advice
from dragoman.cli.remedies import remedy
from dragoman.errors import DragomanError
from tests.cli.pty import CTRL_D, Terminal
from tests.cli.shell import run

SCRIPT = ("-m", "offline/script")


def test_a_class_is_not_hidden_by_one_before_it() -> None:
    kinds = [kind for kind, _ in NEXT]
    assert [kind for i, kind in enumerate(kinds) if any(issubclass(kind, before) for before in kinds[:i])] == []
    assert all(words == "" or words.endswith(".") for _, words in NEXT)


def test_there_is_advice_about_every_failure_of_a_service_or_the_network() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if not isinstance(kind, type) or not issubclass(kind, errors.UpstreamError | errors.TransportError):
            continue
        error = kind("x", phase="idle") if kind is errors.TimeoutError else kind("x")
        assert isinstance(error, DragomanError)
        assert advice(error)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("error: 429 retry_after=7 Slow down!", "Wait a while, or ask another model (-m)."),
        ("error: 500 x", "`dragoman doctor` says more"),
        ("text: so\ncut", "ask the model to go on."),
    ],
)
def test_who_watches_is_told_what_to_do_next(tmp_path: Path, script: str, said: str) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, script) as terminal:
        terminal.end()
        assert said in terminal.text
    assert run(tmp_path, "ask", *SCRIPT, script).err.count("\n") == 1


def test_what_an_error_advises_itself_comes_first(tmp_path: Path) -> None:
    with Terminal(tmp_path, "top", "--url", "http://127.0.0.1:1") as terminal:
        assert terminal.end() == 6
        assert "`dragoman serve` starts one" in terminal.text
        assert "doctor" not in terminal.text
    error = errors.AuthenticationError("x")
    error.add_note("Set it.")
    assert advice(error) == remedy(error) == "Set it."


def test_in_a_conversation_too(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/nobody") as terminal:
        assert terminal.end() == 4
        assert "`dragoman models` lists the models" in terminal.text
    with Terminal(tmp_path, "chat", *SCRIPT) as terminal:
        terminal.line("error: 503 x")
        terminal.expect("Try again later, or ask another model (-m).")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0
