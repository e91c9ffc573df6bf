"""`dragoman init`: a first configuration."""

import os
import sys
from pathlib import Path

import click

from dragoman.cli.exits import Exit
from dragoman.cli.files import write
from dragoman.cli.first_configuration import Draft, KeyedService, below, draft
from dragoman.cli.keyed_services import keyed
from dragoman.cli.loop import run
from dragoman.cli.options import PATH
from dragoman.cli.probe import Checkup, check_providers
from dragoman.cli.probe_report import report
from dragoman.cli.terminal.output import is_terminal, say, tell
from dragoman.cli.terminal.spinner import Waiting
from dragoman.client import Client
from dragoman.config import from_tables
from dragoman.config.load import own_place
from dragoman.errors import ConfigurationError

PATIENCE = 30.0
"""Seconds for the whole answer of a service that is tried."""

NOTHING = """\
Nothing was found: no key of a service in the environment, and no server of models on its usual port here.

Set the key of a service, as OPENAI_API_KEY (`dragoman providers` lists the services and their variables), or start a
server, as `ollama serve`, and run `dragoman init` again. Until then the offline model answers."""


@click.command()
@click.option("-o", "--output", type=PATH, metavar="PATH", help="Write it there.")
@click.option("-y", "--yes", is_flag=True, help="Write it without a question.")
@click.option("--print", "only_print", is_flag=True, help="Print it, and write nothing.")
@click.option("--force", is_flag=True, help="Write it even if there is a file.")
def command(*, output: Path | None, yes: bool, only_print: bool, force: bool) -> int:
    """Write a configuration of what is found here.

    Services whose keys are in the environment, and servers of models on their usual ports of this machine. No key is
    written: it stays in its variable. The file goes into your own configuration folder, and every service in it is then
    tried with a short question. Ends with 1 if nothing was found, or one of them fails.
    """
    place = output or own_place(os.environ, sys.platform)
    if place is None:
        raise ConfigurationError("expected HOME or XDG_CONFIG_HOME to be set, or a file named with --output")
    if not (only_print or force) and (place.exists() or place.is_symlink()):
        raise ConfigurationError(
            f"{place} is there already: `dragoman doctor` tries it; --print shows what would be written, and --force "
            "replaces it"
        )
    found = run(_found())
    if not found.names:
        tell(NOTHING)
        return Exit.FAILED
    say(found.toml.rstrip("\n"))
    if only_print or not (yes or _wanted(place)):
        return Exit.OK
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(place, found.toml.encode())
    tell(f"\n{place} is written")
    checkups = run(_tried(place, found.names))
    for checkup in checkups:
        tell(report(checkup, max(map(len, found.names))))
    return Exit.FAILED if any(checkup.problem for checkup in checkups) else Exit.OK


def _wanted(place: Path) -> bool:
    """Whether the user wants it; nobody is asked who cannot answer."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        tell(f"nothing is written: --yes writes it to {place}")
        return False
    try:
        return click.confirm(f"\nWrite this to {place}?", default=True, err=True)
    except click.Abort:
        tell("")  # the shell's prompt begins a line
        raise


async def _found() -> Draft:
    waiting = Waiting("looking for services")
    waiting.start()
    try:
        async with Client(from_tables({})) as client:
            names = keyed(client.providers)
            listed = await client.list_models(*names)
            servers = [server for server in await client.find_servers() if not server.keyed]
            services = [KeyedService(name, client.providers[name], below(listed, name)) for name in names]
            return draft(services, servers, client.providers)
    finally:
        waiting.stop()


async def _tried(place: Path, names: tuple[str, ...]) -> list[Checkup]:
    async with Client(place) as client:
        return await check_providers(client, names, PATIENCE)
