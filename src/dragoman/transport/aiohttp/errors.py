"""aiohttp's errors to the tree of errors. https://docs.aiohttp.org/en/stable/client_reference.html#client-exceptions"""

import aiohttp
from aiohttp.http import HttpProcessingError

from dragoman.errors import (
    BadEventError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    Phase,
    TruncatedStreamError,
)

FAULTS: tuple[tuple[tuple[type[Exception], ...], type[DragomanError], str | None, str], ...] = (
    ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError), ConnectError, "tls_error", "TLS failed"),
    ((aiohttp.ServerFingerprintMismatch,), ConnectError, "tls_error", "TLS failed"),
    (
        (aiohttp.ClientProxyConnectionError,),
        ConnectError,
        "proxy_error",
        "the proxy failed",
    ),
    ((aiohttp.ClientConnectorError,), ConnectError, None, "cannot connect"),
    ((aiohttp.InvalidURL,), InvalidRequestError, None, "expected an http or https URL"),
    ((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError), TruncatedStreamError, None, "the answer broke off"),
    ((aiohttp.ClientResponseError, HttpProcessingError), BadEventError, None, "expected HTTP"),
)
"""The first row that fits."""

UNTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)
"""A certificate that does not hold: another try is of no use."""

CONNECT = "CONNECT"
"""The method that opens a way through a proxy: what is wrong with its answer is the proxy's fault."""

ERRORS = (aiohttp.ClientError, OSError, ValueError)
"""Everything that aiohttp raises for a request. ValueError: for a header or URL that it does not write."""

BREAKS = (aiohttp.ClientError, HttpProcessingError, OSError)
"""Everything that it raises for a body."""

WAITS: tuple[tuple[type[Exception], Phase], ...] = (
    (aiohttp.ConnectionTimeoutError, "connect"),
    (aiohttp.SocketTimeoutError, "first_byte"),
)


def map_error(exc: Exception, host: str) -> DragomanError:
    """The error for aiohttp's. Its own message is left out, because it may hold the whole URL, and with it a key."""
    if isinstance(exc, aiohttp.ClientResponseError) and exc.request_info.method == CONNECT:
        return ConnectError(f"{host}: the proxy failed{_detail(exc)}", code="proxy_error")
    for kinds, kind, code, words in FAULTS:
        if isinstance(exc, kinds):
            error = kind(f"{host}: {words}{_detail(exc)}", code=code)
            error.retryable = error.retryable and not isinstance(exc, UNTRUSTED)
            return error
    if isinstance(exc, ValueError):
        return InvalidRequestError(f"{host}: expected headers without line ends and an http or https URL")
    return TruncatedStreamError(f"{host}: the answer broke off{_detail(exc)}")


def phase_of(exc: Exception) -> Phase | None:
    """The wait that aiohttp found too long; None if it was something else."""
    return next((phase for kind, phase in WAITS if isinstance(exc, kind)), None)


def _detail(exc: Exception) -> str:
    match exc:
        case aiohttp.ClientHttpProxyError():
            return f" with status {exc.status}"
        case OSError() if exc.strerror:
            return f": {exc.strerror}"
        case _:
            return ""
