"""HTTP as a browser speaks it: the same TLS, HTTP and headers. Needs the extra `web`."""

from functools import cache
from importlib.util import find_spec

from dragoman.errors import ConfigurationError
from dragoman.transport.base import Reply, Route, Transport
from dragoman.types import HttpRequest


@cache
def installed() -> bool:
    """Whether the extra is installed."""
    return find_spec("curl_cffi") is not None


def lacking(impersonate: str) -> str:
    """The words for what is missing if the extra is."""
    return f"impersonate={impersonate!r} needs curl_cffi: install the extra `web` (pip install 'dragoman[web]')"


class BrowserTransport(Transport):
    """Requests that look like `impersonate`'s (`chrome107`, …). Lives in one event loop after another.

    Raises ConfigurationError if the extra is missing or no browser is called so.
    """

    def __init__(self, impersonate: str) -> None:
        try:
            from dragoman.transport.browser.browser import Browser
        except ImportError as exc:
            raise ConfigurationError(lacking(impersonate)) from exc
        self._browser = Browser(impersonate)

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head has arrived; its body is unpacked. Raises as `Transport.send`."""
        return await self._browser.open(request, route)

    def close(self) -> None:
        """Ends every connection. May be called twice."""
        self._browser.close()
