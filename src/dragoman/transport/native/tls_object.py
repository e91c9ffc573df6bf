"""TLS that fails after all that came before its failure has been read. Knows no connection.

A failure is an alert of the peer, or a record that is not genuine. If one read of the socket brings it together with
good records, event loops (asyncio 3.11, uvloop 0.23) drop what they have decrypted so far: the last text of an answer,
or all of one that is complete. So the failure is kept back here, as if more of a record were still to come, and told to
`on_failure`, which ends the connection once the loop has given out the rest.
"""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class TlsObject(ssl.SSLObject):
    """See above. A failure of the handshake is raised as usual: nobody waits for it yet."""

    failure: ssl.SSLError | None = None
    on_failure: Callable[[], object] | None = None

    def read(self, len: int = 1024, buffer: "Buffer | None" = None) -> bytes:
        try:
            return super().read(len, buffer)
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            if self.on_failure is None or self.failure is not None or isinstance(error, ssl.SSLZeroReturnError):
                raise
            self.failure = error
            self.on_failure()
            raise ssl.SSLWantReadError from error
