"""What a relay reads of an answer is what the decoder reads of it, whatever stands in its fields.

Golden answers are spoilt field by field: a field gets another value, is left out, or is joined by another one.
"""

import random
import re
from typing import Any

import msgspec
import pytest

from dragoman.errors import BadEventError
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.registry import DIALECTS
from dragoman.wire.utf8 import BOM
from tests.support.cuts import scattered
from tests.support.golden import cases
from tests.support.readings import RELAYED, REQUEST, decoded, read_whole, tap_of, tapped
from tests.support.spoiling import spoilt, spoilt_lines

TRIED, ALL = 40, 150
"""Spoilt answers of each golden stream, in the default tier, and behind `--faults`. A turn is a seed."""
WHOLE = 4
"""Times as many of each golden document, which takes less time."""

UNSAYABLE = "expected no more arguments of a tool call that was whole"
"""An error of the decoder alone: a relay passes on what no sequence of parts can say."""


EVENTS = re.compile(rb".+?(?:\r?\n\r?\n|\Z)", re.DOTALL)
"""As services send them: each is a piece of its own."""


def tried(config: pytest.Config) -> int:
    """Spoilt answers of each golden one."""
    return ALL if config.getoption("--faults") else TRIED


def last_line(body: bytes) -> bytes:
    return body.rstrip().rpartition(b"\n")[2]


def refusal(name: str, body: bytes) -> str:
    """Why the decoder does not take an answer."""
    client: Any = DIALECTS[name].client
    decoder: Decoder = client("http://h").decoder(REQUEST)
    decoder.feed(body)
    decoder.finish()
    return str(decoder.error)


@pytest.mark.parametrize("name", RELAYED)
def test_a_tap_reads_what_the_decoder_reads(name: str, pytestconfig: pytest.Config) -> None:
    for case in cases(name).values():
        reply = case.reply
        if not reply.strip() or reply.lstrip()[:1] in b"[<":
            continue
        for turn in range(tried(pytestconfig)):
            body = reply if turn == 0 else spoilt_lines(reply, random.Random(f"{case.path.name} {turn}"))
            expected = decoded(name, body)
            if expected[1] == BadEventError.code and UNSAYABLE in refusal(name, body):
                continue
            events = EVENTS.findall(body)
            for pieces, together in (([body], False), (scattered(body, turn), False), (events, True)):
                found = tapped(name, pieces, together=together)
                if name == "gemini" and last_line(body) != last_line(reply):
                    # The last report of tokens is spoilt, and those before it were not read.
                    found, expected = (*found[:2], None, *found[3:]), (*expected[:2], None, *expected[3:])
                assert found[:5] == expected[:5], (case.path.name, turn, body)
                assert found[5] in {"", expected[5]}


@pytest.mark.parametrize("name", RELAYED)
def test_a_whole_answer_is_read_as_the_decoder_reads_it(name: str, pytestconfig: pytest.Config) -> None:
    for case in cases(name).values():
        try:
            value = msgspec.json.decode(case.reply)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        for turn in range(tried(pytestconfig) * WHOLE):
            if turn:
                value = msgspec.json.decode(case.reply)
                spoilt(value, random.Random(f"{case.path.name} {turn}"))
            body = msgspec.json.encode(value)
            expected, found = decoded(name, body), read_whole(name, body)
            assert found[:5] == expected[:5], (case.path.name, turn, body)
            assert found[5] in {"", expected[5]}


LEADS = (b" ", b"\n ", b"\t", b" \r\n\t", b"\xef\xbb\xbf ", b" \xef\xbb\xbf")


@pytest.mark.parametrize("name", [name for name in RELAYED if name != "ollama"])
def test_blanks_before_the_first_field_do_not_pass(name: str) -> None:
    """No other reader of server-sent events would find that field."""
    for case in cases(name).values():
        reply = case.reply.removeprefix(BOM)
        if reply.lstrip()[:1] in b"{[<":
            continue
        plain = let_through(name, [reply])
        for lead in LEADS:
            body = lead + reply
            singly = [body[i : i + 1] for i in range(len(body))] if len(body) < 4096 else [body[:1], body[1:]]
            for pieces in ([body], singly, [lead, reply], [body[:9], body[9:]]):
                assert let_through(name, pieces) == plain, (case.path.name, lead)


def let_through(name: str, pieces: list[bytes]) -> bytes:
    """What passes of an answer."""
    tap = tap_of(name)
    return b"".join([*map(tap.feed, pieces), tap.finish()])
