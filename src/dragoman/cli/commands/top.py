"""`dragoman top`: what a running gateway does, live."""

import os
import select
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import click

from dragoman.cli.gateway_process import address
from dragoman.cli.options import config_option
from dragoman.cli.terminal.keyboard import QUIETS, silent
from dragoman.cli.terminal.output import harmless, is_able, is_terminal, say, width
from dragoman.cli.terminal.restored import SCREEN, left_as_found
from dragoman.cli.top.scrape import Scrape, fetch
from dragoman.cli.top.view import overview
from dragoman.config import load
from dragoman.config.commands import run_all, run_none
from dragoman.errors import DragomanError
from dragoman.gateway.places import first_port, places

PERIOD = 1.0
"""Seconds between two looks."""

LAST = "q to end"


@click.command()
@click.option("--url", metavar="URL", help="The gateway, or unix:/PATH. Default: where the configured one listens.")
@click.option("--key", metavar="KEY", help="One of its keys. Default: the configured one, without --url.")
@click.option("--once", is_flag=True, help="Print what was counted since the gateway was started, and end.")
@config_option
def command(*, url: str | None, key: str | None, once: bool, config: Path | None) -> None:
    """Watch a running gateway.

    It reads the gateway's /metrics once a second, and shows what has happened in between: rates, latencies and breakers
    of routes and targets. q or Ctrl-C ends it. Without a terminal it prints what was counted since the gateway was
    started, and ends.
    """
    settings = load(config, run=run_none if key or url else run_all)
    keys = settings.gateway.api_keys
    # The configured key is for the configured gateway, and goes nowhere else.
    shown = key or (keys[0] if keys and url is None else "")
    place = url or (address(settings) if first_port(settings.gateway) else str(places(settings.gateway)[0]))

    def look() -> Scrape:
        return fetch(place, shown, time.monotonic())

    first = look()
    if once or not is_able(sys.stdout) or find_spec("rich") is None:
        say(overview(first, None, clock=time.time(), width=width()))
    else:
        _watch(place, look, first)


def _watch(place: str, look: Callable[[], Scrape], first: Scrape) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    before, now, clock, said = None, first, time.time(), ""

    def again() -> None:
        console.set_alt_screen()
        console.show_cursor(False)

    with left_as_found(SCREEN), silent(again), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            shown = overview(now, before, clock=clock, width=console.width)
            lines = [f"{place}  ({LAST})", *([said] if said else []), shown]
            live.update(Text(harmless("\n".join(lines)), no_wrap=True, overflow="ellipsis"), refresh=True)
            if _ends_within(PERIOD):
                return
            try:
                before, now, clock, said = now, look(), time.time(), ""
            except DragomanError as exc:  # it may be started again
                said = f"{exc.message}; what was last seen:"


def _ends_within(seconds: float) -> bool:
    """Waits so long; True as soon as q is pressed."""
    if not QUIETS or not is_terminal(sys.stdin):
        time.sleep(seconds)
        return False
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0]:
            pressed = os.read(sys.stdin.fileno(), 100)
            if not pressed or b"q" in pressed.lower():
                return True
    return False
