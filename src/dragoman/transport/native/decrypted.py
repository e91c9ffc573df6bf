"""What has come over TLS, and was not read yet. Knows no HTTP.

An event loop reads at most one buffer of it in a turn, and nothing while reading is paused. If the connection ends
meanwhile, asyncio (3.11) reads only one more buffer, when it is to read on, and uvloop (0.23) nothing. So whoever wants
all of it takes it out: after a buffer that was full, before the loop reads on, and when the connection is lost. TLS's
end is then taken, too, and uvloop (0.23) does not look for it any more.
"""

import ssl


def take_decrypted(tls: ssl.SSLObject, into: memoryview) -> int | None:
    """The number of bytes that were there and are now in `into`; 0 at the end of TLS, None if more may come."""
    try:
        return tls.read(len(into), into)  # type: ignore[return-value]  # typeshed takes it for bytes
    except ssl.SSLZeroReturnError:
        return 0
    except ssl.SSLError:  # no more is there, or the loop will find the same failure
        return None
