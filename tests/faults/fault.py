"""What a fault is: where in an answer it happens, the script of the service, and what must come of it."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Literal

from msgspec import Struct, field

from dragoman.config import RetryConfig
from tests.faults.dialects import SERVICES, Reply, hear
from tests.faults.h2 import Acts
from tests.faults.proxies import Way
from tests.faults.wire import Script, Step
from tests.support.names import Answers

KEY = "canary-of-the-service-5f1c"
"""The key for the service. Many of its faults repeat it; no answer and no log may show it."""
PASSWORD = "canary-of-the-proxy-41d8"
"""The password for proxies, which must not be shown either."""


class Phase(Enum):
    """When it happens."""

    DNS = "dns"
    CONNECT = "connect"
    PROXY = "proxy"
    """Between the request and its way through a proxy."""
    TLS = "tls"
    WRITE_REQUEST = "write-request"
    WAIT_HEADERS = "wait-headers"
    IN_HEADERS = "in-headers"
    WAIT_FIRST_EVENT = "wait-first-event"
    MID_STREAM = "mid-stream"
    TAIL = "tail"
    """All text has come, and no reason to stop."""
    END = "end"
    """The reason to stop has come; what may be missing is counts, the end mark and the end of the transfer."""
    IDLE = "idle-in-pool"


DELTAS = {"anthropic": "content_block_delta", "openai-responses": "response.output_text.delta"}
"""The names of events with text, in the dialects whose events have names."""


class Well(Struct, frozen=True):
    """The whole answer comes, as if nothing had been. `text`: if it differs. `tokens`: of the output.

    `after`: the codes of attempts at the same target that failed before.
    """

    text: str | None = None
    tokens: int | None = 20
    after: tuple[str, ...] = ()


class Fails(Struct, frozen=True):
    """The target fails with this code; if nothing has gone out, the caller gets `status`, or the next target answers.

    `status`: None, if any from 500 on will do. `next`: whether another target is asked. `retry_after`: what the caller
    is told, empty if nothing; None: any.
    """

    code: str
    status: int | None = 502
    next: bool = True
    retry_after: str | None = None
    at_end: bool = False
    """Whether it fails only when the reason to stop comes, wherever in the stream the fault was."""


Fate = Well | Fails


class Said(Struct, frozen=True):
    """A good answer, on the wire: the head, a frame for each piece, the end of the transfer."""

    dialect: str
    stream: bool
    reply: Reply
    head: bytes
    frames: tuple[bytes, ...]
    end: bytes

    @property
    def whole(self) -> tuple[Step, ...]:
        """All of it."""
        return (self.head, *self.frames, self.end)

    def place(self, phase: Phase) -> int:
        """How many pieces come before what happens in `phase`."""
        return {
            Phase.WAIT_FIRST_EVENT: self.reply.first,
            Phase.MID_STREAM: self.reply.first + 1,
            Phase.TAIL: self.reply.reason,
            Phase.END: self.reply.reason + 1,
        }.get(phase, 0)

    def before(self, phase: Phase) -> tuple[Step, ...]:
        """What comes before what happens in `phase`."""
        match phase:
            case (
                Phase.DNS
                | Phase.CONNECT
                | Phase.PROXY
                | Phase.TLS
                | Phase.WRITE_REQUEST
                | Phase.WAIT_HEADERS
                | Phase.IDLE
            ):
                return ()
            case Phase.IN_HEADERS:
                return (self.head[:40],)
            case _:
                return (self.head, *self.frames[: self.place(phase)])

    def after(self, phase: Phase) -> tuple[Step, ...]:
        """What comes after it."""
        if phase is Phase.IN_HEADERS:
            return (self.head[40:], *self.frames, self.end)
        if phase is Phase.WAIT_HEADERS:
            return self.whole
        return (*self.frames[self.place(phase) :], self.end)

    def text_before(self, phase: Phase) -> str:
        """The text that a caller can have got before."""
        if not self.stream:
            return ""
        return hear(self.dialect, b"".join(self.reply.pieces[: self.place(phase)]), stream=True).text

    def event(self, data: str) -> bytes:
        """An event of the stream that looks like one with text, as a frame."""
        if self.dialect == "ollama":
            return frame(f"{data}\n".encode())
        named = f"event: {DELTAS[self.dialect]}\n" if self.dialect in DELTAS else ""
        return frame(f"{named}data: {data}\n\n".encode())


def frame(data: bytes) -> bytes:
    """A chunk of HTTP."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(media_type: str, *fields: str, status: str = "200 OK") -> bytes:
    """The head of a reply."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-type: {media_type}", *fields, "\r\n"]).encode("latin-1")


def said(dialect: str, reply: Reply, *, stream: bool) -> Said:
    """`reply` on the wire: a stream in chunks, a document with its length."""
    if stream:
        begin = head(reply.media_type, "transfer-encoding: chunked")
        return Said(dialect, stream, reply, begin, tuple(map(frame, reply.pieces)), b"0\r\n\r\n")
    size = sum(map(len, reply.pieces))
    return Said(dialect, stream, reply, head(reply.media_type, f"content-length: {size}"), reply.pieces, b"")


def document(media_type: str, body: bytes, *fields: str, status: str = "200 OK") -> tuple[Step, ...]:
    """A whole reply with its length."""
    return (head(media_type, f"content-length: {len(body)}", *fields, status=status), body)


Use = Literal["stream", "whole"]
USES: tuple[Use, ...] = ("stream", "whole")

Fates = Mapping[Phase, Fate]
STREAMED = frozenset(SERVICES)
EVENTS = STREAMED - {"ollama"}
"""Dialects whose streams are server-sent events."""


class Fault(Struct, frozen=True):
    """A row of the table."""

    name: str
    fates: Fates
    """The phases in which it can happen, and what comes of it in each."""
    script: Callable[[Said, Phase], Script]
    """What the service does; not used in the phases before a request is read."""
    whole: Fates | None = None
    """The same for answers that are not streamed; None: as for streams."""
    uses: tuple[Use, ...] = USES
    dialects: frozenset[str] = STREAMED
    """For which services; the others cannot do this."""
    but: Mapping[str, Fates] = field(default_factory=dict)
    """By dialect: phases of streams whose fate differs."""
    but_whole: Mapping[str, Fates] = field(default_factory=dict)
    """The same of answers that are not streamed."""
    translated: Mapping[str, Fates] = field(default_factory=dict)
    """The same for answers that are translated."""
    hasty: bool = False
    """Whether the service is given short timeouts, because one of them is to end this."""
    large: bool = False
    """Whether the request has a large body."""
    small: bool = False
    """Whether the service may send few bytes only, because this is to be too many."""
    tls: str = ""
    """The certificate that the service presents, a name of `certificates`."""
    names: Answers = ()
    """What the resolver answers for the name of the service, or of its proxy; nothing: both are addresses."""
    way: Way | None = None
    """The proxy on the way to the service."""
    retry: RetryConfig = RetryConfig()
    h2: Callable[[Said, Phase], Acts] | None = None
    """What the service does in place of `script`, if it speaks HTTP/2, and is asked as a browser would ask."""

    @property
    def is_secured(self) -> bool:
        """Whether it is one of services with TLS only, whatever else there is."""
        return self.way is not None and self.way.kind == "connect"

    def can_be_secured(self, phase: Phase) -> bool:
        """Whether the service may speak TLS, which is not what the fault is about."""
        forwarded = self.way is not None and self.way.kind == "forward"
        return not forwarded and not self.tls and self.h2 is None and phase is not Phase.CONNECT

    def fates_of(self, dialect: str, use: Use, *, relayed: bool) -> Fates:
        """What comes of it, by phase."""
        if use == "whole":
            fates = self.fates if self.whole is None else self.whole
            return {**fates, **self.but_whole.get(dialect, {})}
        more = {} if relayed else self.translated.get(dialect, {})
        return {**self.fates, **self.but.get(dialect, {}), **more}
