"""`dragoman models`: the names that a caller may use."""

from pathlib import Path

import click

from dragoman.cli.loop import run
from dragoman.cli.options import config_option, json_option
from dragoman.cli.terminal.output import say
from dragoman.client import Client
from dragoman.wire.json import encode


@click.command()
@json_option
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the models that can be named.

    These are the routes, the models that configured services are known to have or list when they are asked, and the
    offline ones. A service may take more of them, as PROVIDER/MODEL.
    """
    client = Client(config)
    names = run(_listed(client))
    if as_json:
        say(encode({"models": names, "default": client.default_model}).decode())
    else:
        say("\n".join(names))


async def _listed(client: Client) -> tuple[str, ...]:
    async with client:
        return await client.list_models()
