"""What passes between a vendor's client and a test: an answer as the client understood it."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from tests.matrix.scenes import Json, Question, Result

LONG = 100
"""Seconds that a client waits at most: no answer takes as long, however busy the machine is."""


class Heard(Struct, frozen=True):
    """An answer as a caller understands it."""

    text: str = ""
    thoughts: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, Json | str], ...] = ()
    finish: str | None = None
    """The word of the caller's protocol."""
    sources: tuple[str, ...] = ()
    usage: Json = {}
    """`input`, `output`, and if they are reported `cached` and `reasoning`."""
    error: str = ""
    """The class of the client's error."""
    status: int | None = None
    message: str = ""
    retry_after: str | None = None


class Failed(Exception):
    """The client raised an error: `heard` is what it says."""

    def __init__(self, heard: Heard) -> None:
        super().__init__(heard.error)
        self.heard = heard


class Caller(Struct, frozen=True):
    """A dialect as its callers speak it: what both of the vendor's clients are given and give, as plain JSON."""

    ask: Callable[[Question, str], Json]
    """The request, without the wish for a stream: the question and the model."""
    again: Callable[[Json, Json, Result], Json]
    """The request that follows: the first one, the answer as the client gave it, what the tool gave."""
    hear: Callable[[Json], Heard]
    client: Callable[[str], Any]
    """The vendor's client for Python, for the gateway at a URL: an asynchronous context manager."""
    send: Callable[[Any, Json, bool], Awaitable[Json]]
    """What the client for Python gives; the flag: as a stream. The client's errors pass."""


def failure(error: BaseException) -> Heard:
    """What a client's error says."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    response = getattr(error, "response", None)
    return Heard(
        error=type(error).__name__,
        status=status if isinstance(status, int) else None,
        message=str(error),
        retry_after=response.headers.get("retry-after") if response is not None else None,
    )


def without_nulls(thing: Any) -> Any:
    """JSON without the fields whose value is null."""
    if isinstance(thing, dict):
        return {name: without_nulls(value) for name, value in thing.items() if value is not None}
    return [without_nulls(value) for value in thing] if isinstance(thing, list) else thing
