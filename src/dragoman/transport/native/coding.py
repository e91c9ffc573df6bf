"""A reply's body unpacked, within bounds. Knows gzip and deflate, and no socket."""

import zlib
from collections.abc import Callable

from msgspec.structs import replace

from dragoman.errors import BadEventError, TruncatedStreamError, cut
from dragoman.transport.seam import MAX_BODY, Reply
from dragoman.types import ReplyHead

GZIP, ZLIB, RAW = 31, 15, -15
"""zlib's `wbits`: which wrapping is expected."""

BLOCK = 1 << 16
"""Bytes unpacked at once: the bounds are looked at behind each such block."""

FREE = 1 << 20
RATIO = 200
"""Above 1 MiB no body may be 200 times its packed size: text packs 20:1 or so, bombs 1028:1; Apache allows 200."""


def _gzip(first: int) -> int:
    return GZIP


def _deflate(first: int) -> int:
    """Servers send `deflate` with zlib's header (RFC 9110, section 8.4.1.2) and without: 8 in the low half is it."""
    return ZLIB if first & 0x0F == 8 else RAW


CODINGS: dict[str, Callable[[int], int]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
REWRITTEN = frozenset({b"content-encoding", b"content-length"})


class Inflate:
    """Unpacks one body."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._stream: zlib._Decompress | None = None
        self._packed = 0
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """What `data` unpacks to. Raises BadEventError where it is not what it says, or too much."""
        if self._stream is None:
            self._stream = zlib.decompressobj(CODINGS[self._coding](data[0]))
        stream = self._stream
        self._packed += len(data)
        blocks: list[bytes] = []
        while True:
            try:
                block = stream.decompress(data, BLOCK)
            except zlib.error as error:
                raise BadEventError(f"expected a {self._coding} body: {error}") from error
            blocks.append(block)
            self._size += len(block)
            if self._size > MAX_BODY or (self._size > FREE and self._size > RATIO * self._packed):
                said = f"{self._packed} bytes of {self._coding} unpacked to {self._size} and more"
                raise BadEventError(said, code="upstream_too_large")
            data = stream.unconsumed_tail
            if not data and len(block) < BLOCK:
                break
        if stream.unused_data:
            raise BadEventError(f"expected nothing behind the end of a {self._coding} body")
        return [block for block in blocks if block]

    def finish(self) -> None:
        """Raises TruncatedStreamError where the packed body's own end never came."""
        if self._stream is not None and not self._stream.eof:
            raise TruncatedStreamError(f"the {self._coding} body broke off after {self._packed} bytes")


class UnpackedReply(Reply):
    """A reply whose body is unpacked as it comes; its head no longer says that it was packed."""

    def __init__(self, packed: Reply, coding: str) -> None:
        headers = tuple(pair for pair in packed.head.headers if pair[0].lower() not in REWRITTEN)
        self.head: ReplyHead = replace(packed.head, headers=headers)
        self._packed = packed
        self._inflate = Inflate(coding)
        self._error: BadEventError | None = None

    async def read(self) -> list[bytes]:
        while self._error is None and (batch := await self._packed.read()):
            pieces: list[bytes] = []
            try:
                for piece in batch:
                    pieces += self._inflate.feed(piece) if piece else [piece]
            except BadEventError as error:
                self._packed.close()
                self._error = error  # what came before it is handed out first
            if pieces:
                return pieces
        if self._error is not None:
            raise self._error
        self._inflate.finish()
        return []

    def close(self) -> None:
        self._packed.close()


def unpacked(reply: Reply, coding: str) -> Reply:
    """`reply`, its `coding` (lower case) undone. Raises BadEventError, the reply closed, for one unknown here."""
    if coding == "identity":
        return reply
    if coding not in CODINGS:
        reply.close()
        raise BadEventError(f"expected no content-encoding, or one of {', '.join(CODINGS)}; got {cut(coding, 40)!r}")
    return UnpackedReply(reply, coding)
