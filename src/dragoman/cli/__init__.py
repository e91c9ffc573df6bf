"""Words on a terminal: the command `dragoman`, one command a file."""

from dragoman.cli.program import main

__all__ = ["main"]
