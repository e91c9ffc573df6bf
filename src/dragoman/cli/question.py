"""What is asked: an argument, stdin, or both."""

import sys

import click

from dragoman.cli.output import is_terminal


def read_question(argument: str | None) -> str:
    """The argument, a blank line, and what stdin holds without its last line feeds; each where it is there.

    Raises click.UsageError where neither says anything, or stdin is not UTF-8.
    """
    parts = [part for part in (argument, _stdin()) if part and part.strip()]
    if not parts:
        raise click.UsageError("there is no question: give one as an argument or on stdin", click.get_current_context())
    return "\n\n".join(parts)


def _stdin() -> str:
    if sys.stdin is None or is_terminal(sys.stdin):
        return ""
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError as exc:
        message = f"stdin is not UTF-8: the byte 0x{exc.object[exc.start]:02x} at {exc.start}"
        raise click.UsageError(message, click.get_current_context()) from exc
