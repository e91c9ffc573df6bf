"""`dragoman check`: every mistake of a configuration, all at once."""

from pathlib import Path

import click

from dragoman.cli.exits import Exit
from dragoman.cli.options import PATH, config_option, json_option
from dragoman.cli.terminal.output import say, say_json
from dragoman.config.load import examine
from dragoman.errors import ConfigurationError
from dragoman.gateway.check import check


@click.command()
@click.argument("file", required=False, type=PATH, metavar="[FILE]")
@json_option
@config_option
@click.pass_context
def command(ctx: click.Context, *, file: Path | None, as_json: bool, config: Path | None) -> int:
    """Say every mistake of a configuration, and call nobody.

    Each with its file and line: unknown keys and wrong values, variables and files that are missing, routes and fronts
    that name nothing. Commands that print keys are run. Nothing is written, and no service is asked: `dragoman doctor`
    does that. Ends with 3 if there is a mistake. Without FILE it is the configuration that the other commands would
    read.
    """
    if file is not None and config is not None:
        raise click.UsageError(f"expected one file, got {file} and --config {config}", ctx)
    try:
        summary = check(*examine(file or config))
    except ConfigurationError as exc:
        if not as_json:
            raise
        say_json({"ok": False, "mistakes": exc.message.splitlines()})
        return Exit.CONFIGURATION
    if as_json:
        say_json({"ok": True, "mistakes": []})
    else:
        say(summary)
    return Exit.OK
