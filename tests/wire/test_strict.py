"""What a caller's JSON may be, as read whole and as only checked: both say the same."""

import json as reference
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidRequestError
from dragoman.wire import json, strict
from dragoman.wire.steps import done

WORDS = b"word, [and] {more} \\n\\\\ \xc3\xa9 " * 400
LONG_TEXT = b'"long":"%b",' % WORDS
QUOTES = b'"code":"%b",' % (b'say(\\"%b\\")' % (b"x" * 3000) * 4)
PICTURE = b'"picture":"data:image/png;base64,%b",' % (b"iVBORw0KGgo/9e400" * 4000)

REFUSED: dict[str, bytes] = {
    "deep lists": b'"a":' + b"[" * 64 + b"]" * 64,
    "deep objects": b'"a":' + b'{"a":' * 64 + b"1" + b"}" * 64,
    "deep, and wide before": b'"a":[%b' % (b"[],{}," * 50) + b"[" * 64 + b"]" * 65,
    "a long integer": b'"a":' + b"9" * 309,
    "a longer integer": b'"a":[-' + b"1" * 5000 + b"]",
    "a long fraction": b'"a":0.' + b"3" * 308,
    "a long fraction behind many digits": b'"b":"%b","a":0.%b' % (b"0123456789 " * 400, b"3" * 308),
    "a number that is no double": b'"a":1e400',
    "a negative one": b'"a":{"b":-1e309}',
    "equal keys": b'"a":1,"b":2,"a":1',
    "equal keys inside": b'"a":[{"b":{"c":1,"c":2}}]',
    "equal keys, differently spelt": b'"a":1,"\\u0061":1',
    "equal keys beside escaped marks": b'"x":"\\u0022\\u0022","a":1,"a":2',
    "bytes that are no UTF-8": b'"a":"\xff"',
    "half a character": b'"a":"\xd0"',
    "NaN": b'"a":NaN',
    "infinity": b'"a":Infinity',
}

TAKEN: dict[str, bytes] = {
    "64 lists": b'"a":' + b"[" * 63 + b"]" * 63,
    "wide": b'"a":[%b0]' % (b'[],{"b":[1]},' * 500),
    "308 digits": b'"a":' + b"9" * 308,
    "a fraction of 308 digits": b'"a":0.' + b"3" * 307,
    "a small number": b'"a":1e-400',
    "digits in a text": b'"a":"%b"' % (b"0123456789" * 40),
    "digits at many places": b'"a":"%b"' % (b"0123456789 " * 400),
    "brackets in a text": b'"a":"%b"' % (b"[{" * 200),
    "marks in a text": b'"a":"\\"\\u0022\\\\\\""',
    "equal keys of different objects": b'"a":{"a":{"a":1}},"b":{"a":1}',
    "a pair of surrogates": b'"a":"\\ud83d\\ude00"',
    "spaces": b' "a" :\t[ 1 ,\r\n 2 ] ',
}

AROUND: dict[str, bytes] = {
    "alone": b"",
    "beside a long text": LONG_TEXT,
    "beside a picture": PICTURE,
    "quotes": QUOTES,
}
READ: list[Callable[[bytes], Any]] = [json.decode_request, json.check_request]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", REFUSED)
def test_what_readers_disagree_on_is_refused(name: str, around: str) -> None:
    if name == "bytes that are no UTF-8" or around != "quotes":
        for data in (b"{%b%b}" % (AROUND[around], REFUSED[name]), b'{%b,%b"z":1}' % (REFUSED[name], AROUND[around])):
            for read in READ:
                if read is json.check_request and name in {"NaN", "infinity"}:
                    continue
                with pytest.raises(InvalidRequestError) as caught:
                    read(data)
                assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_only_unusual_is_taken(name: str, around: str) -> None:
    data = b"{%b%b}" % (AROUND[around], TAKEN[name])
    json.check_request(data)
    assert json.decode_request(data) == reference.loads(data)


def test_a_surrogate_alone_is_refused_by_those_who_read_it() -> None:
    with pytest.raises(InvalidRequestError, match="half a character"):
        json.decode_request(b'{"a":"%b\\ud800"}' % WORDS)


