"""libcurl's error numbers to the tree of errors. https://curl.se/libcurl/c/libcurl-errors.html"""

from curl_cffi import CurlECode, CurlError

from dragoman.errors import BadEventError, ConnectError, DragomanError, InvalidRequestError, TruncatedStreamError

TLS = frozenset(
    {
        CurlECode.SSL_CONNECT_ERROR,
        CurlECode.SSL_CERTPROBLEM,
        CurlECode.SSL_CIPHER,
        CurlECode.PEER_FAILED_VERIFICATION,
        CurlECode.SSL_ENGINE_INITFAILED,
        CurlECode.SSL_CACERT_BADFILE,
        CurlECode.SSL_ISSUER_ERROR,
        CurlECode.SSL_INVALIDCERTSTATUS,
    }
)

PROXY = frozenset({CurlECode.COULDNT_RESOLVE_PROXY, CurlECode.PROXY})

CONNECT = frozenset({CurlECode.COULDNT_RESOLVE_HOST, CurlECode.COULDNT_CONNECT, CurlECode.QUIC_CONNECT_ERROR})

UNTAKEN = "Connection died, tried"
"""libcurl's words (8.15) if no connection took the request: HTTP/2's REFUSED_STREAM, or a GOAWAY that leaves it out."""

STALE = frozenset({CurlECode.GOT_NOTHING, CurlECode.SEND_ERROR, CurlECode.RECV_ERROR, CurlECode.HTTP2})
"""How a kept connection fails that its peer has closed meanwhile. A stream that its service ends is not among them."""

BROKEN = frozenset(
    {
        CurlECode.PARTIAL_FILE,
        CurlECode.GOT_NOTHING,
        CurlECode.SEND_ERROR,
        CurlECode.RECV_ERROR,
        CurlECode.HTTP2,
        CurlECode.HTTP2_STREAM,
        CurlECode.HTTP3,
    }
)
"""There was a connection, but the answer is not complete."""

ODD: dict[int, tuple[type[DragomanError], str]] = {
    CurlECode.UNSUPPORTED_PROTOCOL: (BadEventError, "expected HTTP"),
    CurlECode.WEIRD_SERVER_REPLY: (BadEventError, "expected HTTP"),
    CurlECode.BAD_CONTENT_ENCODING: (BadEventError, "the body is not encoded as its head says"),
    CurlECode.TOO_LARGE: (BadEventError, "the head is too large"),
    CurlECode.URL_MALFORMAT: (InvalidRequestError, "expected an http or https URL"),
}
"""Number to error; any other number is an answer that broke off."""


def map_error(exc: CurlError, host: str, *, on_the_way: bool) -> DragomanError:
    """The error for libcurl's. `on_the_way`: a proxy was to open the way to `host`, and nothing had been sent."""
    code, detail = int(exc.code), _detail(exc)
    if code in TLS:
        error = ConnectError(f"TLS with {host} failed{detail}", code="tls_error")
        error.retryable = code != CurlECode.PEER_FAILED_VERIFICATION  # another try is of no use
        return error
    if code in PROXY or (on_the_way and code != CurlECode.URL_MALFORMAT):
        return ConnectError(f"the proxy to {host} failed{detail}", code="proxy_error")
    if UNTAKEN in detail:
        return ConnectError(f"{host} took no request{detail}")
    if code in CONNECT:
        return ConnectError(f"cannot connect to {host}{detail}")
    if code in ODD:
        kind, words = ODD[code]
        return kind(f"{host}: {words}{detail}")
    return TruncatedStreamError(f"{host} broke off{detail}")


def _detail(exc: CurlError) -> str:
    """libcurl's own message; empty if it may hold the proxy's password."""
    words = str(exc).partition("curl: (")[2].partition(") ")[2].partition(". See https://curl.se")[0]
    return f": {words}" if words and "@" not in words else ""
