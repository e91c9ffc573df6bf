"""Whether the peer itself ended a connection. Knows TLS, and no HTTP."""

import asyncio
import ssl

AT_ONCE = 2.0
"""Seconds from a request to the end of its connection, if the peer had closed that before: one way there and back, with
a lost packet. A peer that ends it later has read the request, and may have run it."""


def tls_of(transport: asyncio.BaseTransport | None) -> ssl.SSLObject | None:
    """The TLS object of a connection; None if it has none, or has no transport any more."""
    found = transport.get_extra_info("ssl_object") if transport is not None else None
    return found if isinstance(found, ssl.SSLObject) else None


def wants_certificate(end: Exception | None) -> bool:
    """Whether a connection was lost because its peer wants a certificate of ours.

    In TLS 1.3 it says so when we have sent the request already (RFC 8446, section 6.2).
    """
    return isinstance(end, ssl.SSLError) and end.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def said_farewell(tls: ssl.SSLObject) -> bool:
    """Whether TLS's closing alert has come. Without it anyone may have cut the connection (RFC 8446, section 6.1)."""
    # asyncio reports both ends in the same way, so the TLS object is asked: it has reached its end, or wants more.
    # After an alert of a failure OpenSSL reads as after the closing one (3.0), but has no version any more.
    try:
        return tls.version() is not None and not tls.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
