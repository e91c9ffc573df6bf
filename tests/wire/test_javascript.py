"""What JavaScript reads and prints; the expectations are what Node 22 printed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidRequestError
from dragoman.wire import javascript

PRINTED: list[tuple[bytes, str]] = [
    (b"1795230435397", "1795230435397"),
    (b"1795230464425.5", "1795230464425.5"),
    (b"5.0", "5"),
    (b"-5.0", "-5"),
    (b"0", "0"),
    (b"-0.0", "0"),
    (b"-0", "0"),
    (b"0.1", "0.1"),
    (b"-0.5", "-0.5"),
    (b"100", "100"),
    (b"1e3", "1000"),
    (b"123456.789e2", "12345678.9"),
    (b"1e20", "100000000000000000000"),
    (b"123456789012345680000", "123456789012345680000"),
    (b"1e21", "1e+21"),
    (b"1000000000000000000000", "1e+21"),
    (b"1.5e300", "1.5e+300"),
    (b"0.000001", "0.000001"),
    (b"0.0000001", "1e-7"),
    (b"1.25e-10", "1.25e-10"),
    (b"5e-324", "5e-324"),
    (b"1.7976931348623157e308", "1.7976931348623157e+308"),
    (b"9007199254740992", "9007199254740992"),
    (b"9007199254740993", "9007199254740992"),
    (b"12345678901234567890", "12345678901234567000"),
    (b"1e999", "Infinity"),
    (b"-1e999", "-Infinity"),
    (b"9" * 5000, "Infinity"),
    (b"true", "true"),
    (b"false", "false"),
    (b"null", "null"),
    (b'"text"', "text"),
    (b"{}", "[object Object]"),
    (b'[1, null, "a", [2, true]]', "1,,a,2,true"),
]


@pytest.mark.parametrize(("source", "printed"), PRINTED, ids=lambda value: str(value)[:24])
def test_values_are_printed_as_javascript_prints_them(source: bytes, printed: str) -> None:
    assert javascript.string(javascript.parse(source)) == printed


def test_a_missing_field_is_undefined() -> None:
    assert javascript.string(javascript.UNDEFINED) == "undefined"
    assert javascript.join([javascript.UNDEFINED, "a"], "-") == "-a"


def test_numbers_beyond_json_are_printed_too() -> None:
    assert javascript.number(math.nan) == "NaN"
    assert javascript.number(10**400) == "Infinity"
    assert javascript.number(-(10**400)) == "-Infinity"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_the_same_number(value: float) -> None:
    assert float(javascript.number(value)) == value


@pytest.mark.parametrize("source", [b"", b"{", b"NaN", b"[Infinity]", b"-Infinity", b"[1,]", b'"\n"', b"[" * 100_000])
def test_what_is_not_json_is_a_value_error(source: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        javascript.parse(source)


def test_lone_surrogates_and_broken_utf8_become_replacement_characters() -> None:
    assert javascript.parse(b'{"a\\ud83d": ["b\\uDC4B", "\\ud83d\\udc4b", 1]}') == {"a�": ["b�", "👋", 1]}
    assert javascript.parse(b'"a\xffb"') == "a�b"


def test_one_byte_order_mark_is_skipped() -> None:
    assert javascript.parse(b"\xef\xbb\xbf[]") == []


def test_the_last_of_two_equal_keys_holds() -> None:
    assert javascript.parse(b'{"a": 1, "a": 2}') == {"a": 2}


def test_values_are_written_with_lone_surrogates_replaced() -> None:
    assert javascript.stringify({"a": ("\ud83d", 1)}) == '{"a":["�",1]}'.encode()


def test_what_json_cannot_say_is_the_callers_fault() -> None:
    with pytest.raises(InvalidRequestError):
        javascript.stringify({"a": object()})