def test_long_texts_are_cut_out_and_nothing_else() -> None:
    for body in (b'{%b"a":[1]}' % LONG_TEXT, b'{%b"a":[1]}' % PICTURE, b'{%b"a":[1]}' % QUOTES):
        short = done(strict.shortened(body))
        assert len(short) < 20_000
        assert reference.loads(short).keys() == reference.loads(body).keys()
        assert short.endswith(b'"a":[1]}')
    for kept in (b"{}", b"[%b0]" % (b"[1, 2.5e3, true, null], " * 1000), b'{"a":"%b"}' % (b'\\"a\\"' * 2000)):
        assert done(strict.shortened(kept)) is kept


@given(st.lists(st.sampled_from([b'"', b"\\", b"x" * 9000, b"[" * 9000, b"a", b",", b'\\"', b'":"']), max_size=12))
def test_a_shortened_text_is_good_only_if_the_whole_one_is(pieces: list[bytes]) -> None:
    data = b'["' + b"".join(pieces) + b'"]'
    try:
        reference.loads(data)
    except (ValueError, RecursionError):
        return
    whole, short = verdict(strict.decode, data), verdict(strict.decode, done(strict.shortened(data)))
    assert whole or not short


def verdict(read: Callable[[bytes], Any], data: bytes) -> bool:
    """Whether it is good."""
    try:
        read(data)
    except Exception:  # noqa: BLE001  # whatever is wrong with it
        return False
    return True


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize(
    "item", [b"0", b"[]", b'""', b'{"a":0}', b'"a,b"', b'"%b"' % (b"\\\\" * 20)], ids=lambda item: item.decode()
)
def test_there_may_be_so_many_values(item: bytes, read: Callable[[bytes], Any]) -> None:
    each = 2 if item.startswith(b"{") else 1
    many = b'{"a":[%b%b]}'
    read(many % ((item + b",") * (strict.MAX_VALUES // 3), item))
    with pytest.raises(InvalidRequestError) as caught:
        read(many % ((item + b",") * (2 * strict.MAX_VALUES // each), item))
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


@pytest.mark.parametrize("read", READ)
def test_commas_of_long_texts_are_no_values(read: Callable[[bytes], Any]) -> None:
    read(b'{"table":"%b"}' % (b"1,2,3\\n" * 300_000))
    read(b'{"data":"%b"}' % (b'{\\"a\\":[1,2]},' * 100_000))


def test_many_short_texts_have_a_limit_too() -> None:
    with pytest.raises(InvalidRequestError, match="beside long texts") as caught:
        json.check_request(b'["%b"]' % (b'\\"a\\"' * (2 << 20)))
    assert caught.value.status == 413


TURN = b'{"role":"user","content":"Caf\xc3\xa9, \\"%d\\" [x]","n":[%d,null,1.5]}'
TURNS = [TURN % (number, number) for number in range(2 * strict.PART // len(TURN))]
DENSE = b",".join(TURNS)


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"m","messages":[%b]}' % DENSE,
        b'{"messages" : [ %b ] , "model" : "m"}' % DENSE,
        b'{"a":{"messages":[%b]},"b":[%b],"c":[],"d":"]"}' % (DENSE, DENSE),
        b'{"a":1,"a":[%b]}' % DENSE,
        b"[%b]" % DENSE,
        b'{"m":[%b],"n":NaN}' % DENSE,
        b'{"m":[%b,]}' % DENSE,
        b'{"m":[%b]' % DENSE,
        b'{"m":[%b,"\xff"]}' % DENSE,
        b'{"m":[%b,{"a":1,"a":2}]}' % DENSE,
        b'{"m":[%b,%b]}' % (DENSE, b"[" * 64 + b"]" * 64),
        b'{"m":[%b],"\\ud800":1}' % DENSE,
    ],
    ids=lambda data: str(data[:12] + data[-20:]),
)
def test_a_large_text_read_in_parts_is_as_one_read_whole(data: bytes) -> None:
    def read(decode: Callable[[bytes], Any]) -> object:
        try:
            return decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            return type(exc), str(exc)

    assert len(data) > strict.PART
    assert read(strict._in_parts) == read(msgspec.json.decode)


def test_no_call_decodes_more_than_a_part_and_an_item() -> None:
    lengths: list[int] = []

    def noting(data: bytes) -> Any:
        lengths.append(len(data))
        return msgspec.json.decode(data)

    data = b'{"model":"m","messages":[%b]}' % DENSE
    assert strict._in_parts(data, noting) == msgspec.json.decode(data)
    assert max(lengths) <= strict.PART + 2 * len(TURNS[-1])
    assert len(lengths) > 2
