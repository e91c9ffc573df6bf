"""libcurl's handles, each prepared for requests of one kind and kept for the next. Knows no protocol except HTTP."""

from curl_cffi import Curl, CurlHttpVersion, CurlInfo, CurlOpt

from dragoman.transport.base import Route
from dragoman.transport.deadlines import opening
from dragoman.transport.http.target import HttpTarget, head, parse
from dragoman.types import HttpRequest

FOREVER_MS = 10**9
"""Eleven days: to libcurl, 0 would mean its own default of five minutes."""

UPLOAD = 16 << 10
"""Bytes of a request that libcurl sends at once: its minimum, because a transfer holds as much until its end."""

MAX_IDLE = 64
"""Handles that are kept, of all kinds together. Making one costs 70 µs; a kept one holds some 10 KiB."""

WITH_BODY = ("POST", "PUT", "PATCH")

HTTP_1 = frozenset({CurlHttpVersion.V1_0, CurlHttpVersion.V1_1})

Kind = tuple[str, str, bool, Route, str]
"""What a handle is prepared for: URL, method, whether there is a body, route, CA file."""


class Handle(Curl):
    """A handle of libcurl, and what it is prepared for."""

    _WS_RECV_BUFFER_SIZE = 1  # a buffer for WebSockets, which we do not use; each handle would hold 128 KiB more

    def __init__(self, kind: Kind, target: HttpTarget) -> None:
        super().__init__()
        self.kind = kind
        self.target = target

    @property
    def socket(self) -> int:
        """That of the connection of HTTP/1 over which its transfer goes; -1 if there is none, or it is of HTTP/2."""
        if self.getinfo(CurlInfo.HTTP_VERSION) not in HTTP_1:
            return -1  # in HTTP/2 a service may say something at any time
        return int(self.getinfo(CurlInfo.ACTIVESOCKET))  # type: ignore[arg-type]  # which is a number


class Handles:
    """The handles that imitate one browser."""

    def __init__(self, browser: str) -> None:
        self._browser = browser
        self._idle: list[Handle] = []

    def take(self, request: HttpRequest, route: Route, ca_file: str) -> Handle:
        """A handle that is ready to go. Raises InvalidRequestError, ConfigurationError."""
        body = request.method != "HEAD" and (bool(request.body) or request.method in WITH_BODY)
        kind = (request.url, request.method, body, route, ca_file)
        handle = next((each for each in reversed(self._idle) if each.kind == kind), None)
        target = parse(request.url, route.proxy) if handle is None else handle.target
        head(request, target)  # raises for what no transport of ours sends
        if handle is None:
            handle = self._new(kind, target)
        else:
            self._idle.remove(handle)
        if body:
            handle.setopt(CurlOpt.POSTFIELDSIZE_LARGE, len(request.body))
            handle.setopt(CurlOpt.POSTFIELDS, request.body)
        handle.setopt(CurlOpt.HTTPHEADER, _lines(request))
        return handle

    def give_back(self, handle: Handle) -> None:
        """Keeps the handle of a transfer that has ended well; if there are too many, the longest idle one is closed."""
        handle.clean_handles_and_buffers()
        self._idle.append(handle)
        if len(self._idle) > MAX_IDLE:
            self._idle.pop(0).close()

    def close(self) -> None:
        """Closes those that are idle."""
        for handle in self._idle:
            handle.close()
        self._idle.clear()

    def _new(self, kind: Kind, target: HttpTarget) -> Handle:
        url, method, body, route, ca_file = kind
        curl = Handle(kind, target)
        curl.impersonate(self._browser, default_headers=True)
        if target.origin.scheme == "http":
            # No browser speaks HTTP/2 without TLS; libcurl would ask each service to upgrade.
            curl.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V1_1)
        curl.setopt(CurlOpt.URL, url)
        if method == "HEAD":
            curl.setopt(CurlOpt.NOBODY, 1)
        elif body:
            curl.setopt(CurlOpt.POST, 1)
            curl.setopt(CurlOpt.CUSTOMREQUEST, method)
        elif method != "GET":
            curl.setopt(CurlOpt.CUSTOMREQUEST, method)
        # We offer the browser's own list of codings, but unpack the body ourselves: libcurl accepts a packed body that
        # was cut as a complete one, and has no limits that we could set.
        curl.setopt(CurlOpt.HTTP_CONTENT_DECODING, 0)
        # The empty texts keep libcurl from reading HTTP_PROXY and NO_PROXY in the environment.
        curl.setopt(CurlOpt.PROXY, route.proxy or "")
        curl.setopt(CurlOpt.NOPROXY, "")
        curl.setopt(CurlOpt.UPLOAD_BUFFERSIZE, UPLOAD)
        curl.setopt(CurlOpt.SUPPRESS_CONNECT_HEADERS, 1)
        curl.setopt(CurlOpt.CAINFO, ca_file)
        curl.setopt(CurlOpt.PROXY_CAINFO, ca_file)
        limit = opening(route, url)
        curl.setopt(CurlOpt.CONNECTTIMEOUT_MS, FOREVER_MS if limit is None else max(1, round(limit * 1000)))
        return curl


def _lines(request: HttpRequest) -> list[bytes]:
    """The request's own headers, which replace the browser's; and none of those that libcurl would add by itself."""
    lines = [b"Expect:"]
    if not any(name.lower() == "content-type" for name, _ in request.headers):
        lines.append(b"Content-Type:")
    lines += [(f"{name}: {value}" if value else f"{name};").encode() for name, value in request.headers]
    return lines
