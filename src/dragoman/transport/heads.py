"""Checks of a reply's head, for libraries that accept more than our own parser does. Knows no socket."""

from dragoman.errors import BadEventError
from dragoman.transport.native.connection import MAX_FIELDS, MAX_HEAD
from dragoman.types import ResponseHead

TOO_LARGE = "upstream_too_large"


def check_head(head: ResponseHead, host: str) -> None:
    """Raises BadEventError for a head that is too large, or that says in two ways where its body ends."""
    size = sum(len(name) + len(value) for name, value in head.headers)
    if len(head.headers) > MAX_FIELDS or size > MAX_HEAD:
        said = f"{host}: expected at most {MAX_FIELDS} header fields or {MAX_HEAD} bytes of them"
        raise BadEventError(said, code=TOO_LARGE)
    if head.header("content-length") is not None and head.header("transfer-encoding") is not None:
        # A program between may have used the other one (RFC 9112, section 6.3).
        raise BadEventError(f"{host}: expected HTTP: a length or a transfer encoding, got both")
