"""The proxy that the environment names for a URL, as curl reads it. Knows no setting."""

import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from dragoman.errors import ConfigurationError
from dragoman.transport.http.target import PROXY_PORTS, is_loopback, parse_proxy

NONE = "none"
"""In place of a proxy's URL: no proxy, even if the environment names one."""

NAMES: dict[str, tuple[str, ...]] = {
    "http": ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
"""Scheme of the URL to variables; the first that is not empty counts."""

CGI = "REQUEST_METHOD"
"""If it is set, this process is a CGI program: a caller sets HTTP_PROXY by a header `Proxy` (CVE-2016-5385)."""

EXCEPTIONS = ("no_proxy", "NO_PROXY")


def proxy_for(url: str, said: str | None = None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The proxy on the way to `url`: `said`, else the one that the environment names, but not for this machine.

    Raises ConfigurationError that names the variable at fault, but not its value.
    """
    if said is not None:
        return None if said == NONE else said
    # Each call of a service asks this, so that its URL is judged once, and first: reading the environment costs more.
    if is_loopback(url) or (target := _target(url)) is None:
        return None
    names, host, port = target
    name = next((name for name in names if environ.get(name) and not _is_callers(name, environ)), None)
    if name is None or _is_excepted(host, port, environ):
        return None
    value = environ[name].strip()
    proxy = value if "://" in value else f"http://{value}"
    try:
        parse_proxy(proxy)
    except ConfigurationError as exc:
        schemes = ", ".join(PROXY_PORTS)
        raise ConfigurationError(
            f"{name}: expected a proxy URL ({schemes}), or proxy = {NONE!r} in the settings"
        ) from exc
    return proxy


@lru_cache(maxsize=256)
def _target(url: str) -> tuple[tuple[str, ...], str, str] | None:
    """The variables that count for `url`, its host and its port; None for one to which nothing can be sent."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError:
        return None  # sending to it will raise what is wrong
    return NAMES.get(parts.scheme, ()), parts.hostname or "", port


def _is_callers(name: str, environ: Mapping[str, str]) -> bool:
    return name == "HTTP_PROXY" and CGI in environ


def _is_excepted(host: str, port: str, environ: Mapping[str, str]) -> bool:
    """Whether NO_PROXY names that host: itself, a domain of it, a network, or `*`."""
    listed = next((environ[name] for name in EXCEPTIONS if environ.get(name)), "")
    return any(_covers(entry.lower(), _bare(host), port) for entry in listed.replace(",", " ").split())


def _covers(entry: str, host: str, port: str) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _is_within(host, entry)
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        # An IPv6 address with a port is in brackets.
        if number != port:
            return False
        entry = name
    domain = _bare(entry.removeprefix("*")).removeprefix(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _is_within(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _bare(name: str) -> str:
    """`name` without brackets and without the final dot."""
    return name.strip("[]").removesuffix(".").lower()
