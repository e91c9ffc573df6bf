"""`dragoman serve`: the gateway, until it is stopped."""

from pathlib import Path

import click
from msgspec.structs import replace

from dragoman.cli.options import config_option
from dragoman.cli.output import say
from dragoman.config import load
from dragoman.gateway import serve


@click.command()
@click.option("--host", metavar="HOST", help="The address to listen on; any but this machine's own needs a key.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="The port; 0 takes any free one.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that share the address.")
@click.option("--request-log", metavar="FILE", help="A file that gets a line of JSON for each request; - for stdout.")
@config_option
def command(
    host: str | None, port: int | None, workers: int | None, request_log: str | None, config: Path | None
) -> None:
    """Run the gateway.

    Prints its address, and a command to try. Ctrl-C lets running answers end; pressed again, it ends them.
    """
    settings = load(config)
    gateway = replace(
        settings.gateway,
        host=settings.gateway.host if host is None else host,
        port=settings.gateway.port if port is None else port,
        workers=settings.gateway.workers if workers is None else workers,
        request_log=settings.gateway.request_log if request_log is None else request_log,
    )
    serve(replace(settings, gateway=gateway), announce=say)
