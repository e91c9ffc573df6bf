"""Words made harmless, and columns."""

import unicodedata

from dragoman.cli.output import harmless, one_line
from dragoman.cli.table import table


def test_control_characters_become_pictures() -> None:
    every = "".join(map(chr, range(0x100)))
    shown = harmless(every)
    assert {char for char in shown if unicodedata.category(char) == "Cc"} == {"\n", "\t"}
    assert harmless("\x1b[31m\x00\x7f\x9b") == "␛[31m␀␡\ufffd"


def test_all_other_text_stays() -> None:
    text = "Привет\tмир\n👩‍👩‍👧 \u202e\u2028 ÿ"
    assert harmless(text) == text


def test_lone_surrogates_can_be_shown() -> None:
    assert harmless("a\ud800b") == "a\ufffdb"


def test_carriage_returns_hide_nothing() -> None:
    assert harmless("one\r\ntwo\rthree") == "one\ntwothree"


def test_a_line_is_one_line() -> None:
    assert one_line(" a\n b\t\x1b c ") == "a b ␛ c"


def test_columns_are_as_wide_as_their_longest_word() -> None:
    assert table(("a", "b"), [("longer", "x"), ("y", "z\n2")]) == "a       b\nlonger  x\ny       z 2"
