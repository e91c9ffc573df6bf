"""Heads of requests that were read before: a caller sends the same one over and over, but for its body's length."""

import re
from typing import Generic, Protocol

from msgspec import Struct

from dragoman.gateway.http.request import Admitted
from dragoman.types import Identity, ServerRequest

LENGTH = re.compile(rb"\r\ncontent-length: ?(\d{1,10})\r\n", re.IGNORECASE)
MAX_HEADS = 1000
"""Heads that are remembered; when there are more, all are forgotten. Some hundred bytes each."""

MAX_HEAD = 4 << 10
"""Bytes of a head that is worth remembering: an SDK's takes less than one KiB."""

VARYING = frozenset({b"x-request-id", b"expect", b"transfer-encoding", b"content-encoding", b"upgrade"})
"""Fields with which a request is another each time, or is framed or packed in another way."""


class Admissions(Protocol):
    """What a service admits. If that changes, `generation` is raised, and nothing that was admitted before counts."""

    generation: int


class CachedHead(Struct, Generic[Admitted], frozen=True, eq=False):
    """A head that was read, checked and admitted.

    `start`: what stands before the digits of its body's length; `rest`: what stands after them. `fields`: all but that
    length. `admitted`, `more` and `identity` are what the service said of it: what answers, the header fields of every
    answer to it, ready to send, and who asks. `generation`: that in which it was admitted.
    """

    start: bytes
    rest: bytes
    path: str
    query: str
    fields: tuple[tuple[bytes, bytes], ...]
    admitted: Admitted
    more: bytes
    identity: Identity
    generation: int

    def find(self, data: bytes) -> tuple[bytes, int] | None:
        """The digits of the body's length, and where the body begins, if `data` begins with this head."""
        if not data.startswith(self.start):
            return None
        at = len(self.start)
        end = data.find(b"\r", at, at + 11)
        digits = data[at:end]
        if end < 0 or not digits.isdigit() or not data.startswith(self.rest, end):
            return None
        return digits, end + len(self.rest)

    def call(self, digits: bytes, body: bytes) -> ServerRequest:
        """The request that has this head and this body, whose length it says in these digits."""
        return ServerRequest(
            method="POST",
            path=self.path,
            query=self.query,
            headers=(*self.fields, (b"content-length", digits)),
            body=body,
        )


class HeadCache(Generic[Admitted]):
    """Shared by all connections: what they remember is this."""

    def __init__(self, admissions: Admissions) -> None:
        self.admissions = admissions
        self._heads: dict[tuple[bytes, bytes], CachedHead[Admitted]] = {}

    def learn(
        self, data: bytes, call: ServerRequest, admitted: Admitted, more: bytes, identity: Identity
    ) -> CachedHead[Admitted] | None:
        """The head of the request that `data` began with, and that was read as `call`; None if it is a rare one."""
        text = data[: data.find(b"\r\n\r\n") + 4]
        names = [name for name, _ in call.headers]
        length = LENGTH.search(text)
        if (
            len(text) > MAX_HEAD
            or length is None
            or names.count(b"content-length") != 1
            or not VARYING.isdisjoint(names)
            or not _says(text, call)
        ):
            return None
        key = text[: length.start(1)], text[length.end(1) :]
        known = self._heads.get(key)
        generation = self.admissions.generation
        if known is None or known.generation != generation:
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            fields = tuple(field for field in call.headers if field[0] != b"content-length")
            known = self._heads[key] = CachedHead(
                *key, call.path, call.query, fields, admitted, more, identity, generation
            )
        return known


def _says(text: bytes, call: ServerRequest) -> bool:
    """Whether a head says just what was read as `call`, in the plainest way: who asks is decided by nothing else."""
    first, *lines = text[:-4].split(b"\r\n")
    target = f"{call.path}?{call.query}" if call.query else call.path
    fields = [line.partition(b":") for line in lines]
    return first == b"POST %b HTTP/1.1" % target.encode("latin-1", "replace") and call.headers == tuple(
        (name.lower(), value.strip(b" \t")) for name, _, value in fields
    )
