"""A reply's body, unpacked as it arrives and within bounds. Knows no socket."""

from msgspec.structs import replace

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.transport.base import MAX_BODY, Reply
from dragoman.transport.heads import BODILESS
from dragoman.types import ResponseHead
from dragoman.wire.coding import PLAIN, DamagedError, ExpandsError, UnknownCodingError, Unpacker

REWRITTEN = frozenset({b"content-encoding", b"content-length"})


class UnpackedReply(Reply):
    """A reply whose body is unpacked as it comes; its head no longer says that it was packed."""

    def __init__(self, packed: Reply, coding: str) -> None:
        headers = tuple(pair for pair in packed.head.headers if pair[0].lower() not in REWRITTEN)
        self.head: ResponseHead = replace(packed.head, headers=headers)
        self._packed = packed
        self._coding = coding
        self._unpacker = Unpacker(coding, MAX_BODY)
        # A length of 0 is intended. Without it, a body of no bytes is a packed body that was cut at its beginning.
        self._may_be_empty = (packed.head.header("content-length") or "").strip() == "0"
        self._error: BadEventError | None = None

    async def read(self) -> list[bytes]:
        while self._error is None and (batch := await self._packed.read()):
            pieces: list[bytes] = []
            try:
                for piece in batch:
                    pieces.extend(self._unpacker.feed(piece) if piece else [piece])
            except (DamagedError, UnknownCodingError) as exc:
                self._end(BadEventError(str(exc)))
            except ExpandsError as exc:
                self._end(BadEventError(str(exc), code="upstream_too_large"))
            if pieces:
                return pieces
        if self._error is not None:
            raise self._error
        if not self._unpacker.whole and not (self._may_be_empty and not self._unpacker.taken):
            raise TruncatedStreamError(f"the {self._coding} body broke off after {self._unpacker.taken} bytes")
        return []

    def close(self) -> None:
        self._packed.close()

    def _end(self, error: BadEventError) -> None:
        self._packed.close()
        self._error = error  # raised after what came before it was returned


def unpacked_reply(reply: Reply, method: str = "POST") -> Reply:
    """`reply` to a request of `method`, unpacked if its head says that it is packed.

    Closes the reply and raises BadEventError for a coding that is unknown here, or for more than one.
    """
    coding = _coding(reply.head)
    if not coding or method == "HEAD" or reply.head.status in BODILESS:
        return reply
    try:
        return UnpackedReply(reply, coding)
    except UnknownCodingError as exc:
        reply.close()
        raise BadEventError(f"content-encoding: {exc}") from exc


def _coding(head: ResponseHead) -> str:
    """The codings of all `content-encoding` lines, in lower case; empty if there are none."""
    lines = b",".join(value for name, value in head.headers if name.lower() == b"content-encoding")
    named = (name.strip() for name in lines.decode("latin-1").lower().split(","))
    return ", ".join(name for name in named if name not in PLAIN)
