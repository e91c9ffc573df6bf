"""`dragoman providers`: the services that can be called. Shows no key."""

from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from dragoman.cli.options import config_option, json_option
from dragoman.cli.terminal.output import say, say_json, width
from dragoman.cli.terminal.table import fitted_table
from dragoman.client import Client
from dragoman.errors import ConfigurationError
from dragoman.providers.catalogue import Provider
from dragoman.transport.http.target import is_loopback

HEAD = ("name", "class", "protocol", "url", "works", "from")


class ServiceRow(Struct, frozen=True):
    """A service. `protocol` is None if the class names none before it is configured, `url` if it has no host.

    `homeless`: it cannot be used before a url is set. `key_variable`: the environment variable that may hold its key.
    `keyless`: there is no key in it, nor elsewhere. `local`: it is a program on this machine, which may run or not.
    """

    name: str
    class_name: str
    protocol: str | None
    url: str | None
    working: bool
    homeless: bool
    key_variable: str | None
    keyless: bool
    local: bool
    origin: str

    @property
    def works(self) -> str:
        """Whether it can be used, or what it lacks."""
        if self.homeless:
            return "with a url"
        if not self.working:
            return "no"
        if self.local:
            return "if it runs"
        return f"with {self.key_variable}" if self.keyless else "yes"


@click.command()
@json_option
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the services: built in, and configured.

    "works" says whether a service can be used. "no" is a hosted site that is known to be gone, "with a url" a class
    that has no host of its own, "with NAME" a service whose key is missing from that variable, and "if it runs" a
    program on this machine. Configured services come first, then those that work.
    """
    client = Client(config)
    rows = [_row(name, provider, client) for name, provider in sorted(client.providers.items())]
    rows.sort(key=lambda row: (row.origin != "configured", row.works != "yes"))
    if as_json:
        say_json({"providers": [_object(row) for row in rows]})
    else:
        say(fitted_table(HEAD, [_cells(row) for row in rows], width()))


def _row(name: str, provider: Provider, client: Client) -> ServiceRow:
    configured = name in client.config.providers
    loopback = is_loopback(provider.url)
    kind = provider.__bases__[0] if configured else provider
    hosted = configured and bool(client.config.providers[name].url)
    homeless = bool(provider.generic) and not provider.url
    return ServiceRow(
        name=name,
        class_name=kind.__name__,
        protocol=_protocol(provider),
        url=provider.url or None,
        working=not homeless and (provider.working or hosted),
        homeless=homeless,
        key_variable=provider.key_variable or None,
        keyless=bool(provider.key_variable) and not loopback and not _has_key(provider),
        local=loopback and not configured,
        origin="configured" if configured else _origin(kind),
    )


def _origin(kind: type) -> str:
    package = kind.__module__.partition(".")[0]
    return "built in" if package == "dragoman" else package


def _protocol(provider: Provider) -> str | None:
    try:
        return provider.protocol_name()
    except ConfigurationError:
        # Without a url, or without a codec.
        return None


def _has_key(provider: Provider) -> bool:
    try:
        return bool(provider.key())
    except ConfigurationError:
        # One that cannot be sent.
        return False


def _cells(row: ServiceRow) -> tuple[str, ...]:
    return row.name, row.class_name, row.protocol or "-", row.url or "-", row.works, row.origin


def _object(row: ServiceRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "class": row.class_name,
        "protocol": row.protocol,
        "url": row.url,
        "working": row.working,
        "key_variable": row.key_variable,
        "key": not row.keyless,
        "from": row.origin,
    }
