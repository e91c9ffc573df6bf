"""`dragoman history`: the conversations that are kept."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from dragoman.cli.conversation.export import json_line, markdown, moment, when
from dragoman.cli.conversation.kept import LISTS, kept_path, open_kept
from dragoman.cli.files import has_content, write
from dragoman.cli.options import PATH, UTF8, ListingGroup, WholeNumber, config_option, json_option
from dragoman.cli.terminal.output import is_terminal, say, say_json, tell, width
from dragoman.cli.terminal.table import fitted_table
from dragoman.config import load
from dragoman.config.commands import run_none
from dragoman.errors import InvalidRequestError

if TYPE_CHECKING:
    from dragoman.store.conversations import Conversations, Heading, KeptTalk

LIMIT = 20
"""Conversations of a list: a page of a terminal."""

FORMS = {"markdown": markdown, "json": json_line}

limit_option = click.option(
    "-n", "--limit", type=WholeNumber(1), default=LIMIT, show_default=True, metavar="N", help="At most so many."
)


@click.group(cls=ListingGroup)
def command() -> None:
    """Look at the conversations that are kept.

    `ask` and `chat` keep them in one file of SQLite, ~/.local/share/dragoman/conversations.db if nothing else is
    configured (cli.conversations), which only you may read; cli.save and --no-save switch that off. `ask -c` and
    `chat -c` go on with the last one.

    Without a command, lists the newest.
    """


@command.command("list")
@limit_option
@json_option
@config_option
def list_newest(limit: int, as_json: bool, config: Path | None) -> None:
    """List the newest conversations."""
    with _opened(config) as kept:
        _print_list(kept.newest(limit) if kept else [], as_json=as_json)


@command.command()
@click.argument("terms", nargs=-1, type=UTF8, required=True, metavar="TEXT...")
@limit_option
@json_option
@config_option
def search(terms: tuple[str, ...], limit: int, as_json: bool, config: Path | None) -> None:
    """Find conversations by what was said in them.

    Lists those that have a message with every TEXT in it, in upper or lower case, and where; the newest first.
    """
    with _opened(config) as kept:
        _print_list(kept.search(terms, limit) if kept else [], as_json=as_json)


@command.command()
@click.argument("number", required=False, type=WholeNumber(1), metavar="[N]")
@json_option
@config_option
def show(number: int | None, as_json: bool, config: Path | None) -> None:
    """Show a conversation: the one with the number N, or the last one."""
    with _opened(config) as kept:
        found = _one(kept, number)
    say(json_line(found) if as_json else markdown(found))


@command.command()
@click.argument("numbers", nargs=-1, type=WholeNumber(1), metavar="[N]...")
@click.option("--all", "everything", is_flag=True, help="All conversations.")
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="markdown", show_default=True)
@click.option("-o", "--output", type=PATH, metavar="PATH", help="Write them there.")
@click.option("--force", is_flag=True, help="Write them even if PATH has something else.")
@config_option
@click.pass_context
def export(
    ctx: click.Context,
    *,
    numbers: tuple[int, ...],
    everything: bool,
    form: str,
    output: Path | None,
    force: bool,
    config: Path | None,
) -> None:
    """Write conversations as Markdown or JSON.

    JSON is a line for each conversation, which /load of `dragoman chat` reads.
    """
    if bool(numbers) == everything:
        raise click.UsageError("name conversations by their numbers, or take --all", ctx)
    if output is not None and not force and has_content(output):
        raise InvalidRequestError(f"{output} is there already: name another file, or replace it with --force")
    with _opened(config) as kept:
        if everything and kept:
            numbers = tuple(heading.id for heading in reversed(kept.newest(sys.maxsize)))
        texts = [FORMS[form](_one(kept, number)) for number in numbers]
    text = ("\n" if form == "json" else "\n\n").join(texts)
    if output is None:
        if text:
            say(text)
    else:
        write(output, f"{text}\n".encode() if text else b"")
        tell(f"{_count(len(texts))} written to {output}")


@command.command()
@click.argument("numbers", nargs=-1, type=WholeNumber(1), required=True, metavar="N...")
@config_option
def delete(numbers: tuple[int, ...], config: Path | None) -> None:
    """Delete conversations for good."""
    with _opened(config) as kept:
        for number in numbers:
            if kept is None or not kept.delete(number):
                raise _unknown(number)
            tell(f"conversation {number} is deleted")


@contextmanager
def _opened(config: Path | None) -> "Iterator[Conversations | None]":
    """The file; None if nothing is kept yet. Raises StoreError."""
    path = kept_path(load(config, run=run_none).cli)
    if not path.exists():
        yield None
        return
    with closing(open_kept(path)) as kept:
        yield kept


def _one(kept: "Conversations | None", number: int | None) -> "KeptTalk":
    found = None
    if kept is not None:
        found = kept.last() if number is None else kept.get(number)
    if found is None:
        raise _unknown(number) if number is not None else InvalidRequestError("no conversation is kept yet")
    return found


def _unknown(number: int) -> InvalidRequestError:
    return InvalidRequestError(f"there is no conversation {number}; {LISTS}")


def _print_list(headings: "Sequence[Heading]", *, as_json: bool) -> None:
    if as_json:
        say_json({"conversations": [_object(heading) for heading in headings]})
    elif headings:
        found = any(heading.excerpt is not None for heading in headings)
        head = ("number", "changed", "model", "messages", "found" if found else "begins with")
        rows = [
            (str(each.id), when(each.changed), each.model, str(each.count), each.excerpt or each.title)
            for each in headings
        ]
        say(fitted_table(head, rows, width()))
    elif is_terminal(sys.stderr):
        tell("no conversation was found")


def _object(heading: "Heading") -> dict[str, object]:
    return asdict(heading) | {"began": moment(heading.began), "changed": moment(heading.changed)}


def _count(number: int) -> str:
    return f"{number} conversation{'' if number == 1 else 's'}"
