"""What the head of a reply says that cannot be an answer, in any protocol. Knows no vendor."""

from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.types import ResponseHead

PAGE = "text/html"


def a_page(expected: str = "an answer") -> BadEventError:
    """The error of an HTML page in the place of what was `expected`: a login, a block, a wrong address."""
    return BadEventError(f"expected {expected}, got an HTML page", code="upstream_html")


def not_an_answer(head: ResponseHead) -> DragomanError | None:
    """The error of a reply whose head tells all: a redirect, a page; None if its body must be read."""
    if 300 <= head.status < 400:
        return UpstreamError(f"expected an answer, got a redirect ({head.status})", code="upstream_redirect")
    if head.status < 300 and head.media_type == PAGE:
        return a_page()
    return None
