"""Heads of requests that were read before: a caller sends the same one again and again, except its body's length.

To parse a head, check it, find its endpoint and check its key would each time give the same result. So a head that was
admitted is kept as bytes, in two pieces:

    POST /v1/chat/completions HTTP/1.1 … content-length: 512 … blank line {"model": …
    └────────────────────── start ──────────────────────┘   └── rest ───┘

If what comes next on a connection is `start`, some digits and `rest`, then the request is known: its path, its fields,
who asks and what answers, without the parser. Only the digits are read.

Why this is safe. The bytes are equal, so the result is too, as long as nothing but these bytes decided it:

- A head is kept only if it is written in the plainest way (`_is_plain`), and without fields that change with each
  request or that change how its body is framed (VARYING).
- A key may be taken away, also from an open connection. Each change of the keys raises `generation`, and a head of an
  older generation does not count.
- What may come through a Unix socket need not be admitted through another one, so these have heads of their own.

A head that is not found is parsed: to miss one costs time and nothing else. So there is no order of age: when there are
too many heads, all are forgotten. Each connection remembers the last head that it brought, and compares what comes with
that one first. The first request of a connection, and one whose head differs from the last, is looked up here.
"""

import re
from typing import Generic, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from dragoman.gateway.http.request import Admitted
from dragoman.types import Headers, Identity, Outcome, ServerRequest

LENGTH = re.compile(rb"\r\ncontent-length: ?(\d{1,10})\r\n", re.IGNORECASE)
MAX_HEADS = 1000
"""Heads that are kept; when there are more, all are forgotten. Some hundred bytes each."""

MAX_HEAD = 4 << 10
"""Bytes of the largest head that is kept: an SDK's takes less than one KiB."""

VARYING = frozenset(
    {
        b"x-request-id",
        b"traceparent",
        b"tracestate",
        b"expect",
        b"transfer-encoding",
        b"content-encoding",
        b"upgrade",
    }
)
"""Fields that differ with each request, or that change how a body is framed or packed."""


class Admissions(Protocol):
    """What a service admits. If that changes, `generation` is raised, and what was admitted before no longer counts."""

    generation: int


class CachedHead(Struct, Generic[Admitted], frozen=True, eq=False):
    """A head that was read, checked and admitted."""

    start: bytes
    """What stands before the digits of the body's length."""
    rest: bytes
    """What stands after these digits, with the blank line."""
    path: str
    query: str
    fields: tuple[tuple[bytes, bytes], ...]
    """All header fields except `content-length`."""
    admitted: Admitted
    """What answers, as the service has found."""
    more: bytes
    """Header fields of every answer to it, ready to send except for the id (`heads.ID`)."""
    identity: Identity
    """Who asks, as the service has found."""
    trace: Headers
    """What these fields say of the trace, as the service has found: see `Outcome.trace`."""
    generation: int
    """The generation in which it was admitted."""

    def find(self, data: bytes) -> tuple[bytes, int] | None:
        """The digits of `content-length` and the index of the body, if `data` begins with this head; else None."""
        if not data.startswith(self.start):
            return None
        at = len(self.start)
        end = data.find(b"\r", at, at + 11)
        digits = data[at:end]
        if end < 0 or not digits.isdigit() or not data.startswith(self.rest, end):
            return None
        return digits, end + len(self.rest)

    def call(self, digits: bytes, body: bytes) -> ServerRequest:
        """The request with this head and this `body`; `digits`: the body's length."""
        return ServerRequest(
            method="POST",
            path=self.path,
            query=self.query,
            headers=(*self.fields, (b"content-length", digits)),
            body=body,
        )

    def share(self, call: ServerRequest, outcome: Outcome) -> None:
        """`call`, which came with this head, and its `outcome` take over its values, so that each is in memory once.

        An SDK sends some twenty fields, which take 3 KiB, and a stream keeps its request until it ends.
        """
        length = next(field for field in call.headers if field[0] == b"content-length")
        force_setattr(call, "headers", (*self.fields, length))
        for name, value in (("method", "POST"), ("path", self.path), ("query", self.query)):
            force_setattr(call, name, value)
        outcome.method, outcome.path = call.method, call.path


class HeadCache(Generic[Admitted]):
    """The heads that the connections of a server share."""

    def __init__(self, admissions: Admissions) -> None:
        self.admissions = admissions
        self._heads: dict[tuple[bytes, bytes, bool], CachedHead[Admitted]] = {}

    def recall(self, data: bytes, *, unix: bool) -> CachedHead[Admitted] | None:
        """The head with which `data` begins, if it was learnt. `unix`: it came through a Unix socket."""
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD) + 4 if data.startswith(b"POST ") else 0
        length = LENGTH.search(data, 0, end)
        return None if length is None else self._heads.get((data[: length.start(1)], data[length.end(1) : end], unix))

    def learn(
        self, data: bytes, call: ServerRequest, admitted: Admitted, more: bytes, outcome: Outcome, *, unix: bool
    ) -> CachedHead[Admitted] | None:
        """The head with which `data` begins, and which was read as `call`; None if it is not one to be kept.

        `outcome`: of the request, as far as its head decides it.
        """
        text = data[: data.find(b"\r\n\r\n") + 4]
        names = [name for name, _ in call.headers]
        length = LENGTH.search(text)
        if (
            len(text) > MAX_HEAD
            or length is None
            or names.count(b"content-length") != 1
            or not VARYING.isdisjoint(names)
            or not _is_plain(text, call)
        ):
            return None
        start, rest = text[: length.start(1)], text[length.end(1) :]
        known = self._heads.get((start, rest, unix))
        generation = self.admissions.generation
        if known is None or known.generation != generation:
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            fields = tuple(field for field in call.headers if field[0] != b"content-length")
            # What is added to it here, such as a span, is of this request alone.
            trace = tuple(field for field in outcome.trace if field[0].encode() in names)
            known = self._heads[start, rest, unix] = CachedHead(
                start, rest, call.path, call.query, fields, admitted, more, outcome.identity, trace, generation
            )
        return known


def _is_plain(text: bytes, call: ServerRequest) -> bool:
    """Whether a head is written in the plainest way: its bytes say what was read as `call`, and nothing else."""
    first, *lines = text[:-4].split(b"\r\n")
    target = f"{call.path}?{call.query}" if call.query else call.path
    fields = [line.partition(b":") for line in lines]
    return first == b"POST %b HTTP/1.1" % target.encode("latin-1", "replace") and call.headers == tuple(
        (name.lower(), value.strip(b" \t")) for name, _, value in fields
    )
