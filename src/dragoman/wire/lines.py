"""Lines of bytes that arrive in pieces, ended by LF. Does not know what a line holds."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from dragoman.errors import BadEventError

MAX_LINE = 1 << 20
"""Bytes of one line: 1 MiB, far above any delta; aiohttp stops at 128 KiB, httpx has no limit."""

LF, CR = b"\n\r"
"""Line ends, as numbers. Python finds a number in bytes seven times as fast as a piece of bytes: `CR in data`."""

T = TypeVar("T")


class LineReader:
    """Whole lines from bytes cut anywhere, without their LF. Searches no byte twice."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._tail: list[bytes] = []
        self.held = 0
        """Bytes of the beginning of a line that are held."""

    def feed(self, data: bytes) -> Iterable[bytes]:
        """The lines that `data` completes. Raises BadEventError, after the good ones, if one passes the limit."""
        if LF not in data:
            self._keep(data)
            return ()
        lines = data.split(b"\n")
        if self.held:
            self._keep(lines[0])
            lines[0] = b"".join(self._tail)
        rest = lines.pop()
        self._tail.clear()
        self.held = 0
        # Only so much data can hold a line that is too long.
        if len(data) > self._limit:
            return self._checked(lines, rest)
        self._keep(rest)
        return lines

    def finish(self) -> bytes:
        """The last line, which no LF ended; empty if there is none."""
        tail = b"".join(self._tail)
        self._tail.clear()
        self.held = 0
        return tail

    def _checked(self, lines: list[bytes], rest: bytes) -> Iterable[bytes]:
        for i, line in enumerate(lines):
            if len(line) > self._limit:
                return and_raise(lines[:i], self._too_long())
        try:
            self._keep(rest)
        except BadEventError as exc:
            return and_raise(lines, exc)
        return lines

    def _keep(self, data: bytes) -> None:
        self.held += len(data)
        if self.held > self._limit:
            self._tail.clear()
            raise self._too_long()
        if data:
            self._tail.append(data)

    def _too_long(self) -> BadEventError:
        return BadEventError(f"expected lines of at most {self._limit} bytes", code="upstream_too_large")


def and_raise(items: Iterable[T], error: BadEventError) -> Iterator[T]:
    """`items`, and then raises the error: what came before it in the same bytes is valid."""
    yield from items
    raise error
