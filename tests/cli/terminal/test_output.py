"""Words made harmless, and columns."""

import sys
import unicodedata

from dragoman.cli.terminal.output import harmless, one_line
from dragoman.cli.terminal.table import fitted_table, table


def test_control_characters_become_pictures() -> None:
    every = "".join(map(chr, range(0x100)))
    shown = harmless(every)
    assert {char for char in shown if unicodedata.category(char) == "Cc"} == {"\n", "\t"}
    assert harmless("\x1b[31m\x00\x7f\x9b") == "␛[31m␀␡\ufffd"


def test_all_other_text_stays() -> None:
    text = "Привет\tмир\n👩‍👩‍👧 ❤️ \u2028 ÿ نامه\u200cای \u0600١٢"
    assert harmless(text) == text


def test_what_nobody_sees_is_named() -> None:
    assert harmless("user\u202egpj.exe\u200b\U000e0041") == "user<U+202E>gpj.exe<U+200B><U+E0041>"
    drawn = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    joiners = {0x200C, 0x200D}
    formats = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}
    assert {code for code in formats if harmless(chr(code)) == chr(code)} == drawn | joiners


def test_lone_surrogates_can_be_shown() -> None:
    assert harmless("a\ud800b") == "a\ufffdb"


def test_carriage_returns_hide_nothing() -> None:
    assert harmless("one\r\ntwo\rthree") == "one\ntwothree"


def test_a_line_is_one_line() -> None:
    assert one_line(" a\n b\t\x1b c ") == "a b ␛ c"


def test_columns_are_as_wide_as_their_longest_word() -> None:
    assert table(("a", "b"), [("longer", "x"), ("y", "z\n2")]) == "a       b\nlonger  x\ny       z 2"


def test_columns_without_room_are_a_paragraph_for_each_row() -> None:
    head, rows = ("name", "url"), [("up", "http://127.0.0.1"), ("b", "")]
    assert fitted_table(head, rows, None) == fitted_table(head, rows, 22) == table(head, rows)
    assert fitted_table(head, rows, 21) == "up\n  url   http://127.0.0.1\nb\n  url"
