"""Who may call: keys, and the names and sites that a request is for and from. Knows no protocol."""

import re
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from socket import AI_PASSIVE, SOCK_STREAM, AddressFamily, gaierror, getaddrinfo
from urllib.parse import urlsplit

from dragoman.config import Config
from dragoman.errors import AuthenticationError, ConfigurationError, RequestError
from dragoman.gateway.cors import Cors
from dragoman.types import ServerRequest

KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key")
"""Headers that carry a key: OpenAI's, Anthropic's, Azure's."""

MAX_VERIFIED = 10_000
"""Headers with a known key that are remembered, so that a caller's next request costs no digest."""

HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.2: what is none of it may be read as another host elsewhere."""

LOCAL = ("localhost", "127.0.0.1", "::1")

Address = tuple[AddressFamily, str]


class Keys:
    """The keys that callers may show; with none of them, none is asked. Only digests are kept and compared."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [_digest(key.encode()) for key in keys]
        self._verified: set[tuple[bytes, bytes]] = set()

    @property
    def required(self) -> bool:
        """Whether a key must be shown."""
        return bool(self._digests)

    def check(self, call: ServerRequest) -> None:
        """Raises AuthenticationError unless a known key is shown, RequestError (400) where different ones are."""
        carriers = [field for field in call.headers if field[0] in KEY_HEADERS]
        if len(carriers) == 1 and carriers[0] in self._verified:
            return
        shown = {key for name, value in carriers for key in _carried(name, value)}
        if len(shown) > 1:
            raise RequestError("expected one key, got different ones in different headers", code="ambiguous_api_key")
        if not shown:
            raise AuthenticationError("expected a key of this gateway, as `Authorization: Bearer KEY`, got none")
        digest = _digest(shown.pop())
        # Every known key is compared: the time that it takes tells nothing.
        if not sum([compare_digest(digest, known) for known in self._digests]):
            raise AuthenticationError("expected a key of this gateway, got one that is not known here")
        if len(carriers) == 1 and len(self._verified) < MAX_VERIFIED:
            self._verified.add(carriers[0])


def fingerprint(headers: tuple[tuple[bytes, bytes], ...]) -> str:
    """What tells keys apart in a log: 8 hexadecimal digits of the SHA-256 of the one shown; empty if there is none."""
    for name, value in headers:
        if name in KEY_HEADERS:
            return _fingerprint(name, value)
    return ""


@lru_cache(maxsize=1000)
def _fingerprint(name: bytes, value: bytes) -> str:
    keys = _carried(name, value)
    return _digest(keys[0]).hex()[:8] if keys else ""


class Hosts:
    """The names under which the gateway is called.

    A server that only this machine reaches answers to its own names alone: else a page on the web could point a name of
    its own at 127.0.0.1, and use what is configured here.
    """

    def __init__(self, config: Config) -> None:
        gateway = config.gateway
        names = {_name(host) for host in (*LOCAL, gateway.host, *gateway.allowed_hosts)}
        self._last = b""
        self._names = names if gateway.allowed_hosts or not exposed(gateway.host) else None

    def check(self, call: ServerRequest) -> None:
        """Raises RequestError (421) for a request to a host that this is not."""
        if self._names is None:
            return
        said = [value for name, value in call.headers if name == b"host"]
        if len(said) == 1 and said[0] == self._last:
            return
        if not said or not all(_named(host.decode("latin-1")) in self._names for host in said):
            raise RequestError(
                "this gateway does not answer under that host name; gateway.allowed_hosts lists those it does",
                status=421,
                code="unknown_host",
            )
        self._last = said[0]


def check_origin(call: ServerRequest, cors: Cors) -> None:
    """Raises RequestError (403) for a request that a page of another site had its browser send, unless it may."""
    origin = call.header(b"origin")
    if origin is None or cors.allows(origin):
        return
    if _site(origin) != f"{call.scheme}://{call.header(b'host') or ''}".lower():
        raise RequestError(
            "expected no request from a page of another site; gateway.cors_origins lists those whose pages may call",
            status=403,
            code="foreign_origin",
        )


def addresses(host: str) -> list[Address]:
    """What `host` stands for; the empty one for every address. Raises ConfigurationError where it is no host."""
    try:
        found = getaddrinfo(unbracketed(host) or None, 0, type=SOCK_STREAM, flags=AI_PASSIVE)
    except (gaierror, UnicodeError) as exc:
        hint = "; a Unix socket is not supported" if host.startswith(("unix:", "/")) else ""
        raise ConfigurationError(f"expected an address of this machine, got {host!r}{hint}") from exc
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def unbracketed(host: str) -> str:
    """`::1` for `[::1]`, as URLs spell it."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def exposed(host: str) -> bool:
    """Whether other machines may reach what listens on `host`: not every address of it is loopback."""
    return not all(ip_address(address.partition("%")[0]).is_loopback for _, address in addresses(host))


def check_exposure(config: Config) -> None:
    """Raises ConfigurationError where anyone on the network could use what is configured."""
    host = config.gateway.host
    place = config.where("gateway", "host")
    try:
        unguarded = exposed(host) and not config.gateway.api_keys
    except ConfigurationError as exc:
        raise ConfigurationError(f"{place}: {exc.message}") from exc
    if unguarded:
        raise ConfigurationError(
            f"{place}: other machines can reach {host!r} and no key is asked, so anyone "
            "there could use your models and accounts; set gateway.api_keys (or DRAGOMAN_GATEWAY_API_KEYS), "
            "or listen on 127.0.0.1"
        )


def _carried(name: bytes, value: bytes) -> list[bytes]:
    if name != b"authorization":
        return [value.strip()]
    scheme, _, key = value.strip().partition(b" ")
    return [key.strip()] if scheme.lower() == b"bearer" else []


def _site(origin: str) -> str | None:
    """The scheme, host and port of an origin; None where it has none. Programs that pose as pages send a path too."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}"


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _named(host: str) -> str | None:
    """The name in a Host field; None where it is not one of `host:port`."""
    return _name(host) if HOST.fullmatch(host.strip(" \t")) else None


def _name(host: str) -> str:
    """A host's name in its one spelling: without port, brackets, letter case and the last dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return (name if name.count(":") > 1 else name.partition(":")[0]).removesuffix(".")
