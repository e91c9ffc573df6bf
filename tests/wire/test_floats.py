"""Floats of strangers are read as msgspec reads them, and never in its slow way."""

import importlib
import pkgutil
from collections.abc import Iterator
from inspect import ismethod

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

import dragoman.gateway
import dragoman.protocols
import dragoman.wire
from dragoman.wire import floats, json, strict


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_what_msgspec_makes_of_it(value: float) -> None:
    text = repr(value)
    assert floats.decode(text) == floats.decode_many(text.encode()) == msgspec.json.decode(text) == value


@pytest.mark.parametrize("text", ["1e309", "-1e400", "[1e99999999999]"])
def test_a_float_that_no_double_holds_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        floats.decode(text)
    with pytest.raises(msgspec.ValidationError):
        floats.decode_many(text.encode())


@pytest.mark.parametrize("text", [b"[1.5e300]", b"[1.5E+300]", b"[5e-324]", b"[0.1, 1e0300]"])
def test_floats_that_may_be_slow_are_found_among_many(text: bytes) -> None:
    assert floats.EXTREME.search(text)


@pytest.mark.parametrize("text", [b"[0.1234567891234567, -1e-9, 1e22]", b"[12345, 0]"])
def test_others_are_not(text: bytes) -> None:
    assert not floats.EXTREME.search(text)


def test_requests_and_events_are_read_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for decode in (strict._decode, floats.decode):
        assert decode.__self__.float_hook is floats.number  # type: ignore[attr-defined]  # a method of a decoder
    assert json.decode_event(b'{"a":1.5e300}') == json.decode_floats(b'{"a":1.5e300}') == {"a": 1.5e300}


def test_no_other_decoder_reads_values_of_any_type() -> None:
    slow = [place for place, decoder in decoders() if decoder.float_hook is not floats.number and is_open(decoder.type)]
    assert slow == ["dragoman.wire.floats._plain"]


def decoders() -> Iterator[tuple[str, msgspec.json.Decoder[object]]]:
    """All that modules hold, by their places."""
    for package in (dragoman.protocols, dragoman.gateway, dragoman.wire):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(found.name)).items():
                if ismethod(value) or hasattr(value, "__self__"):
                    decoder = value.__self__
                    if isinstance(decoder, msgspec.json.Decoder):
                        yield f"{found.name}.{name}", decoder


def is_open(kind: object) -> bool:
    """Whether a value of any type may stand somewhere in a `kind`."""
    told, seen = [inspect.type_info(kind)], set()
    while told:
        match told.pop():
            case inspect.AnyType():
                return True
            case inspect.StructType(cls=cls, fields=fields) if cls not in seen:
                seen.add(cls)
                told += [field.type for field in fields]
            case inspect.UnionType(types=types):
                told += types
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                told.append(item)
            case inspect.DictType(value_type=value):
                told.append(value)
    return False
