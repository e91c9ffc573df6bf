"""`dragoman models`: the names that a caller may use."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict

from dragoman.cli.keyed_services import keyed
from dragoman.cli.loop import run
from dragoman.cli.options import config_option, json_option
from dragoman.cli.terminal.output import say, say_json, tell, width
from dragoman.cli.terminal.table import columns as columns_of
from dragoman.cli.terminal.table import table
from dragoman.client import Client
from dragoman.client.local_servers import FoundServer
from dragoman.types import ModelFacts

HEAD = ("model", "context", "answer", "$ in", "$ out")


@click.command()
@json_option
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the models that can be named.

    On a terminal with the sizes of their contexts and answers, in tokens, and their prices, in US dollars for a million
    tokens, if the service's own list says them; elsewhere the names alone, one a line. --json has all.

    These are the routes, the models that configured services are known to have or list when they are asked, and the
    offline ones. If no service is configured, those whose key is in the environment are asked. A service may take more
    of them, as PROVIDER/MODEL.

    Servers of models that run on this machine and are not configured are found on their usual ports, and the lines
    that name them are shown.
    """
    client = Client(config)
    names, servers = run(_listed(client))
    facts = client.model_facts()
    found = [(server, server.entry(client.config.providers, client.providers)) for server in servers]
    if as_json:
        shown = [described(server, entry) for server, entry in found]
        known = {name: asdict(facts[name]) for name in names if name in facts and facts[name] != ModelFacts()}
        listed = {"models": names, "default": client.default_model, "facts": known, "found": shown}
        say_json(listed)
    else:
        say(listing(names, facts, width()))
        for server, entry in found:
            tell(words(server, entry))


def listing(names: Sequence[str], facts: Mapping[str, ModelFacts], columns: int | None) -> str:
    """The names; on a terminal, of so many columns, a table if anything else is known of one."""
    rows = [_cells(name, facts.get(name, ModelFacts())) for name in names]
    if columns is None or not any(any(row[1:]) for row in rows):
        return "\n".join(names)
    # If there is no room for all columns, the last ones are left out: a paragraph for each model would be too long.
    return next(
        (text for count in range(len(HEAD), 1, -1) if _fits(text := _table(rows, count), columns)), "\n".join(names)
    )


def _table(rows: Sequence[Sequence[str]], count: int) -> str:
    return table(HEAD[:count], [row[:count] for row in rows])


def _fits(text: str, wide: int) -> bool:
    return max(map(columns_of, text.split("\n"))) <= wide


def _cells(name: str, facts: ModelFacts) -> tuple[str, ...]:
    prices = (facts.input_price, facts.output_price)
    return name, *map(_size, (facts.context, facts.max_output)), *("" if p is None else f"{p:g}" for p in prices)


def _size(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


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


def _place(server: FoundServer) -> str:
    """The server's address without the path of its protocol."""
    scheme, _, rest = server.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
