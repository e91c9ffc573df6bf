"""`dragoman hello`: says hello."""

import click

from dragoman.cli.terminal.output import say


@click.command()
@click.argument("name")
def command(name: str) -> None:
    """Say hello."""
    say(f"Hello, {name}.")
