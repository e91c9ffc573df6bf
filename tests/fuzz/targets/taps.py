"""Answers that are relayed: a tap reads what the decoder reads, and what it lets pass says what the service said."""

from functools import partial
from random import Random
from typing import Any

from dragoman.errors import BadEventError
from dragoman.protocols.registry import DIALECTS
from tests.fuzz.targets.target import FuzzTarget, answers, cut, seed_of
from tests.support.cuts import drive
from tests.support.readings import RELAYED, REQUEST, Read, decoded, read_whole, tap_of, tapped
from tests.support.relaying import parts
from tests.support.spoiling import spoilt_json


def tap(name: str, data: bytes) -> None:
    """An answer: a stream, or a document."""
    if name == "gemini" and data.lstrip()[:1] == b"[":
        tapped(name, [data])  # of what stands between the objects of an array, the two readers skip other parts
        return
    chance, expected = Random(seed_of(data)), decoded(name, data)
    compare(name, tapped(name, cut(data, chance)), expected)
    if chance.random() < 0.5:
        let_through(name, data)
    elif data.startswith(b"{") and data.endswith(b"}"):
        compare(name, read_whole(name, data), expected)


def compare(name: str, found: Read, expected: Read) -> None:
    """Whether a tap read what the decoder reads."""
    if found[0] is not None and expected[0] is not None:
        return  # of two faults in one answer, each may meet another one first
    if expected[0] is BadEventError:
        return  # a tap does not read events that hold no content and no end: broken ones pass as they came
    if name == "openai-responses" and expected[4]:
        expected = (*expected[:4], found[4], *expected[5:])  # an item that began has passed, whatever became of it
    if name == "gemini":
        # Of reports of tokens, a tap reads the last alone: one that is spoilt hides those before it.
        found, expected = (*found[:2], None, *found[3:]), (*expected[:2], None, *expected[3:])
    assert found[:5] == expected[:5], (found, expected)
    assert found[5] in {"", expected[5]}


def let_through(name: str, data: bytes) -> None:
    """What passes of a good answer is the same answer."""
    through = tap_of(name)
    passed = b"".join([through.feed(data), through.finish()])
    if through.error is None and not through.needs_decoding:
        client: Any = DIALECTS[name].client
        told, said = (drive(client("http://h").decoder(REQUEST), [each]) for each in (passed, data))
        # Events that no blank line separates are parted: one of them that is broken is then seen as such.
        is_parted = passed != data and told[1] is not None and told[1][0] is BadEventError
        if said[1] is None and not is_parted:
            assert (parts(told[0]), told[1]) == (parts(said[0]), None)


TARGETS = {f"tap-{name}": FuzzTarget(partial(tap, name), answers(name), spoilt_json) for name in RELAYED}
