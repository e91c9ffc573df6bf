"""Ids of requests, by which callers, logs and services speak of them."""

from itertools import count

from dragoman.engine.env import system_env
from dragoman.gateway.trace import REQUEST_ID
from dragoman.types import ServerRequest


class RequestIds:
    """Ids of requests: the caller's own, or new ones, which differ between processes and need not be secret."""

    def __init__(self) -> None:
        self._prefix = system_env().new_id()[:16]
        self._count = count()

    def of(self, call: ServerRequest) -> str:
        """The id of a request."""
        said = call.header(b"x-request-id")
        return said if said and REQUEST_ID.fullmatch(said) else self.new()

    def new(self) -> str:
        """An id that no other request has."""
        return f"{self._prefix}{next(self._count):08x}"
