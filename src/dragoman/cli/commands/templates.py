"""`dragoman templates`: questions that are asked again and again."""

import click

from dragoman.cli import templates
from dragoman.cli.conversation.editor import edit
from dragoman.cli.files import read, write
from dragoman.cli.options import ListingGroup, json_option
from dragoman.cli.terminal.output import say, say_json, tell, width
from dragoman.cli.terminal.table import fitted_table
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError

HEAD = ("name", "variables", "prompt")
SHOWN = 60
"""Characters of a prompt in the list."""


@click.group(cls=ListingGroup)
def command() -> None:
    """Keep questions that are asked again and again.

    A template is a file NAME.toml in the folder `templates` beside your own dragoman.toml (~/.config/dragoman), with
    `system`, `prompt`, `model`, `schema` and tables of `options` and `defaults`, all of them optional. $input in it is
    the question of `dragoman ask -t NAME`, or each message of `dragoman chat -t NAME`; $WORD what -p WORD VALUE gives.

    Without a command, lists them.
    """


@command.command("list")
@json_option
def list_templates(as_json: bool) -> None:
    """List the templates."""
    rows: list[tuple[str, list[str], str]] = []
    for name in templates.names():
        try:
            found = templates.find(name)
            rows.append((name, found.variables, found.prompt or found.system))
        except InvalidRequestError as exc:
            rows.append((name, [], f"({exc.message})"))
    if as_json:
        say_json({"templates": [dict(zip(HEAD, row, strict=True)) for row in rows]})
    elif rows:
        say(fitted_table(HEAD, [(name, " ".join(words), cut(text, SHOWN)) for name, words, text in rows], width()))
    else:
        tell(f"there is no template yet: `dragoman templates edit NAME` makes one in {templates.folder()}")


@command.command()
@click.argument("name", shell_complete=templates.completed)
def show(name: str) -> None:
    """Show a template's file."""
    templates.find(name)
    say(read(templates.path_of(name)).decode().rstrip("\n"))


@command.command("edit")
@click.argument("name", shell_complete=templates.completed)
def edit_template(name: str) -> None:
    """Write a template in $VISUAL or $EDITOR; a new one begins with an example."""
    path = templates.path_of(name)
    before = read(path, templates.LARGEST).decode(errors="replace") if path.exists() else templates.SKELETON
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # before anything is written that would be lost
    text = edit(before, suffix=".toml")
    write(path, f"{text}\n".encode())
    templates.find(name)
    tell(f"{path} is written: dragoman ask -t {name} …")
