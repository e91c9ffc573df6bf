"""A command that a signal ends: its terminal is as before it, and its end is that signal's."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.pty import CTRL_C, ENTER, Terminal
from tests.support.gateway_process import GatewayProcess

PASTED = "\x1b[?2004l"
"""Switches off the brackets around pasted text."""
OWN, FORMER = "\x1b[?1049h", "\x1b[?1049l"
"""Shows a screen of the command's own, and the one that was there before."""

signals = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])


@signals
def test_while_an_answer_is_awaited(tmp_path: Path, number: int) -> None:
    with Terminal(tmp_path, "ask", "-m", "offline/script", "hang") as terminal:
        terminal.expect("waiting for an answer")
        terminal.signal(number)
        assert terminal.end() == -number
        assert terminal.is_usual()
        assert "Traceback" not in terminal.text


@signals
def test_at_the_prompt(tmp_path: Path, number: int) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/script") as terminal:
        terminal.expect("›")
        terminal.press("half")
        terminal.expect("half")
        assert not terminal.is_usual()
        terminal.signal(number)
        assert terminal.end() == -number
        assert terminal.is_usual()
        assert terminal.drawn.rfind(PASTED) > terminal.drawn.rfind("\x1b[?2004h")


@signals
def test_while_an_answer_is_drawn(tmp_path: Path, number: int) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/script") as terminal:
        terminal.expect("›")
        terminal.press(f"text: **so** far\\{ENTER}hang{ENTER}")
        terminal.expect("so far")
        assert not terminal.is_usual()
        terminal.signal(number)
        assert terminal.end() == -number
        assert terminal.is_usual()


@contextmanager
def watching(home: Path) -> Iterator[Terminal]:
    """`top`, once it has drawn a gateway."""
    folder = home / "gateway"
    folder.mkdir()
    with (
        GatewayProcess(folder, "[gateway]\nport = 0\n") as gateway,
        Terminal(home, "top", "--url", gateway.url) as terminal,
    ):
        terminal.expect("q to end")
        yield terminal


@signals
def test_while_a_gateway_is_watched(tmp_path: Path, number: int) -> None:
    with watching(tmp_path) as terminal:
        terminal.signal(number)
        assert terminal.end() == -number
        assert terminal.is_usual()
        assert FORMER in terminal.drawn


def test_while_it_is_stopped(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", "-m", "offline/script", "hang") as terminal:
        terminal.expect("waiting for an answer")
        assert not terminal.is_usual()
        # A command that no shell has started goes on at once.
        terminal.signal(signal.SIGTSTP)
        terminal.wait_until(terminal.is_usual)
        terminal.signal(signal.SIGTSTP)
        terminal.press(CTRL_C)
        assert terminal.end() == -signal.SIGINT


def test_a_gateway_that_was_watched_is_watched_again(tmp_path: Path) -> None:
    with watching(tmp_path) as terminal:
        terminal.signal(signal.SIGTSTP)
        terminal.wait_until(lambda: FORMER in terminal.drawn)
        terminal.signal(signal.SIGCONT)
        terminal.wait_until(lambda: terminal.drawn.rfind(OWN) > terminal.drawn.rfind(FORMER))
        terminal.press("q")
        assert terminal.end() == 0
        assert terminal.is_usual()


def test_where_nothing_can_be_drawn_nothing_is_written(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", "-m", "offline/script", "text: so\nhang", env={"TERM": "dumb"}) as terminal:
        terminal.expect("so")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == -signal.SIGTERM
        assert "\x1b" not in terminal.drawn
