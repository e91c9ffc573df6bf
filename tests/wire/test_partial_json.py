"""JSON that is not complete yet."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.wire.partial_json import PartialJson, complete_part


def so_far(*pieces: str) -> Any:
    partial = PartialJson()
    for piece in pieces:
        partial.feed(piece)
    return partial.value


SHOWN: list[tuple[str, Any]] = [
    ("", None),
    ("{", {}),
    ('{"a', {}),
    ('{"a"', {}),
    ('{"a":', {}),
    ('{"a": "', {"a": ""}),
    ('{"a": "x', {"a": "x"}),
    ('{"a": "x\\', {"a": "x"}),
    ('{"a": "x\\\\', {"a": "x\\"}),
    ('{"a": "x\\u00', {"a": "x"}),
    ('{"a": "x\\ud83d', {"a": "x"}),
    ('{"a": "x\\ud83d\\ude', {"a": "x"}),
    ('{"a": "x\\ud83d\\ude00', {"a": "x😀"}),
    ('{"a": "x"', {"a": "x"}),
    ('{"a": "x",', {"a": "x"}),
    ('{"a": 1', {}),
    ('{"a": 1,', {"a": 1}),
    ('{"a": tru', {}),
    ('{"a": true}', {"a": True}),
    ('{"a": [1, {"b', {"a": [1, {}]}),
    ("[1, [2, ", [1, [2]]),
    ('["a", "b', ["a", "b"]),
    ('{"a": {"b": 1}, "c": "', {"a": {"b": 1}, "c": ""}),
    ('"te', "te"),
    ("no json", None),
    ("}", None),
]


@pytest.mark.parametrize(("text", "value"), SHOWN)
def test_what_has_come_is_shown(text: str, value: Any) -> None:
    assert so_far(text) == value


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@settings(derandomize=True, database=None, max_examples=100, deadline=None)
@given(
    value=st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3), escape=st.booleans()
)
def test_any_cut_is_shown_as_it_comes_and_the_whole_is_the_value(value: Any, escape: bool) -> None:
    text = json.dumps(value, ensure_ascii=escape)
    partial = PartialJson()
    for place, letter in enumerate(text, 1):
        before = partial.value
        changed = partial.feed(letter)
        assert changed == (partial.value != before or type(partial.value) is not type(before))
        assert partial.value == so_far(text[:place])
    assert partial.value == value


def test_whether_it_is_another_value_is_told() -> None:
    partial = PartialJson()
    assert [partial.feed(piece) for piece in ('{"a', '": "', "x", '"', "}")] == [True, True, True, False, False]


@settings(derandomize=True, database=None, max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet='{}[]",:\\ud8a1 ', max_size=8), max_size=6))
def test_junk_raises_nothing(pieces: list[str]) -> None:
    so_far(*pieces)


def test_a_value_that_is_nested_too_deeply_is_not_shown() -> None:
    assert so_far('{"a": 1,', '"b":' + "[" * 100_000) == {"a": 1}


def test_a_large_piece_is_copied_once_and_not_with_each_token() -> None:
    assert len(so_far(json.dumps([{"a": "x" * 3000}] * 10_000))) == 10_000


def test_a_long_text_is_looked_at_as_it_grows_and_not_with_each_piece() -> None:
    partial = PartialJson()
    changes = 0
    text = json.dumps(["x" * 300_000])
    for place in range(0, len(text), 2):
        changes += partial.feed(text[place : place + 2], is_last=place + 2 >= len(text))
        if partial.value:
            assert len(partial.value[0]) > place * 31 / 32 - 4096
    assert partial.value == ["x" * 300_000]
    assert changes < 3_000


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("{", "{}"),
        ('{"a": 1', "{}"),
        ('{"a": 1, "b": "half', '{"a": 1}'),
        ('{"a": {"b": [1.50, 2', '{"a": {"b": [1.50]}}'),
        ('{"a": "x"}', '{"a": "x"}'),
        ("", ""),
    ],
)
def test_whole_values_alone_are_complete(text: str, complete: str) -> None:
    assert complete_part(text) == complete


@pytest.mark.parametrize("text", ["a" * 100_000 + '"', '\\"' * 50_000 + '"', "\\" * 100_000, "a" * 100_000])
def test_a_long_text_takes_no_memory_for_each_of_its_characters(text: str) -> None:
    tracemalloc.start()
    try:
        complete_part('{"a":"' + text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * len(text)
