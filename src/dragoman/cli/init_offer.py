"""A first run without a configuration: what to do next, in a line."""

import sys

from dragoman.cli.terminal.output import is_terminal, remark
from dragoman.client import Client

OFFLINE = "offline/eliza"


def offer_init(client: Client, model: str) -> None:
    """Tells who watches that a small offline model answers, because nothing else is configured."""
    if model == OFFLINE and not client.config.files and not client.config.providers and is_terminal(sys.stderr):
        remark("no service is configured, so a small offline model answers: see `dragoman init`")
