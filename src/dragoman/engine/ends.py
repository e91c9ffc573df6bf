"""The ends of an answer that are the same in both carriers, relay and translation."""

from dragoman.errors import BadEventError, UpstreamError
from dragoman.types import FinishReason

LINGER = 0.25
"""Seconds in which a service must end the transfer after its end mark, so that the connection can be used again."""

EMPTY: frozenset[FinishReason] = frozenset({"stop", "tool_call"})
"""With these reasons to stop, an answer without content is an error; other reasons explain why there is none."""


def nothing() -> UpstreamError:
    """The error for an answer without content."""
    return UpstreamError("expected an answer, got one with neither content nor a tool call", code="empty_answer")


def answer_too_large(limit: int) -> BadEventError:
    """The error for an answer of more than `limit` bytes."""
    return BadEventError(f"expected an answer of at most {limit} bytes", code="upstream_too_large")
