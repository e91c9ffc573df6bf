"""Whether the end of a connection is the peer's own. Knows TLS, and no HTTP."""

import asyncio
import ssl


def tls_of(transport: asyncio.BaseTransport | None) -> ssl.SSLObject | None:
    """The TLS of a connection; None if it has none, or no longer a transport."""
    found = transport.get_extra_info("ssl_object") if transport is not None else None
    return found if isinstance(found, ssl.SSLObject) else None


def said_farewell(tls: ssl.SSLObject) -> bool:
    """Whether the closing alert of TLS has come, without which anyone could have cut it (RFC 8446, section 6.1)."""
    # asyncio tells both ends alike, so the TLS object is asked: it has nothing more to read, or wants more.
    try:
        return not tls.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
