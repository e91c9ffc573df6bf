"""JSON, and what is none."""

import json as reference
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError, DragomanError, InvalidRequestError
from dragoman.wire import json

WRONG = [
    b"",
    b" ",
    b"{",
    b'{"a":}',
    b"[1,]",
    b"1 2",
    b"'a'",
    b"[" * 100_000,
    b"tru",
    b"\xff",
]


@pytest.mark.parametrize("data", WRONG, ids=lambda data: repr(data[:12]))
def test_what_is_no_json_is_an_error_of_the_tree(data: bytes) -> None:
    with pytest.raises(
        BadEventError, match=r"^expected JSON, got (something else|objects or lists too deep in each other)$"
    ):
        json.decode_event(data)
    with pytest.raises(InvalidRequestError, match=r"^the body is not valid JSON: ") as caught:
        json.decode_request(data)
    assert caught.value.code == "invalid_json"
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("data", [b"", b" ", b'{"a":'])
def test_of_a_body_that_ends_too_soon_that_is_told(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"^the body is not valid JSON: it is empty, or ends too soon$"):
        json.decode_request(data)


def test_a_services_bad_bytes_become_replacement_characters_and_a_callers_are_refused() -> None:
    assert json.decode_event(b'{"a":"x\xffy\xe2\x82"}') == {"a": "x\ufffdy\ufffd"}
    with pytest.raises(InvalidRequestError, match="byte 0xff"):
        json.decode_request(b'{"a":"x\xff"}')
    with pytest.raises(BadEventError):
        json.decode_event(b'{"a":"x\xff"')


def test_an_error_holds_nothing_of_the_body() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        json.decode_request(b'{"password": "hunter2" "x": 1}')
    assert "hunter2" not in str(caught.value)
    assert "byte 23" in str(caught.value)


def test_deep_nesting_says_so() -> None:
    with pytest.raises(InvalidRequestError, match="too deeply nested"):
        json.decode_request(b'{"a":' * 100_000)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_values_come_back(value: Any) -> None:
    data = json.encode(value)
    assert json.decode_event(data) == json.decode_request(data) == reference.loads(data) == value


@pytest.mark.parametrize("decode", [json.decode_event, json.decode_request])
@given(junk=st.binary(max_size=30))
def test_junk_raises_nothing_else(decode: Callable[[bytes], Any], junk: bytes) -> None:
    for data in (junk, b'{"a":' + junk + b"}"):
        try:
            decode(data)
        except DragomanError:
            continue


@pytest.mark.parametrize("text", ["{}", ' {"a": [{"b": 1e999}]} ', '{"a": 1, "a": 2}'])
def test_an_object(text: str) -> None:
    assert json.is_object(text)


@pytest.mark.parametrize("text", ["", "[]", "1", '"{}"', "{", '{"a":', "{} {}", '{"\ud83d": 1}', '{"a":' * 100_000])
def test_no_object(text: str) -> None:
    assert not json.is_object(text)


def test_a_service_may_write_numbers_that_json_has_not_and_half_a_character() -> None:
    value = json.decode_event(b'{"a":[NaN,-Infinity],"b":"\\ud83d","c":"\\ud83d\\ude00"}')
    assert (str(value["a"]), value["b"], value["c"]) == ("[nan, -inf]", "\ufffd", "\U0001f600")
    assert json.decode_loosely(b'"\\ud83d"') == "\ud83d"


def test_what_is_kept_has_no_room_to_grow() -> None:
    text = "x" * 100_000
    tracemalloc.start()
    try:
        kept = json.encode_to_keep([text])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept == json.encode([text])
    assert held < 1.1 * len(kept)
