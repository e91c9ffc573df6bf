"""Limits of a reply's head, for every transport. Knows no socket."""

from dragoman.errors import BadEventError
from dragoman.types import ResponseHead

TOO_LARGE = "upstream_too_large"

MAX_HEAD = 64 << 10
MAX_FIELDS = 100
"""Limits of a head, of the same order as those of nginx, Node and Apache. 64 KiB without any body are also the limit of
chunk extensions and trailers."""

MAX_INFORMATIONAL = 16
"""Heads with status 1xx before the real one; curl has a limit too, and more than two are never seen."""

SWITCHING = 101
UNASKED_SWITCH = "a switch to another protocol (101)"
"""A status that no request of ours asks for, and what it is in errors."""

BODILESS = frozenset({204, 304})
"""Statuses of replies without a body, whatever their head says (RFC 9112, section 6.3)."""

LENGTH = b"content-length"
MAX_DIGITS = 18
"""Digits of a length, an exabyte less one. libcurl (8.15, 2026-11) passes over what does not fit into 63 bits, and then
takes any end of the connection for that of the body."""


def check_reply_head(head: ResponseHead, host: str) -> None:
    """Checks a head. Raises BadEventError: it is too large, it is no reply of HTTP, or the end of its body is unclear.

    It is for libraries that accept more than our own parser does.
    """
    size = sum(len(name) + len(value) for name, value in head.headers)
    if len(head.headers) > MAX_FIELDS or size > MAX_HEAD:
        message = f"{host}: expected at most {MAX_FIELDS} header fields or {MAX_HEAD} bytes of them"
        raise BadEventError(message, code=TOO_LARGE)
    if head.status == SWITCHING:
        raise BadEventError(f"{host}: expected an HTTP reply: {UNASKED_SWITCH}")
    if any(len(value.strip().lstrip(b"0")) > MAX_DIGITS for name, value in head.headers if name.lower() == LENGTH):
        raise BadEventError(f"{host}: expected HTTP: a content-length of at most {MAX_DIGITS} digits")
    if head.header("content-length") is not None and head.header("transfer-encoding") is not None:
        # A program between may have used the other one (RFC 9112, section 6.3).
        raise BadEventError(f"{host}: expected HTTP: a length or a transfer encoding, got both")
