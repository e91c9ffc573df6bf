"""The header fields that say which target answered, or failed last, and how many attempts were made."""

from functools import lru_cache

from dragoman.error_words import cut
from dragoman.protocols.gateways import TARGET
from dragoman.types import Headers, Outcome

ATTEMPTS = "x-dragoman-attempts"


@lru_cache(maxsize=1024)
def target_headers(target: str, attempts: int) -> Headers:
    """The header fields for an answer of `target`, after so many attempts; none if no target was asked."""
    # A caller may choose the name of a model: in a header it is printable ASCII, and short.
    return ((TARGET, cut(ascii(target)[1:-1])), (ATTEMPTS, str(attempts))) if target else ()


def asked_headers(outcome: Outcome) -> Headers:
    """The header fields for what is known by now."""
    failed = outcome.attempts
    if not failed:
        return target_headers(outcome.target, 1)
    answering = outcome.answering
    return target_headers(outcome.target if answering else failed[-1].target, len(failed) + answering)
