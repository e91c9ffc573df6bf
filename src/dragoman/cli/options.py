"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])

LIST = "list"
"""The command of a `ListingGroup` that is run if none is named."""


class ListingGroup(click.Group):
    """Commands of a command, of which `list` is run if none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wants_help = args[:1] and args[0] in ctx.help_option_names
        # While a word is completed, it is not among the arguments yet: it may be a command's name.
        is_none_named = not args and not ctx.resilient_parsing
        if is_none_named or (args[:1] and args[0].startswith("-") and not wants_help):
            args = [LIST, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if not incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        listing = self.commands[LIST]
        return listing.shell_complete(click.Context(listing, parent=ctx), incomplete)


class Utf8Text(click.types.StringParamType):
    """A text as UTF-8, whatever the locale: Python keeps bytes that the locale has not as lone surrogates."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(value).encode(errors="surrogateescape").decode()
        except UnicodeError as exc:
            named = param.opts[-1] if isinstance(param, click.Option) else f"the {param.name if param else 'text'}"
            raise click.UsageError(f"expected UTF-8 in {named}, got other bytes", ctx) from exc


UTF8 = Utf8Text()


class WholeNumber(click.IntRange):
    """A whole number within limits. Its name stands in errors, where click's own is "integer range"."""

    name = "whole number"


class Seconds(click.FloatRange):
    """A number of seconds within limits."""

    name = "number of seconds"


class UserPath(click.Path):
    """A path, whose `~` is the user's home: no shell puts that in its place in `--output=~/FILE`."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not os.fspath(value):  # a variable of a script that is not set; pathlib takes it for the working directory
            self.fail("expected a path, got empty text", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            return path.expanduser()
        except RuntimeError:
            self.fail(f"{path}: whose home is that?", param, ctx)


PATH = UserPath()


def completed_file(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Lets the shell complete the name of a file, for an option whose value may be something else too."""
    return [CompletionItem(incomplete, type="file")]


def _nearest(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    """The command's own file, else the one that was named before the command."""
    return value or ctx.find_root().params.get("config")


def config_option(command: Command) -> Command:
    """`--config FILE`, before the command or after it."""
    return click.option(
        "--config",
        type=PATH,
        metavar="FILE",
        callback=_nearest,
        help="Read this configuration instead of looking for dragoman.toml.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def model_option(command: Command) -> Command:
    """`-m NAME`, empty for the default, completed with the known names."""
    return click.option(
        "-m",
        "--model",
        default="",
        metavar="NAME",
        shell_complete=_models,
        help="The model: a route's name, or PROVIDER/MODEL. Default: the configured one; offline/eliza, if none is.",
    )(command)


def system_option(command: Command) -> Command:
    """`-s TEXT`."""
    return click.option("-s", "--system", type=UTF8, metavar="TEXT", help="A system message before the conversation.")(
        command
    )


def kept_options(command: Command) -> Command:
    """`-c`, as `go_on`; `--conversation N`; and `--save`, None for what is configured."""
    for option in (
        click.option(
            "--save/--no-save",
            default=None,
            help="Keep the conversation, or do not. Default: as configured (cli.save).",
        ),
        click.option(
            "--conversation", type=WholeNumber(1), metavar="N", help="Go on with this one (see dragoman history)."
        ),
        click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the last conversation."),
    ):
        command = option(command)
    return command


def attach_option(help_: str) -> Callable[[Command], Command]:
    """`-a FILE`, several times."""
    return click.option("-a", "--attach", multiple=True, metavar="FILE", shell_complete=completed_file, help=help_)


def setting_options(command: Command) -> Command:
    """`-t NAME`, None without one; `-p NAME VALUE`, as `params`, and `-o NAME VALUE`, as `options`, several times."""
    for option in (
        click.option(
            "-o",
            "--option",
            "options",
            multiple=True,
            type=(UTF8, UTF8),
            help="A setting of the request, as temperature 0.2.",
        ),
        click.option("-p", "--param", "params", multiple=True, type=(UTF8, UTF8), help="A variable of the template."),
        click.option(
            "-t", "--template", metavar="NAME", shell_complete=_templates, help="A template (dragoman templates)."
        ),
    ):
        command = option(command)
    return command


def tool_options(command: Command) -> Command:
    """`--tool NAME`, several times, and `--max-turns N`, None for the default."""
    turns = click.option(
        "--max-turns",
        type=WholeNumber(1),
        metavar="N",
        help="With tools: the most answers to a question.  [default: 10]",
    )
    tool = click.option(
        "--tool",
        "tools",
        multiple=True,
        metavar="MODULE[:FUNCTION]",
        help="A Python function that the model may call; of a module, all with docstrings and types.",
    )
    return tool(turns(command))


def _templates(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    # Imported here as the client below: most commands know no templates.
    from dragoman.cli.templates import completed

    return completed(ctx, param, incomplete)


def _models(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    # Imported here, because every command imports this file, but only completion needs the client.
    from dragoman.cli.model_names import known_models

    return [name for name in known_models(ctx.params.get("config")) if name.startswith(incomplete)]
