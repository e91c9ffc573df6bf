"""The transports of one owner: made when first needed, closed together."""

from dragoman.transport import browser
from dragoman.transport.base import Transport
from dragoman.transport.gateways import Gateways
from dragoman.transport.refused import Refused


class Transports:
    """`pick` returns the transport that a service needs."""

    def __init__(self, given: Transport | None = None) -> None:
        self.gateways = Gateways()
        self.refused = Refused()
        self._given = given
        self._closed = False
        self._made: dict[str | None, Transport] = {}

    def pick(self, impersonate: str | None = None) -> Transport:
        """Our own, or the browser that `impersonate` names; a `given` transport serves everything.

        Raises RuntimeError once they are closed: nobody would close what was made after that.
        """
        if self._closed:
            raise RuntimeError("closed: nothing can be sent any more")
        if self._given is not None:
            return self._given
        if impersonate not in self._made:
            self._made[impersonate] = _make(impersonate)
        return self._made[impersonate]

    def lacking(self, impersonate: str | None) -> str:
        """What must be installed before such a transport can be made; empty if nothing."""
        if impersonate is None or self._given is not None or browser.installed():
            return ""
        return browser.lacking(impersonate)

    def close(self) -> None:
        """Ends every connection, those of a `given` transport too. May be called twice."""
        self._closed = True
        for transport in [*self._made.values(), *([self._given] if self._given else [])]:
            transport.close()
        self._made.clear()


def _make(impersonate: str | None) -> Transport:
    if impersonate is None:
        from dragoman.transport.native import NativeTransport

        return NativeTransport()
    return browser.BrowserTransport(impersonate)
