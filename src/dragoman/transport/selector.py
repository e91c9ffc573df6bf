"""The transports of one owner: made when first needed, closed together."""

from dragoman.transport.base import Transport


class Transports:
    """`pick` returns the transport that a service needs."""

    def __init__(self, given: Transport | None = None) -> None:
        self._given = given
        self._made: dict[str | None, Transport] = {}

    def pick(self, impersonate: str | None = None) -> Transport:
        """Our own, or the browser that `impersonate` names; a `given` transport serves everything."""
        if self._given is not None:
            return self._given
        if impersonate not in self._made:
            self._made[impersonate] = _make(impersonate)
        return self._made[impersonate]

    def close(self) -> None:
        """Ends every connection, those of a `given` transport too. May be called twice."""
        for transport in [*self._made.values(), *([self._given] if self._given else [])]:
            transport.close()
        self._made.clear()


def _make(impersonate: str | None) -> Transport:
    if impersonate is None:
        from dragoman.transport.native import NativeTransport

        return NativeTransport()
    from dragoman.transport.browser import BrowserTransport

    return BrowserTransport(impersonate)
