"""What a reply's head must be, whoever reads it. Knows no socket."""

from dragoman.errors import BadEventError
from dragoman.types import ResponseHead

TOO_LARGE = "upstream_too_large"

MAX_HEAD = 64 << 10
MAX_FIELDS = 100
"""Bounds of a head, as nginx, Node and Apache set them in the same order of size; 64 KiB without any body also bounds
chunk extensions and trailers."""

MAX_INFORMATIONAL = 16
"""Heads of 1xx before the real one; curl takes no more than some either, one or two are ever seen."""


def check_head(head: ResponseHead, host: str) -> None:
    """Raises BadEventError for a head that is too large, or says twice where its body ends.

    It is for libraries that bear more than our own parser does.
    """
    size = sum(len(name) + len(value) for name, value in head.headers)
    if len(head.headers) > MAX_FIELDS or size > MAX_HEAD:
        said = f"{host}: expected at most {MAX_FIELDS} header fields or {MAX_HEAD} bytes of them"
        raise BadEventError(said, code=TOO_LARGE)
    if head.header("content-length") is not None and head.header("transfer-encoding") is not None:
        # Whoever stands between may have gone by the other one (RFC 9112, section 6.3).
        raise BadEventError(f"{host}: expected HTTP: a length or a transfer encoding, got both")
