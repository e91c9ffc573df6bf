"""Recorded exchanges as a JSON file. Knows no socket."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct, field

from dragoman.errors import (
    BadEventError,
    ConfigurationError,
    ConnectError,
    DragomanError,
    Phase,
    TimeoutError,
    TruncatedStreamError,
)
from dragoman.transport.replay.redaction import REDACTED, is_credential, redacted_body, redacted_headers
from dragoman.types import Headers, HttpRequest, ResponseHead

End = Literal["clean", "truncated", "error", "closed"]
"""How a reply ended. `closed`: its reader left early, so nobody knows what would have come."""

KINDS: dict[str, type[DragomanError]] = {
    kind.__name__: kind for kind in (BadEventError, ConnectError, TimeoutError, TruncatedStreamError)
}
"""The errors that a transport raises, by name."""


class Content(Struct, frozen=True, omit_defaults=True):
    """Bytes: in plain text if they are UTF-8, so that a reader of the file sees what was sent; else in base64."""

    text: str = ""
    base64: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> Self:
        """`data`, in the form that a reader understands, if there is one."""
        try:
            return cls(text=data.decode())
        except UnicodeDecodeError:
            return cls(base64=data)

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.text.encode() or self.base64


class RecordedRequest(Struct, frozen=True, kw_only=True):
    """A request without its credentials: values of fields with a credential's name, in head, query and body."""

    method: str
    url: str
    headers: Headers = ()
    body: Content = Content()

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """`request` with its credentials replaced."""
        headers, body = redacted_headers(request.headers), redacted_body(request.body, request.headers)
        return cls(method=request.method, url=_redacted(request.url), headers=headers, body=Content.of(body))

    @property
    def target(self) -> str:
        """Path and query, without the host, which may change between recording and replaying."""
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}?{parts.query}"


class Piece(Struct, frozen=True):
    """A piece of a body, and when it came, in milliseconds since the request. Pieces with one time came in one read."""

    t_ms: float
    content: Content


class Fault(Struct, frozen=True, omit_defaults=True):
    """An error of the tree."""

    kind: str
    message: str
    code: str | None = None
    phase: Phase | None = None

    @classmethod
    def of(cls, error: DragomanError) -> Self:
        """`error`, by the nearest class that a transport raises."""
        kind = next((name for name, kind in KINDS.items() if isinstance(error, kind)), BadEventError.__name__)
        return cls(kind, error.message, error.code, error.phase if isinstance(error, TimeoutError) else None)

    def error(self) -> DragomanError:
        """The error, made again."""
        kind = KINDS.get(self.kind, BadEventError)
        if kind is TimeoutError:
            return TimeoutError(self.message, phase=self.phase or "idle", code=self.code)
        return kind(self.message, code=self.code)


class RecordedExchange(Struct, kw_only=True):
    """A request and what came back; grows while it is recorded. `status` is None if no head came."""

    request: RecordedRequest
    status: int | None = None
    headers: Headers = ()
    head_t_ms: float = 0.0
    pieces: list[Piece] = field(default_factory=list)
    end: End = "closed"
    fault: Fault | None = None

    def begin(self, head: ResponseHead, t_ms: float) -> None:
        """Notes the head."""
        self.status = head.status
        self.head_t_ms = t_ms
        self.headers = redacted_headers(
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        )

    def fail(self, error: DragomanError) -> None:
        """Notes how it broke off."""
        self.end = "truncated" if isinstance(error, TruncatedStreamError) else "error"
        self.fault = Fault.of(error)

    @property
    def head(self) -> ResponseHead:
        """The reply's head."""
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers)
        return ResponseHead(self.status or 0, headers)


class Cassette(Struct):
    """Exchanges in the order of their requests."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    version: Literal[2] = 2

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The cassette in `path`. Raises ConfigurationError if there is none."""
        try:
            return msgspec.json.decode(Path(path).read_bytes(), type=cls)
        except OSError as exc:
            raise ConfigurationError(f"{path}: cannot be read: {exc.strerror}") from exc
        except msgspec.MsgspecError as exc:
            raise ConfigurationError(f"{path}: expected a cassette; record an older one anew: {exc}") from exc

    def save(self, path: Path | str) -> None:
        """Writes it to `path`, readable only by its owner, because it holds prompts and answers."""
        file = Path(path)
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def _redacted(url: str) -> str:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(is_credential(name) for name, _ in pairs):
        return url
    query = urlencode([(name, REDACTED if is_credential(name) else value) for name, value in pairs])
    return urlunsplit(parts._replace(query=query))
