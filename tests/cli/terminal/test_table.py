"""Words and what they mean, for a terminal of some width."""

import pytest

from dragoman.cli.conversation.slash import COMMANDS, KEYS
from dragoman.cli.terminal.table import explained

ROWS = {"/set NAME VALUE": "set temperature, max_tokens …; alone, show all", "/help": "show this"}


def test_meanings_stand_in_a_column_of_their_own() -> None:
    assert explained(ROWS, 45) == (
        "/set NAME VALUE  set temperature, max_tokens\n                 …; alone, show all\n/help            show this"
    )


def test_where_there_is_no_room_for_two_columns_they_stand_below() -> None:
    assert explained(ROWS, 24) == (
        "/set NAME VALUE\n  set temperature,\n  max_tokens …; alone,\n  show all\n/help\n  show this"
    )


@pytest.mark.parametrize("width", [1, 2, 8, 24, 40, 41, 80, 100, None])
def test_every_word_of_the_help_is_there_in_every_width(width: int | None) -> None:
    rows = {name: command.help for name, command in COMMANDS.items()} | KEYS
    shown = explained(rows, width)
    assert "".join(shown.split()) == "".join("".join([*row]) for row in rows.items()).replace(" ", "")
    if width is not None and width >= 24:
        assert max(map(len, shown.split("\n"))) < width
