"""A connection over TLS, of which all is read that came before its end.

An event loop reads at most one buffer of what TLS has decrypted in a turn, and nothing while reading is paused. If the
connection ends meanwhile, asyncio (3.11) reads only one more buffer, when it is to read on, and uvloop (0.23) nothing.
So all of it is taken out here: after a buffer that was full, before the loop reads on, and when the connection is lost.
TLS's end is then taken, too, and uvloop does not look for it any more.
"""

import asyncio
import ssl
from functools import partial

from dragoman.errors import ConnectError
from dragoman.transport.base import BODY, HEAD
from dragoman.transport.farewell import said_farewell, tls_of, wants_certificate
from dragoman.transport.native.buffer import LONG
from dragoman.transport.native.connection import Connection
from dragoman.transport.tls_object import TlsObject

WITHIN = (HEAD, BODY)
"""The states in which bytes of a reply come."""


class TlsConnection(Connection):
    """See above."""

    __slots__ = ("_tls",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        tls = tls_of(transport)
        assert isinstance(tls, TlsObject)  # noqa: S101  # `dial` has made it
        self._tls = tls
        tls.on_failure = partial(self.loop.call_soon, self.transport.abort)

    def eof_received(self) -> None:
        if self._tls.version() is None:
            return  # TLS has failed, of which `connection_lost` will tell
        if self.state is BODY and self._parser.until_close and not said_farewell(self._tls):
            self._peer_ended("closed the connection")
        else:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._take_last()
        self._tls.on_failure = None
        exc = exc or self._tls.failure
        if self.state is HEAD and wants_certificate(exc):
            error = ConnectError(f"{self._name}: no TLS: it wants a certificate of its callers", code="tls_error")
            error.retryable = False
            self.fail(error)
        super().connection_lost(exc)

    def _resume(self) -> None:
        self._paused = False
        self.loop.call_soon(self._read_on)  # the reader expects no news before it waits for them

    def _read_more(self, spent: float) -> None:
        if spent > LONG:
            super()._read_more(spent)
        else:
            self._take()

    def _read_on(self) -> None:
        self._take()
        super()._read_on()

    def _take(self) -> None:
        while self.state in WITHIN and not self._paused:
            size = take_decrypted(self._tls, self._window)
            if not size:
                if size == 0:
                    self.eof_received()
                return
            self.buffer_updated(size)

    def _take_last(self) -> None:
        """Takes what came before the connection was lost, if the loop was not to read it."""
        self._paused = True  # there is nothing to pause any more
        while self.state in WITHIN and (size := take_decrypted(self._tls, self._window)):
            self.buffer_updated(size)
        if self.state is BODY and self._parser.until_close and said_farewell(self._tls):
            self._end()


def take_decrypted(tls: ssl.SSLObject, into: memoryview) -> int | None:
    """The number of bytes that were there and are now in `into`; 0 at the end of TLS, None if more may come."""
    try:
        return tls.read(len(into), into)  # type: ignore[return-value]  # typeshed takes it for bytes
    except ssl.SSLZeroReturnError:
        return 0
    except ssl.SSLError:  # no more is there, or the loop will find the same failure
        return None
