"""Answers that are relayed: a tap reads what the decoder reads, and what it lets pass says what the service said."""

from functools import partial
from typing import Any

from dragoman.protocols.registry import DIALECTS
from tests.fuzz.targets.target import FuzzTarget, answers, seed_of
from tests.support.cuts import drive, scattered
from tests.support.readings import RELAYED, REQUEST, decoded, read_whole, tap_of, tapped
from tests.support.relaying import parts
from tests.support.spoiling import spoilt_json


def tap(name: str, data: bytes) -> None:
    """An answer: a stream, or a document."""
    expected = decoded(name, data)
    for pieces in [[data], scattered(data, seed_of(data))] if data else [[data]]:
        found = tapped(name, pieces)
        if name == "gemini":
            # Of reports of tokens, a tap reads the last alone: one that is spoilt hides those before it.
            found, expected = (*found[:2], None, *found[3:]), (*expected[:2], None, *expected[3:])
        assert found[:5] == expected[:5], (found, expected)
        assert found[5] in {"", expected[5]}
    let_through(name, data)
    if data.startswith(b"{") and data.endswith(b"}"):
        found = read_whole(name, data)
        assert found[:5] == decoded(name, data)[:5]


def let_through(name: str, data: bytes) -> None:
    """What passes of a good answer is the same answer."""
    through = tap_of(name)
    passed = b"".join([through.feed(data), through.finish()])
    if through.error is None and not through.needs_decoding:
        client: Any = DIALECTS[name].client
        told, said = (drive(client("http://h").decoder(REQUEST), [each]) for each in (passed, data))
        assert (parts(told[0]), told[1]) == (parts(said[0]), said[1])


TARGETS = {f"tap-{name}": FuzzTarget(partial(tap, name), answers(name), spoilt_json) for name in RELAYED}
