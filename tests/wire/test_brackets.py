"""The bracket that closes JSON text in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.brackets import Brackets

WHOLE = [
    "{}",
    "[]",
    ' {"a": 1} ',
    '{"a": {"b": [1, {"c": "}"}]}}',
    '{"a": "\\""}',
    '{"\\\\": "\\\\"}',
    '{"a": "{[\\n\\u0022"}',
]


def closes_at(pieces: list[str]) -> int | None:
    """How many pieces it took; None where it is open still."""
    brackets = Brackets()
    for i, piece in enumerate(pieces):
        brackets.feed(piece)
        if brackets.whole:
            return i + 1
    return None


@pytest.mark.parametrize("text", WHOLE)
def test_closes_with_the_last_bracket_at_every_cut(text: str) -> None:
    end = len(text.rstrip())
    assert closes_at(list(text)) == end
    for i in range(1, end):
        assert closes_at([text[:i], "", text[i:]]) == 3, i
        assert closes_at([text[:i]]) is None


@pytest.mark.parametrize("text", ["", " ", '"{}"', "12", "true", "{", '{"a": "}', '{"a\\'])
def test_what_is_no_object_or_not_whole_stays_open(text: str) -> None:
    assert closes_at([text]) is None
    assert closes_at(list(text)) is None


@given(
    st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.lists(st.text(max_size=3), max_size=2), max_size=3)
)
def test_any_object_closes_at_its_end(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert closes_at(list(text)) == len(text)


def test_stays_whole() -> None:
    brackets = Brackets()
    brackets.feed("{}")
    brackets.feed(" {")
    assert brackets.whole
