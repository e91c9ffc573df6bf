"""TLS whose failures are those of its own connection, and are told after all that came before. Knows no connection.

Two things are mended here that Python's ssl and event loops do to one that reads:

- A failure is an alert of the peer, or a record that is not genuine. If one read of the socket brings it together with
  good records, event loops (asyncio 3.11, uvloop 0.23) drop what they have decrypted so far: the last text of an
  answer, or all of one that is complete. So it is kept back, as if more of a record were still to come, and told to
  `on_failure`, which ends the connection once the loop has given out the rest.
- OpenSSL keeps errors in one queue for each thread, and Python (3.11) leaves one there if a peer answers the end of TLS
  with a failure. Then the next connection that wants more bytes, whoever has it, is told that error. To be told clears
  the queue, so that a second try tells what is true.
"""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class TlsObject(ssl.SSLObject):
    """See above."""

    failure: ssl.SSLError | None = None
    on_failure: Callable[[], object] | None = None
    """None before there is a connection, to which a failure is raised as usual."""

    def read(self, len: int = 1024, buffer: "Buffer | None" = None) -> bytes:
        try:
            return super().read(len, buffer)
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            if self.version() is not None:  # it has none once it has failed
                return super().read(len, buffer)
            if self.on_failure is None or self.failure is not None:
                raise
            self.failure = error.with_traceback(None)  # which holds this object
            self.on_failure()
            raise ssl.SSLWantReadError from error

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            try:
                super().do_handshake()
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError:
                raise error from None
