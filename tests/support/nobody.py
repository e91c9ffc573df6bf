"""A transport over which nothing may be sent, nor relayed: the test fails if it is used."""

from typing import NoReturn

from dragoman.transport.base import CallbackTransport, Route
from dragoman.types import HttpRequest


class NobodyTransport(CallbackTransport):
    """Reaches nobody."""

    async def send(self, request: HttpRequest, route: Route) -> NoReturn:
        raise AssertionError(f"{request.method} {request.url} was sent")

    def template(self, request: HttpRequest, route: Route) -> NoReturn:
        raise AssertionError(f"{request.method} {request.url} was prepared")

    def close(self) -> None:
        """Nothing is open."""
