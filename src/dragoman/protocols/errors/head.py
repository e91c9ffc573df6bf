"""Replies whose head shows that they are not an answer, in any protocol. Knows no vendor."""

from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.types import ResponseHead

PAGE = "text/html"


def a_page(expected: str = "an answer", head: ResponseHead | None = None) -> BadEventError:
    """The error for an HTML page in place of what was `expected`: a login page, a block, a wrong address.

    `head`: that of the page. Cloudflare marks the pages with which it asks for a browser (its documentation, 2026-11).
    """
    challenge = head is not None and head.header("cf-mitigated") == "challenge"
    words = f"expected {expected}, got an HTML page"
    return BadEventError(words, code="upstream_challenge" if challenge else "upstream_html")


def not_an_answer(head: ResponseHead) -> DragomanError | None:
    """The error for a redirect or a page, which the head shows; None if the body must be read."""
    if 300 <= head.status < 400:
        return UpstreamError(f"expected an answer, got a redirect ({head.status})", code="upstream_redirect")
    if head.status < 300 and head.media_type == PAGE:
        return a_page(head=head)
    return None
