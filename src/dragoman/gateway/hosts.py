"""The names under which the gateway is called, and who can reach it. Knows no protocol and no server."""

import re
from ipaddress import ip_address
from socket import AI_PASSIVE, SOCK_STREAM, AddressFamily, gaierror, getaddrinfo

from dragoman.config import Config, GatewayConfig
from dragoman.errors import ConfigurationError, RequestError
from dragoman.gateway.http.response_writer import UNIX
from dragoman.gateway.places import TcpPlace, places
from dragoman.types import ServerRequest

HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.2: other programs may read any other form as another host."""

LOCAL = ("localhost", "127.0.0.1", "::1")

Address = tuple[AddressFamily, str]


class Hosts:
    """The names under which the gateway is called.

    A server that only this machine reaches answers only under its own names. Otherwise a page on the web could point a
    name of its own at 127.0.0.1, and use what is configured here (DNS rebinding).
    """

    def __init__(self, config: Config) -> None:
        gateway = config.gateway
        hosts = _listening(gateway)
        names = {_name(host) for host in (*LOCAL, *hosts, *gateway.allowed_hosts)}
        self._last: bytes | None = None
        """The last field that was right."""
        self._names = names if gateway.allowed_hosts or not any(map(exposed, hosts)) else None
        self._listed = bool(gateway.allowed_hosts)

    def check(self, call: ServerRequest, remote: str) -> None:
        """Raises RequestError (421) for a request to a host that is not this one.

        No page can reach a Unix socket, and what calls there names any host: unless some are listed, each is good.
        """
        if self._names is None or (remote == UNIX and not self._listed):
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


def addresses(host: str) -> list[Address]:
    """The addresses of `host`; the empty host means every address. Raises ConfigurationError if it is not a host."""
    try:
        found = getaddrinfo(unbracketed(host) or None, 0, type=SOCK_STREAM, flags=AI_PASSIVE)
    except (gaierror, UnicodeError) as exc:
        hint = "; gateway.listen takes a Unix socket" if host.startswith(("unix:", "/")) else ""
        raise ConfigurationError(f"expected an address of this machine, got {host!r}{hint}") from exc
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def unbracketed(host: str) -> str:
    """`::1` for `[::1]`, as URLs spell it."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def exposed(host: str) -> bool:
    """Whether other machines may reach what listens on `host`: one of its addresses is not a loopback address."""
    return not all(ip_address(address.partition("%")[0]).is_loopback for _, address in addresses(host))


def check_exposure(config: Config) -> None:
    """Raises ConfigurationError if anyone on the network could use what is configured."""
    where = config.where("gateway", "listen" if config.gateway.listen else "host")
    try:
        reached = list(filter(exposed, _listening(config.gateway)))
    except ConfigurationError as exc:
        raise ConfigurationError(f"{where}: {exc.message}") from exc
    if reached and not config.gateway.api_keys:
        raise ConfigurationError(f"{where}: {unguarded(reached[0])}")


def unguarded(host: str) -> str:
    """What is wrong if a gateway without keys listens on `host`, which other machines can reach."""
    return (
        f"other machines can reach {host!r} and no key is asked, so anyone "
        "there could use your models and accounts; set gateway.api_keys (or DRAGOMAN_GATEWAY_API_KEYS), "
        "or listen on 127.0.0.1"
    )


def _listening(gateway: GatewayConfig) -> list[str]:
    """The hosts of all ports. Raises ConfigurationError as `places` does."""
    return [place.host for place in places(gateway) if isinstance(place, TcpPlace)]


def _named(host: str) -> str | None:
    """The name in a Host field; None if the field does not have the form `host:port`."""
    return _name(host) if HOST.fullmatch(host.strip(" \t")) else None


def _name(host: str) -> str:
    """A host's name in one spelling: lower case, without port, brackets and the last dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return (name if name.count(":") > 1 else name.partition(":")[0]).removesuffix(".")
