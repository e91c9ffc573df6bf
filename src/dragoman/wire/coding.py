"""Packed bytes, unpacked as they arrive and within bounds: gzip, deflate, br and zstd. Knows no HTTP and no socket.

Each library has a stream object: packed bytes go in, unpacked blocks come out. A gzip or zstd body may consist of
several streams, one after another (RFC 1952, section 2.2; RFC 8878, section 3). A few packed bytes may unpack to
gigabytes (a "bomb"), and nothing outside shows it. So after each block two sums are compared: how many bytes came out,
and how many went in.
"""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from dragoman.error_words import cut

BLOCK = 1 << 16
"""Bytes unpacked at once: the bounds are looked at after each such block."""

MAX_UNPACKED = 64 << 20
"""Bytes that a body may unpack to, unless its reader says otherwise."""

FREE = 1 << 20
RATIO = 200
"""Above 1 MiB no body may be 200 times its packed size: text packs 20:1 or so, bombs 1028:1; Apache allows 200."""

STREAMS = 1024
"""Streams in one body: an empty one has 20 bytes and costs as much as a real one. Servers send one, or a few."""

WINDOW_LOG = 23
"""zstd looks back 8 MiB at most, which is what RFC 9659 lets a sender ask for: that much memory is kept."""


class UnknownCodingError(ValueError):
    """No library here unpacks that."""


class DamagedError(ValueError):
    """The bytes are not packed as they are said to be."""


class ExpandsError(ValueError):
    """The bytes unpack to more than they may."""


class PackedStream(Protocol):
    """One packed stream."""

    @property
    def ended(self) -> bool:
        """Whether its own end has come."""

    @property
    def full(self) -> bool:
        """Whether it holds more than it has returned: then `feed` it no bytes to get the next block."""

    @property
    def behind(self) -> bytes:
        """Bytes that were fed and follow its end."""

    def feed(self, data: bytes) -> bytes:
        """About a block of what `data` unpacks to. Raises DamagedError."""


class Zlib:
    """gzip, or deflate with zlib's header or without."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.full = False

    @property
    def ended(self) -> bool:
        return self._stream.eof

    @property
    def behind(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> bytes:
        try:
            block = self._stream.decompress(self._stream.unconsumed_tail + data, BLOCK)
        except zlib.error as exc:
            raise DamagedError(str(exc)) from exc
        self.full = not self._stream.eof and (bool(self._stream.unconsumed_tail) or len(block) >= BLOCK)
        return block


class Brotli:
    """br. For its library, bytes after the end are a fault."""

    behind = b""

    def __init__(self) -> None:
        from brotli import Decompressor

        self._stream = Decompressor()
        self.full = False

    @property
    def ended(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, data: bytes) -> bytes:
        from brotli import error

        try:
            block: bytes = self._stream.process(data, output_buffer_limit=BLOCK)
        except error as exc:
            raise DamagedError(str(exc)) from exc
        # It may have taken all packed bytes and still hold unpacked ones.
        self.full = not self.ended and (len(block) >= BLOCK or not self._stream.can_accept_more_data())
        return block


class Zstd:
    """Decompresses zstd (RFC 8878), in frames whose window has a bound."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._fault = zstd.ZstdError
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})

    @property
    def ended(self) -> bool:
        return self._stream.eof

    @property
    def full(self) -> bool:
        return not self._stream.eof and not self._stream.needs_input

    @property
    def behind(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> bytes:
        try:
            return self._stream.decompress(data, BLOCK)
        except self._fault as exc:
            raise DamagedError(str(exc)) from exc


def _gzip(first: int) -> PackedStream:
    return Zlib(31)


def _deflate(first: int) -> PackedStream:
    """Servers send `deflate` with zlib's header (RFC 9110, section 8.4.1.2), whose first byte ends in 8, or without."""
    return Zlib(15 if first & 0x0F == 8 else -15)


def _brotli(first: int) -> PackedStream:
    return Brotli()


def _zstd(first: int) -> PackedStream:
    return Zstd()


CODINGS: dict[str, Callable[[int], PackedStream]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
"""Coding to a function that makes its stream from the body's first byte."""

PLAIN = frozenset({"", "identity", "none", "utf-8"})
"""What stands in a coding's place if a body is not packed. `none` keeps programs between from packing a stream; a
character set is a common mistake. Browsers read both as they come."""

SEVERAL = frozenset({"gzip", "x-gzip", "zstd"})
"""Codings whose bodies may hold several streams, one after another."""


class Unpacker:
    """Unpacks one body, which may have `most` unpacked bytes.

    Raises UnknownCodingError if `coding` is not one of CODINGS (lower case); `br` needs the extra `web`.
    """

    def __init__(self, coding: str, most: int = MAX_UNPACKED) -> None:
        if coding not in CODINGS:
            raise UnknownCodingError(f"expected one of {', '.join(CODINGS)}; got {cut(coding, 40)!r}")
        self._coding = coding
        self._most = most
        self._stream: PackedStream | None = None
        self._streams = 0
        self.taken = 0
        """Packed bytes so far."""
        self.given = 0
        """Unpacked bytes so far."""

    @property
    def whole(self) -> bool:
        """Whether the packed body's own end has come. An empty body has no such end."""
        return self._stream is not None and self._stream.ended

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in blocks. Unpacks no more than the caller iterates over.

        Raises DamagedError, ExpandsError; UnknownCodingError for `br` without the extra.
        """
        # For each block that a library returns it copies the packed bytes that it has not used yet: feed it a few.
        for start in range(0, len(data), BLOCK):
            yield from self._some(data[start : start + BLOCK])

    def _some(self, data: bytes) -> Iterator[bytes]:
        self.taken += len(data)
        while data:
            stream = self._running(data[0])
            try:
                yield from self._blocks(stream, data)
            except DamagedError as exc:
                raise DamagedError(f"expected a {self._coding} body: {exc}") from exc
            data = stream.behind if stream.ended else b""

    def _running(self, first: int) -> PackedStream:
        stream = self._stream
        if stream is not None and not stream.ended:
            return stream
        if stream is not None and self._coding not in SEVERAL:
            raise DamagedError(f"expected nothing after the end of a {self._coding} body")
        self._streams += 1
        if self._streams > STREAMS:
            raise ExpandsError(f"expected at most {STREAMS} {self._coding} streams in a body")
        try:
            self._stream = stream = CODINGS[self._coding](first)
        except ImportError as exc:
            raise UnknownCodingError(f"{self._coding} needs the extra `web` (pip install 'dragoman[web]')") from exc
        return stream

    def _blocks(self, stream: PackedStream, data: bytes) -> Iterator[bytes]:
        block = stream.feed(data)
        while True:
            self.given += len(block)
            if self.given > self._most:
                raise ExpandsError(f"expected at most {self._most} bytes in a {self._coding} body, got more")
            if self.given > FREE and self.given > RATIO * self.taken:
                raise ExpandsError(
                    f"expected a {self._coding} body of at most {RATIO} times its compressed size, got more"
                )
            if block:
                yield block
            if not stream.full:
                return
            block = stream.feed(b"")
