"""`dragoman doctor`: every configured service tried, all at once."""

from pathlib import Path

import click
from msgspec.structs import asdict

from dragoman.cli.exits import Exit
from dragoman.cli.keyed_services import keyed
from dragoman.cli.loop import run
from dragoman.cli.model_names import known_providers
from dragoman.cli.options import Seconds, config_option, json_option
from dragoman.cli.probe import Checkup, check_providers
from dragoman.cli.probe_report import report
from dragoman.cli.terminal.output import say, say_json
from dragoman.client import Client
from dragoman.error_words import nearest

PATIENCE = 30.0
"""Seconds for a whole short answer: as long as a first token may take by default."""

OFFLINE = "offline"

KEYED = """
No service is configured; these have a key in the environment. `dragoman init` writes a configuration of them.
"""

ADVICE = """
No service is configured; the offline model answers. `dragoman init` finds those that you have; or write
~/.config/dragoman/dragoman.toml:

    [providers.up]
    protocol = "openai-chat"
    url = "http://127.0.0.1:9001/v1"
    api_key = { env = "UP_API_KEY" }
    default_model = "gpt-4o-mini"
"""


def _providers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in known_providers(ctx.params.get("config")) if name.startswith(incomplete)]


@click.command()
@click.argument("names", nargs=-1, metavar="[PROVIDER]...", shell_complete=_providers)
@click.option(
    "--timeout",
    type=Seconds(0, min_open=True),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    help="How long each service may take.",
)
@json_option
@config_option
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], timeout: float, as_json: bool, config: Path | None) -> int:
    """Try every configured service, and say what is wrong.

    Each is asked a short question, all at the same time: is it reachable, how long until the first text, is the answer
    whole. If none is configured, those whose key is in the environment are tried. Ends with 1 if any of them fails.
    """
    client = Client(config, retries=0)  # a service that fails now and then is what it is to find
    for name in names:
        if name not in client.providers:
            raise click.UsageError(f"there is no provider {name!r}{nearest(name, client.providers)}", ctx)
    found = () if names or client.config.providers else keyed(client.providers)
    chosen = list(names or client.config.providers or found or [OFFLINE])
    checkups = run(_examine(client, chosen, timeout))
    if as_json:
        configuration = str(client.config.path.resolve()) if client.config.path else None
        say_json({"configuration": configuration, "providers": [_object(checkup) for checkup in checkups]})
    else:
        for path in client.config.files:
            say(f"configuration: {path.resolve()}")
        for checkup in checkups:
            say(report(checkup, max(map(len, chosen))))
        if not names and not client.config.providers:
            say(KEYED if found else ADVICE)
    return Exit.FAILED if any(checkup.problem for checkup in checkups) else Exit.OK


async def _examine(client: Client, names: list[str], patience: float) -> list[Checkup]:
    async with client:
        return await check_providers(client, names, patience)


def _object(checkup: Checkup) -> dict[str, object]:
    return asdict(checkup) | {"ok": checkup.problem is None}
