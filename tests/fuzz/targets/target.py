"""A target of the fuzzer. Knows no fuzzer."""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar
from zlib import crc32

from msgspec import Struct

from dragoman.errors import DragomanError
from tests.support.cuts import scattered
from tests.support.golden import cases

T = TypeVar("T")

SMALL = 256
"""Bytes of an input that is also read byte by byte."""

Spoil = Callable[[bytes, random.Random], bytes]
"""Makes another input of one, as a service or a caller that is mistaken would."""


def no_seeds() -> Iterator[bytes]:
    """No inputs beside those of the corpus."""
    yield from ()


class FuzzTarget(Struct, frozen=True):
    """Something that reads bytes of strangers."""

    run: Callable[[bytes], None]
    """Reads an input. Raises if anything but an error of the tree comes out, or if two ways to read it disagree."""
    seeds: Callable[[], Iterator[bytes]] = no_seeds
    """Inputs to begin with, besides those of its corpus."""
    spoil: Spoil | None = None
    """Changes an input but keeps its form; None: only its bytes are changed."""


def seed_of(data: bytes) -> int:
    """A number for what is chosen by chance while an input is tried: the same for the same input."""
    return crc32(data)


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """One way to cut `data`: byte by byte, if it is short, or at a few places."""
    pieces = chance.choice((2, 3, 8, len(data)) if len(data) <= SMALL else (2, 3, 8))
    return scattered(data, chance.randrange(1 << 16), pieces)


def allowed(read: Callable[[], T]) -> T | None:
    """What `read` gives; None if it raises an error of the tree, as it may. Anything else is let through."""
    try:
        return read()
    except DragomanError:
        return None


def answers(protocol: str) -> Callable[[], Iterator[bytes]]:
    """The golden answers of a protocol."""

    def found() -> Iterator[bytes]:
        for case in cases(protocol).values():
            yield case.reply

    return found
