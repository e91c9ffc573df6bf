"""`dragoman trust`: a configuration of a working directory is used from now on, as it is."""

import os
from pathlib import Path

import click

from dragoman.cli.options import PATH
from dragoman.cli.terminal.output import say, tell
from dragoman.config import NAME
from dragoman.config.file import ConfigFile, read_file
from dragoman.config.trust import Trust
from dragoman.errors import ConfigurationError


@click.command()
@click.argument("path", type=PATH, required=False, metavar="[PATH]")
@click.option("--revoke", is_flag=True, help="Trust it no more.")
def command(path: Path | None, revoke: bool) -> None:
    """Use a configuration that lies in a working directory.

    PATH is the file, or its folder; without it, dragoman.toml here. Read it first: it says which hosts get your keys
    and your questions, and it may name programs that run as you. It is used, in its folder, as long as it stays as it
    is; once it has changed, it must be trusted again. A file that is named with --config, or lies in your own
    configuration folder, needs no trust.
    """
    path = path or Path(NAME)
    if path.is_dir():
        path /= NAME
    trust = Trust(os.environ)
    if revoke:
        say(f"{path}: {'trusted no more' if trust.revoke(path) else 'was not trusted'}")
        return
    file = _found(path)
    trust.keep(file)
    say(f"{path}: trusted, as long as it stays as it is")
    if file.writable:
        tell("Others may write this file or its folder; what they change is not used until you trust it again.")


def _found(path: Path) -> ConfigFile:
    if path.name != NAME:
        raise ConfigurationError(f"{path}: expected a file of the name {NAME}; any other is named with --config")
    file = read_file(path, str(path))
    if file is None:
        raise ConfigurationError(f"{path}: expected a configuration file, got none")
    return file
