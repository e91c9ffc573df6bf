"""Regular expressions: the same texts match as for Python, and those that are made do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.providers.offline.forms.pattern import MAX_SOURCE, MAX_TEXT, Pattern, pattern


def free(_: int) -> None:
    """Counts nothing."""


class Purse:
    """Counts steps."""

    def __init__(self) -> None:
        self.steps = 0

    def spend(self, count: int) -> None:
        self.steps += count


READ = [
    *("", "a", "^a", "z$", "^/", "^x-", "^[A-Z_]+$", "a|b|", "(ab)+c?", "^(?:ab|cd){2,3}$", "a{2}", "a{2,}", "a{0,2}b"),
    *("^\\d{4}-\\d{2}$", "\\w+@\\w+\\.\\w{2,}", "[^a-c]", "[\\w.-]+", "\\s", "\\S\\D\\W", ".", "[]", "[^]", "a*?b+?"),
    *("(?P<n>a)b", "(?<n>a)b", "\\x41\\u0042", "\\n\\t\\/", "[a\\]b]", "[\\d-]", "[a-]", "a{", "a{,2}", "^$"),
    "(a|b*)*c",
]
PYTHON = {"[]": r"(?!)", "[^]": r"[\s\S]", "(?<n>a)b": "(?P<n>a)b", "a{,2}": r"a\{,2\}"}
"""What is written otherwise in Python."""

TEXTS = [
    "",
    "a",
    "b",
    "z",
    "ab",
    "aab",
    "abab",
    "ababab",
    "cdab",
    "abc",
    "A_B",
    "/p",
    "x-1",
    "2024-05",
    "a.b@c.de",
    " ",
    "\n",
    "AB",
    "\n\t/",
    "]",
    "-",
    "a{",
    "a{,2}",
    "aaaa",
    "é",
    "x" * 50,
]


@pytest.mark.parametrize("source", READ)
def test_matches_what_python_matches(source: str) -> None:
    theirs = re.compile(
        PYTHON.get(source, source).removesuffix("$") + (r"\Z" if source.endswith("$") else ""), re.ASCII
    )
    ours = Pattern(source)
    assert [text for text in TEXTS if ours.matches(text, free)] == [text for text in TEXTS if theirs.search(text)]


@pytest.mark.parametrize("source", sorted(set(READ) - {"[]"}))
def test_makes_texts_that_match(source: str) -> None:
    texts = list(Pattern(source).texts(free))
    assert texts
    assert all(Pattern(source).matches(text, free) for text in texts)
    theirs = re.compile(PYTHON.get(source, source))
    assert all(theirs.search(text) for text in texts)


@pytest.mark.parametrize(
    "source",
    [
        "(",
        ")",
        "[",
        "a**",
        "*",
        "\\",
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?<!a)b",
        "(a)\\1",
        "\\p{L}",
        "\\ba",
        "[z-a]",
        "[\\D]",
        "[a-\\d]",
        "a{1001}",
        "a{2,1}",
        "a" * (MAX_SOURCE + 1),
        "(" * 600 + ")" * 400,
    ],
)
def test_what_is_not_read_is_no_pattern(source: str) -> None:
    assert pattern(source) is None


def test_a_pattern_of_too_much_has_no_text() -> None:
    assert list(Pattern("((a{1000}){1000}){1000}").texts(free)) == []
    assert not Pattern("a").matches("a" * (MAX_TEXT + 1), free)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("^(a+)+$", "a" * 200 + "!"),
        ("^(a|aa|a*)*b$", "a" * 200),
        ("^(((a?){1000}){1000}){1000}b", "a" * 200),
    ],
)
def test_an_evil_pattern_takes_a_bounded_number_of_steps(source: str, text: str) -> None:
    purse = Purse()
    assert not Pattern(source).matches(text, purse.spend)
    assert purse.steps < 3 * len(text) ** 2


@given(st.text(max_size=12, alphabet="ab|()[]{}^$*+?.\\-d1,"))
def test_any_source_is_a_pattern_or_none(source: str) -> None:
    found = pattern(source)
    if found is not None:
        assert all(found.matches(text, free) for text in found.texts(free))
