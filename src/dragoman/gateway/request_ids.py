"""Ids of requests, by which callers, logs and services speak of them."""

from collections.abc import Iterator
from itertools import chain, product, repeat

from dragoman.engine.env import system_env
from dragoman.gateway.trace import REQUEST_ID
from dragoman.types import ServerRequest

_BYTES = [f"{byte:02x}" for byte in range(256)]


class RequestIds:
    """Ids of requests: the caller's own, or new ones, which differ between processes and need not be secret."""

    def __init__(self) -> None:
        self.new = _ids().__next__
        """Gives an id that no other request has. Each request calls it, so that there is no Python in it."""

    def of(self, call: ServerRequest) -> str:
        """The id of a request."""
        said = call.header(b"x-request-id")
        return said if said and REQUEST_ID.fullmatch(said) else self.new()


def _ids() -> Iterator[str]:
    """Ids without end: some random digits, and a count of eight; after the last of these there are other digits."""
    blocks = (product((system_env().new_id()[:16],), *[_BYTES] * 4) for _ in repeat(None))
    return map("".join, chain.from_iterable(blocks))
