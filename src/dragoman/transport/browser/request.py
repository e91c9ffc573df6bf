"""A request as libcurl's options. Knows no protocol but HTTP."""

from curl_cffi import Curl, CurlHttpVersion, CurlOpt

from dragoman.transport.native.target import head, parse
from dragoman.transport.seam import Route
from dragoman.transport.waits import opening
from dragoman.types import HttpRequest

FOREVER_MS = 10**9
"""Eleven days: to libcurl, 0 would mean its own default of five minutes."""


def new_handle(browser: str, request: HttpRequest, route: Route, ca_file: str) -> Curl:
    """A handle that is ready to go. Raises InvalidRequestError, ConfigurationError."""
    target = parse(request.url, route.proxy)
    head(request, target)  # refuses what no transport of ours sends
    curl = Curl()
    curl.impersonate(browser, default_headers=True)
    if target.origin.scheme == "http":
        # No browser speaks HTTP/2 without TLS; libcurl would ask each service to upgrade.
        curl.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V1_1)
    curl.setopt(CurlOpt.URL, request.url)
    _set_body(curl, request)
    curl.setopt(CurlOpt.HTTPHEADER, _lines(request))
    curl.setopt(CurlOpt.ACCEPT_ENCODING, "")  # decodes all that it can; the browser's own list is what is sent
    # The empty words keep libcurl from reading HTTP_PROXY and NO_PROXY in the environment.
    curl.setopt(CurlOpt.PROXY, route.proxy or "")
    curl.setopt(CurlOpt.NOPROXY, "")
    curl.setopt(CurlOpt.SUPPRESS_CONNECT_HEADERS, 1)
    curl.setopt(CurlOpt.CAINFO, ca_file)
    curl.setopt(CurlOpt.PROXY_CAINFO, ca_file)
    limit = opening(route, request.url)
    curl.setopt(CurlOpt.CONNECTTIMEOUT_MS, FOREVER_MS if limit is None else max(1, round(limit * 1000)))
    return curl


def _set_body(curl: Curl, request: HttpRequest) -> None:
    if request.method == "HEAD":
        curl.setopt(CurlOpt.NOBODY, 1)
    elif request.body or request.method in ("POST", "PUT", "PATCH"):
        curl.setopt(CurlOpt.POST, 1)
        curl.setopt(CurlOpt.POSTFIELDSIZE_LARGE, len(request.body))
        curl.setopt(CurlOpt.POSTFIELDS, request.body)
        curl.setopt(CurlOpt.CUSTOMREQUEST, request.method)
    elif request.method != "GET":
        curl.setopt(CurlOpt.CUSTOMREQUEST, request.method)


def _lines(request: HttpRequest) -> list[bytes]:
    """The request's own headers, which stand in place of the browser's; none that libcurl would add by itself."""
    lines = [b"Expect:"]
    if not any(name.lower() == "content-type" for name, _ in request.headers):
        lines.append(b"Content-Type:")
    lines += [(f"{name}: {value}" if value else f"{name};").encode() for name, value in request.headers]
    return lines
