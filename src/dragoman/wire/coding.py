"""Packed bytes unpacked as they come, within bounds: gzip, deflate, br and zstd. Knows no HTTP and no socket.

A packed body is a stream of a library's: it takes packed bytes and gives out blocks. gzip and zstd may put several
streams one behind the other (RFC 1952, section 2.2; RFC 8878, section 3). What nobody can judge from outside is judged
here, after each block: how much came out, and how much went in.
"""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from dragoman.errors import cut

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
    """One packed stream.

    `ended`: its own end has come. `full`: it holds more than it gave out, ask again with no bytes. `behind`: what was
    fed and stands after its end.
    """

    @property
    def ended(self) -> bool: ...
    @property
    def full(self) -> bool: ...
    @property
    def behind(self) -> bytes: ...
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
    """br. Its library takes bytes behind the end for a fault."""

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
        # It may have taken all that went in, and still hold some of what comes out.
        self.full = not self.ended and (len(block) >= BLOCK or not self._stream.can_accept_more_data())
        return block


class Zstd:
    """zstd."""

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
    """Servers send `deflate` with zlib's header (RFC 9110, section 8.4.1.2) and without: 8 in the low half is it."""
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
"""What makes a stream, given the body's first byte."""

SEVERAL = frozenset({"gzip", "x-gzip", "zstd"})
"""Codings whose streams may follow one another."""


class Unpacker:
    """Unpacks one body of at most `most` bytes.

    `coding`: one, in lower case. `taken` and `given`: packed bytes that came, bytes that they unpacked to. Raises
    UnknownCodingError where it is none of CODINGS; `br` needs the extra `web`.
    """

    def __init__(self, coding: str, most: int = MAX_UNPACKED) -> None:
        if coding not in CODINGS:
            raise UnknownCodingError(f"expected one of {', '.join(CODINGS)}; got {cut(coding, 40)!r}")
        self._coding = coding
        self._most = most
        self._stream: PackedStream | None = None
        self._streams = 0
        self.taken = 0
        self.given = 0

    @property
    def whole(self) -> bool:
        """Whether the packed body's own end has come. A body of no bytes at all has none."""
        return self._stream is not None and self._stream.ended

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in blocks: as much as is taken of them.

        Raises DamagedError, ExpandsError; UnknownCodingError for `br` without the extra.
        """
        # A library copies what it has not taken yet for each block that it gives out, so that it gets little at once.
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
            if self.given > self._most or (self.given > FREE and self.given > RATIO * self.taken):
                raise ExpandsError(f"{self.taken} bytes of {self._coding} unpack to {self.given} and more")
            if block:
                yield block
            if not stream.full:
                return
            block = stream.feed(b"")
