"""`dragoman models`: the names that a caller may use."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dragoman.cli.loop import run
from dragoman.cli.options import config_option, json_option
from dragoman.cli.terminal.output import say, tell
from dragoman.client import Client
from dragoman.client.local_servers import FoundServer
from dragoman.errors import ConfigurationError
from dragoman.providers.catalogue import Provider
from dragoman.wire.json import encode


@click.command()
@json_option
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the models that can be named.

    These are the routes, the models that configured services are known to have or list when they are asked, and the
    offline ones. If no service is configured, those whose key is in the environment are asked. A service may take more
    of them, as PROVIDER/MODEL.

    Servers of models that run on this machine and are not configured are found on their usual ports, and the lines
    that name them are shown.
    """
    client = Client(config)
    names, servers = run(_listed(client))
    found = [(server, server.entry(client.config.providers, client.providers)) for server in servers]
    if as_json:
        shown = [described(server, entry) for server, entry in found]
        say(encode({"models": names, "default": client.default_model, "found": shown}).decode())
    else:
        say("\n".join(names))
        for server, entry in found:
            tell(words(server, entry))


def words(server: FoundServer, entry: str) -> str:
    """A server that was found, for people. `entry`: the lines of a configuration that name it."""
    lines = "\n".join(f"    {line}" for line in entry.split("\n"))
    return f"\nfound at {_place(server)} ({server.title}): add to the configuration\n\n{lines}"


def described(server: FoundServer, entry: str) -> dict[str, Any]:
    """The same, for programs."""
    titles = [each.title for each in server.servers]
    return {"url": _place(server), "servers": titles, "models": server.models, "entry": entry}


async def _listed(client: Client) -> tuple[tuple[str, ...], tuple[FoundServer, ...]]:
    also = () if client.config.providers else keyed(client.providers)
    async with client:
        return await asyncio.gather(client.list_models(*also), client.find_servers())


def keyed(providers: Mapping[str, Provider]) -> tuple[str, ...]:
    """The services whose key is in the environment. One that several share is shown to the first of them only."""
    found: dict[str, str] = {}
    for name, provider in providers.items():
        if _has_key(provider):
            found.setdefault(provider.key_variable, name)
    return tuple(found.values())


def _has_key(provider: Provider) -> bool:
    """Whether the environment has a key for it."""
    try:
        return provider.working and bool(provider.key_variable and provider.key())
    except ConfigurationError:
        return False


def _place(server: FoundServer) -> str:
    """The server's address without the path of its protocol."""
    scheme, _, rest = server.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
