"""Where a request goes, and the bytes of its head. Knows no socket."""

import base64
import re
from functools import lru_cache
from ipaddress import ip_address
from typing import ClassVar, Literal
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from dragoman.error_words import cut
from dragoman.errors import ConfigurationError, InvalidRequestError
from dragoman.types import Headers, HttpRequest
from dragoman.types.redacted import Redacted

PORTS = {"http": 80, "https": 443}
PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

UNSAFE = re.compile(r"[\x00-\x20\x7f]")
"""Characters that no URL has. `urlsplit` would drop line ends without an error."""

PRINTABLE = "%/:=&?~#+!$,;'@()*[]|"
"""Characters of a path that stay as they are, as letters and digits do; all others are percent-encoded."""

FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*\r\n)*")
"""Any number of header lines: names are tokens, values visible ASCII (RFC 9110, section 5.5, without obs-text)."""

OWN = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "proxy-authorization"})
"""Headers that frame or route a message: only the transport writes them; any other could smuggle a request in."""

BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose missing body needs no `content-length: 0` (RFC 9110, section 8.6)."""


class Proxy(Redacted, frozen=True):
    """A proxy, taken from its URL."""

    hidden: ClassVar[frozenset[str]] = frozenset({"user", "password"})
    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None

    @property
    def name(self) -> str:
        """Its name in errors, without credentials."""
        return f"{self.scheme}://{authority(self.host, self.port)}"

    @property
    def authorization(self) -> str | None:
        """The value of `proxy-authorization`; None if the URL has no credentials."""
        if self.user is None:
            return None
        pair = f"{self.user}:{self.password or ''}".encode()
        return "Basic " + base64.b64encode(pair).decode()


class Origin(Struct, frozen=True):
    """A server and the way there. Connections of the same origin share a pool."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    proxy: Proxy | None = None
    ca_file: str | None = None

    @property
    def name(self) -> str:
        """`https://host`, with its port if it is not the scheme's default."""
        return _name(self.scheme, self.host, self.port)

    @property
    def forwarded(self) -> bool:
        """Whether requests go to an HTTP proxy with their complete URL, without a tunnel."""
        return self.scheme == "http" and self.proxy is not None and self.proxy.scheme in PORTS


@lru_cache(maxsize=256)
def _name(scheme: str, host: str, port: int) -> str:
    # All connections to an origin have this one text.
    return f"{scheme}://{authority(host, port, PORTS[scheme])}"


class HttpTarget(Redacted, frozen=True):
    """A parsed URL: its origin, and the head's text between the method and the request's own headers."""

    hidden: ClassVar[frozenset[str]] = frozenset({"text"})
    origin: Origin
    text: str


def authority(host: str, port: int, default: int | None = None) -> str:
    """`host:port`, without the port if it is the default."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == default else f"{shown}:{port}"


def parse_proxy(url: str) -> Proxy:
    """The proxy at `url`. Raises ConfigurationError, which does not show the password."""
    schemes = ", ".join(PROXY_PORTS)
    try:
        parts = urlsplit("" if UNSAFE.search(url) else url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise ConfigurationError(f"expected a proxy URL ({schemes}), got one that cannot be parsed") from None
    if parts.scheme not in PROXY_PORTS or not host:
        raise ConfigurationError(f"expected a proxy URL ({schemes}), got one of scheme {cut(parts.scheme, 20)!r}")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Proxy(parts.scheme, host, port or PROXY_PORTS[parts.scheme], user, password)


def parse(url: str, proxy: str | None = None, ca_file: str | None = None) -> HttpTarget:
    """The target of `url`. Raises InvalidRequestError, which shows no path and no query, because they may hold keys."""
    if UNSAFE.search(url):
        raise InvalidRequestError("the URL holds a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
        path = quote(parts.path or "/", safe=PRINTABLE)
        if parts.query:
            path += "?" + quote(parts.query, safe=PRINTABLE)
    except ValueError as error:
        raise InvalidRequestError("expected an absolute http or https URL, got one that cannot be parsed") from error
    scheme: Literal["http", "https"]
    match parts.scheme:
        case "http" | "https" as scheme if host:
            pass
        case _:
            got = f"{cut(parts.scheme, 20)}://…" if parts.scheme else "one without a scheme"
            raise InvalidRequestError(f"expected an absolute http or https URL, got {got}")
    if parts.username is not None:
        raise InvalidRequestError(f"the URL of {host} holds credentials: put them into a header")
    origin = Origin(scheme, host, port or PORTS[scheme], parse_proxy(proxy) if proxy else None, ca_file)
    where = authority(origin.host, origin.port, PORTS[scheme])
    text = f" {path} HTTP/1.1\r\nhost: {where}\r\n"
    if origin.forwarded and origin.proxy:
        text = f" http://{where}{text[1:]}"
        if origin.proxy.authorization:
            text += f"proxy-authorization: {origin.proxy.authorization}\r\n"
    return HttpTarget(origin, text)


@lru_cache(maxsize=256)
def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine, judged only by its name: nothing is looked up."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def head(request: HttpRequest, target: HttpTarget) -> bytes:
    """The request's head, ready to send. Raises InvalidRequestError for a header that only we write, or a bad one."""
    method = request.method
    lines = _with_encoding(request.headers)
    if lines is None or not (method.isalpha() and method.isascii()):
        raise InvalidRequestError(f"{_culprit(request)} holds a character that no HTTP header may hold")
    if request.body or method not in BODILESS:
        lines += f"content-length: {len(request.body)}\r\n"
    return f"{method}{target.text}{lines}\r\n".encode("ascii")


@lru_cache(maxsize=64)
def _with_encoding(headers: Headers) -> str | None:
    """The same as `_lines`, and which coding a reply may have. A service mostly gets the same fields each time."""
    lines = _lines(headers)
    said = lines is None or any(name.lower() == "accept-encoding" for name, _ in headers)
    return lines if said else f"{lines}accept-encoding: identity\r\n"


@lru_cache(maxsize=64)
def more_fields(headers: Headers) -> bytes:
    """Further fields for a head that is ready to send. Raises as `head` does."""
    lines = _lines(headers)
    if lines is None:
        raise InvalidRequestError("a header holds a character that no HTTP header may hold")
    return lines.encode("ascii")


def _lines(headers: Headers) -> str | None:
    """The fields, each on its line; None if one of them is not valid."""
    lines = ""
    for name, value in headers:
        lines += f"{name}: {value}\r\n"
        if (lower := name.lower()) in OWN:
            raise InvalidRequestError(f"the header {lower!r} is the transport's to write")
    return lines if lines.count("\r\n") == len(headers) and FIELDS.fullmatch(lines) else None


def _culprit(request: HttpRequest) -> str:
    headers: Headers = request.headers
    for name, value in headers:
        if not FIELDS.fullmatch(f"{name}: x\r\n") or "\n" in name:
            return "a header's name"
        if not FIELDS.fullmatch(f"x: {value}\r\n") or "\n" in value:
            return f"the value of the header {cut(name, 40)!r}"
    return "the method"
