"""HTTP through aiohttp: a caller's own session or connector. Needs the extra `web`."""

from typing import TYPE_CHECKING

from dragoman.errors import ConfigurationError
from dragoman.transport.base import Reply, Route, Transport
from dragoman.types import HttpRequest

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession


class AiohttpTransport(Transport):
    """Requests through `session`, or through a session of our own over `connector`; neither is ever closed here.

    With neither, a session of our own that keeps no connection and no cookie. Raises ConfigurationError if the
    extra is missing.
    """

    def __init__(self, session: "ClientSession | None" = None, connector: "BaseConnector | None" = None) -> None:
        try:
            from dragoman.transport.aiohttp.sessions import Sessions
        except ImportError as exc:
            raise ConfigurationError(
                "aiohttp is not installed: install the extra `web` (pip install 'dragoman[web]')"
            ) from exc
        if session is not None and connector is not None:
            raise ConfigurationError("expected a session or a connector, got both; a session has its own connector")
        self._sessions = Sessions(session, connector)

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head has arrived. Raises as `Transport.send`; ConfigurationError for a SOCKS proxy."""
        return await self._sessions.open(request, route)

    def close(self) -> None:
        """Ends every connection of our own. May be called twice."""
        self._sessions.close()
