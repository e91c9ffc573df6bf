"""Services over TLS that should not be trusted, and one that may be."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import trustme

from tests.faults.wire import Fin, Listening, Player, Service, Stall

HOST = "127.0.0.1"
NAMED = "*.service.test"
"""Services that are reached by a name."""


@lru_cache
def authority() -> trustme.CA:
    """Who signs what is trusted."""
    return trustme.CA()


@lru_cache
def _stranger() -> trustme.CA:
    return trustme.CA()


def _presenting(issued: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


@lru_cache
def certificate() -> trustme.LeafCert:
    """The one of a service that may be trusted."""
    return authority().issue_cert(HOST, NAMED)


@lru_cache
def trusted(*protocols: str) -> ssl.SSLContext:
    """What a service presents that is well. `protocols`: those that it takes, by their names in ALPN."""
    context = _presenting(certificate())
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


CERTIFICATES: dict[str, Callable[[], ssl.SSLContext]] = {
    "unknown": lambda: _presenting(_stranger().issue_cert(HOST)),
    "elsewhere": lambda: _presenting(authority().issue_cert("elsewhere.example")),
    "expired": lambda: _presenting(authority().issue_cert(HOST, not_after=datetime.now(UTC) - timedelta(days=1))),
}
SPOILERS: dict[str, Callable[[], Listening]] = {
    "stall": lambda: Player((Stall(),)),
    "fin": lambda: Player((Fin(),)),
    "plain": lambda: Player((b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", Fin())),
}
"""Those that spoil the handshake, instead of presenting anything."""


def spoiled(name: str) -> tuple[Listening, ssl.SSLContext | None]:
    """What listens, and what it presents, for a name of either table."""
    make = CERTIFICATES.get(name)
    return (SPOILERS[name](), None) if make is None else (Service(), make())
