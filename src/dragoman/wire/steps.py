"""Work on a large body in steps, between which a loop can serve others. Knows no loop, and not what the work is.

A step is what happens up to a `yield`. If the result is needed now, `done` does all of them at once.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that yields between two steps, and returns its result."""

PIECE = 1 << 20
"""Bytes of a step: the dearest look at each byte of a body (counting) takes 0.8 ms of so many."""


def done(steps: Steps[T]) -> T:
    """The result of all steps, done at once. Raises what they raise."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def holds(data: bytes, sought: bytes) -> Steps[bool]:
    """Whether `sought` is in `data`."""
    over = len(sought) - 1
    for at in range(0, len(data), PIECE):
        if data.find(sought, at, at + PIECE + over) >= 0:
            return True
        yield
    return False


def check_utf8(data: bytes) -> Steps[None]:
    """Raises UnicodeDecodeError, as `data.decode()` does."""
    if data.isascii():
        return
    view = memoryview(data)
    start = 0
    while start < len(data):
        end = start + PIECE
        while end < len(data) and data[end] & 0xC0 == 0x80 and end > start + PIECE - 3:
            end -= 1  # a character has up to three more bytes after its first
        try:
            str(view[start:end], "utf-8")
        except UnicodeDecodeError:
            data.decode()  # the error names the place, which is counted from the beginning
            raise
        start = end
        yield
