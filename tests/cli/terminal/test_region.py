"""Rows drawn anew: how much of what was drawn is taken away, on terminals of both kinds."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from dragoman.cli.terminal.markdown import DrawnRow
from dragoman.cli.terminal.region import Region, reflows

UP, ERASE = "\x1b[1A", "\x1b[2K"
XTERM = {"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(379)"}


def rows(*texts: str) -> list[DrawnRow]:
    return [DrawnRow(Text(text)) for text in texts]


def screen(console: Console) -> io.StringIO:
    assert isinstance(console.file, io.StringIO)
    return console.file


def terminal(width: int = 60) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=10, color_system=None)


def test_what_is_drawn_for_good_takes_the_place_of_what_grew() -> None:
    console = terminal()
    region = Region(console, {})
    region.change([], rows("one", "two"))
    assert screen(console).getvalue() == "one\ntwo"
    region.change(rows("one", "two!"), [])
    assert screen(console).getvalue() == f"one\ntwo\r{ERASE}{UP}{ERASE}one\ntwo!\n"
    region.change(rows("three"), [])
    assert screen(console).getvalue().endswith("two!\nthree\n")


@pytest.mark.parametrize(("environment", "wrapped"), [({}, 4), (XTERM, 2), (XTERM | {"TMUX": "x"}, 4)])
def test_on_a_screen_that_got_narrower_the_whole_of_it_is_taken_away(environment: dict[str, str], wrapped: int) -> None:
    console = terminal()
    region = Region(console, environment)
    region.change([], rows("x" * 50, "short"))
    console.width = 20
    region.change(rows("over"), [])
    assert screen(console).getvalue().count(ERASE) == wrapped


def test_rows_that_grow_are_no_wider_and_no_more_than_the_screen() -> None:
    console = terminal(width=10)
    region = Region(console, {})
    region.change([], rows("字" * 12, *map(str, range(9))))
    assert screen(console).getvalue().split("\n") == ["字" * 2, *map(str, range(9))][-8:]
    exact = "y" * 25
    region.change([DrawnRow(Text(exact), exact=True)], [])
    assert screen(console).getvalue().endswith(f"{ERASE}{exact}\n")


def test_what_was_left_to_somebody_else_is_not_taken_away() -> None:
    console = terminal()
    region = Region(console, {})
    region.change([], rows("one"))
    region.forget()
    region.change(rows("one"), [])
    assert ERASE not in screen(console).getvalue()


def test_where_nobody_watches_nothing_grows() -> None:
    console = Console(file=io.StringIO(), width=60)
    Region(console, {}).change(rows("one"), rows("two"))
    assert screen(console).getvalue() == "one\n"


@pytest.mark.parametrize("name", ["linux", "rxvt-unicode", "screen", "vt100"])
def test_old_terminals_do_not_wrap_anew(name: str) -> None:
    assert not reflows({"TERM": name})
    assert reflows({"TERM": "xterm-256color"})
