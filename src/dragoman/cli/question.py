"""What is asked: words, stdin, or both."""

import select
import sys

import click

from dragoman.cli.files import not_utf8, read_stdin
from dragoman.cli.terminal.output import is_terminal, remark

STDIN = "-"
"""The word that means stdin, if it is the only word."""

PATIENCE = 1.0
"""Seconds of silence on stdin until a note is shown: a program that starts slowly needs none."""


def read_question(words: tuple[str, ...], *, needed: bool = True, stdin_is_taken: bool = False) -> str:
    """The words, a blank line, and what stdin holds without its last line feeds; each if it is there.

    `needed`: without any, click.UsageError is raised, as it is if stdin is not UTF-8. `stdin_is_taken`: it is
    not read, because it is something else.
    """
    alone = words == (STDIN,)
    if alone and stdin_is_taken:
        raise click.UsageError("stdin is either the question or an attachment", click.get_current_context())
    said = "" if alone else " ".join(words)
    parts = [part for part in (said, "" if stdin_is_taken else _stdin(asked=alone)) if part.strip()]
    if not parts and needed:
        raise click.UsageError("there is no question: give one as an argument or on stdin", click.get_current_context())
    return "\n\n".join(parts)


def _stdin(*, asked: bool) -> str:
    """What stdin holds; nothing of a terminal's, unless it was asked for."""
    if sys.stdin is None or (is_terminal(sys.stdin) and not asked):
        return ""
    note_silence()
    try:
        return read_stdin().decode().rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise click.UsageError(f"{not_utf8(exc)}; -a - attaches what is no text", click.get_current_context()) from exc


def note_silence() -> None:
    """Says that stdin is read, if nothing comes from it: who did not mean that would wait for an answer."""
    if _is_silent():
        remark("reading stdin …; Ctrl-D ends it, </dev/null leaves it out")


def _is_silent() -> bool:
    """Whether nothing comes for a while although stdin is open: some programs leave a pipe open by mistake."""
    if sys.platform == "win32":  # Windows can wait so only for sockets
        return False
    ready, _, _ = select.select([sys.stdin], [], [], PATIENCE)
    return not ready
