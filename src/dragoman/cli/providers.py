"""`dragoman providers`: the services that can be called. Shows no key."""

from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from dragoman.cli.options import config_option, json_option
from dragoman.cli.output import say
from dragoman.cli.table import table
from dragoman.client import Client
from dragoman.errors import ConfigurationError
from dragoman.providers.catalogue import Provider
from dragoman.wire.json import encode

HEAD = ("name", "class", "protocol", "url", "works", "from")


class Row(Struct, frozen=True):
    """A service. `protocol` is None where the class names none before it is configured, `url` where it has no host."""

    name: str
    class_name: str
    protocol: str | None
    url: str | None
    working: bool
    origin: str


@click.command()
@json_option
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the services: built in, and configured.

    "works" says whether the hosted site is known to answer; one with a url of your own is never doubted.
    """
    client = Client(config)
    rows = [_row(name, provider, client) for name, provider in sorted(client.providers.items())]
    rows.sort(key=lambda row: row.origin != "configured")
    if as_json:
        say(encode({"providers": [_object(row) for row in rows]}).decode())
    else:
        say(table(HEAD, [_cells(row) for row in rows]))


def _row(name: str, provider: Provider, client: Client) -> Row:
    configured = name in client.config.providers
    kind = provider.__bases__[0] if configured else provider
    hosted = configured and bool(client.config.providers[name].url)
    return Row(
        name=name,
        class_name=kind.__name__,
        protocol=_protocol(provider),
        url=provider.url or None,
        working=provider.working or hosted,
        origin="configured" if configured else _origin(kind),
    )


def _origin(kind: type) -> str:
    package = kind.__module__.partition(".")[0]
    return "built in" if package == "dragoman" else package


def _protocol(provider: Provider) -> str | None:
    try:
        return provider.protocol_name()
    except ConfigurationError:
        # OpenAICompatible without a url: it speaks to nobody yet.
        return None


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.class_name, row.protocol or "-", row.url or "-", "yes" if row.working else "no", row.origin


def _object(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "class": row.class_name,
        "protocol": row.protocol,
        "url": row.url,
        "working": row.working,
        "from": row.origin,
    }
