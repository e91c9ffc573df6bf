"""`dragoman serve`: the gateway, until it is stopped."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from dragoman.cli.options import WholeNumber, completed_file, config_option
from dragoman.cli.terminal.output import leave_pipe, say, tell
from dragoman.config import Config, load
from dragoman.config.commands import Run, run_all
from dragoman.gateway import serve
from dragoman.gateway.check import check
from dragoman.gateway.line_writer import STDOUT


@click.command()
@click.option("--host", metavar="HOST", help="The address to listen on; any but this machine's own needs a key.")
@click.option("--port", type=WholeNumber(0, 65535), metavar="PORT", help="The port; 0 takes any free one.")
@click.option("--workers", type=WholeNumber(1, 256), metavar="N", help="Processes that share the address.")
@click.option(
    "--request-log",
    metavar="FILE",
    shell_complete=completed_file,
    help="A file that gets a line of JSON for each request; - for stdout.",
)
@click.option("--check", "only_check", is_flag=True, help="Say in a line whether the settings are good, and end.")
@config_option
def command(
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
    request_log: str | None,
    only_check: bool,
    config: Path | None,
) -> None:
    """Run the gateway.

    Prints its address, and a command to try; on stderr, if stdout gets the request log. Ctrl-C lets running answers
    end; pressed again, it ends them.
    """
    options = {"host": host, "port": port, "workers": workers, "request_log": request_log}
    said: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    origins = {("gateway", name): f"--{name.replace('_', '-')}" for name in said}
    if host is not None or port is not None:
        said["listen"] = ()

    def over(found: Config) -> Config:
        """`found` with the options over it, whatever its commands print later."""
        renew = found.renew
        again = None if renew is None else lambda texts: over(renew(texts))
        return replace(found, gateway=replace(found.gateway, **said), origins=found.origins | origins, renew=again)

    def settings(run: Run = run_all) -> Config:
        return over(load(config, run=run))

    if only_check:
        say(check(settings()))
        return
    found = settings()
    serve(found, announce=_greet_aside if found.gateway.request_log == STDOUT else _greet, load=settings)


def _greet(text: str) -> None:
    try:
        say(text)
    except OSError:
        # A service may have no stdout, or one that nobody reads. The event log also says where it listens.
        leave_pipe()


def _greet_aside(text: str) -> None:
    """The same on stderr: stdout has the request log, of which each line is JSON."""
    with suppress(OSError):
        tell(text)
