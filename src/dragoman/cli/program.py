"""The table of commands, each loaded when it is used, and the edge where errors become exit codes."""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from shlex import join
from typing import Any

import click
from click.shell_completion import CompletionItem
from msgspec import Struct

from dragoman import __version__
from dragoman.cli.exits import MEANINGS, Exit, exit_code
from dragoman.cli.failure import tell_failure
from dragoman.cli.options import config_option
from dragoman.cli.terminal.output import complain, forgiving, leave_pipe, open_standard
from dragoman.cli.terminal.restored import left_as_found
from dragoman.error_words import cut, nearest
from dragoman.errors import DragomanError


class CommandRow(Struct, frozen=True):
    """A command's module, and what it does in one sentence, so that the list of commands imports none of them."""

    module: str
    help: str


COMMANDS: dict[str, CommandRow] = {
    "ask": CommandRow("dragoman.cli.commands.ask", "Ask one question and print the answer."),
    "chat": CommandRow("dragoman.cli.commands.chat", "Talk with a model."),
    "init": CommandRow("dragoman.cli.commands.init", "Write a configuration of what is found here."),
    "models": CommandRow("dragoman.cli.commands.models", "List the models that can be named."),
    "providers": CommandRow("dragoman.cli.commands.providers", "List the services: built in, and configured."),
    "templates": CommandRow("dragoman.cli.commands.templates", "Keep questions that are asked again and again."),
    "history": CommandRow("dragoman.cli.commands.history", "Look at the conversations that are kept."),
    "explain": CommandRow("dragoman.cli.commands.explain", "Say what would become of a request, and ask nobody."),
    "run": CommandRow("dragoman.cli.commands.run", "Run a coding agent on any model."),
    "serve": CommandRow("dragoman.cli.commands.serve", "Run the gateway."),
    "check": CommandRow("dragoman.cli.commands.check", "Say every mistake of a configuration, and call nobody."),
    "top": CommandRow("dragoman.cli.commands.top", "Watch a running gateway."),
    "doctor": CommandRow("dragoman.cli.commands.doctor", "Try every configured service, and say what is wrong."),
    "trust": CommandRow("dragoman.cli.commands.trust", "Use a configuration that lies in a working directory."),
    "import": CommandRow("dragoman.cli.commands.import_config", "Take over the configuration of another program."),
    "completion": CommandRow("dragoman.cli.commands.completion", "Print the shell's completion script."),
}


UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What a write to stdout fails with if its file takes no more, or if it is closed. The error of any other file names
it."""

OTHER_NAMES = {"list": "models", "logs": "history", "ls": "models", "prompt": "ask"}
"""What other programs call a command, and no word that is spelt alike, to ours."""

SHOWN = 60
"""Characters of what was typed that a hint repeats."""


class Program(click.Group):
    """A group whose commands are modules, each with a `command`, imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(entry.module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = nearest(OTHER_NAMES.get(args[0], args[0]), COMMANDS)
            if not hint or len(args) > 1:
                hint += f"{' To' if hint else '; to'} ask a model: dragoman ask {cut(join(args), SHOWN)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), meaning) for code, meaning in MEANINGS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [
            CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # --help and --version print here.
        typed = list(args)
        try:
            with _readerless():
                return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            ask = self.get_command(ctx, "ask")
            if ask is None or all(exc.option_name not in parameter.opts for parameter in ask.params):
                raise
            hint = f"options stand after a command: dragoman ask {cut(join(typed), SHOWN)}"
            raise click.UsageError(hint, ctx) from exc

    def invoke(self, ctx: click.Context) -> Any:
        with _readerless():
            return super().invoke(ctx)


@contextmanager
def _readerless() -> Iterator[None]:
    """Ends the run as shells know a writer without a reader, by 128 + SIGPIPE; click would end it with 1."""
    try:
        yield
    except BrokenPipeError as exc:
        leave_pipe()
        raise click.exceptions.Exit(Exit.PIPE) from exc


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="dragoman %(version)s")
@config_option
def program(config: Path | None) -> None:
    """One command for every chat service, whatever protocol it speaks.

    Without any configuration a small offline model answers; dragoman.toml, in the user's configuration folder or here
    if the user trusts it, names services and models.
    """


def main() -> None:
    """Runs the command that the process was called with, and exits."""
    open_standard()
    try:
        with left_as_found():
            code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.excepthook = _in_silence
        raise
    sys.exit(code)


def _in_silence(*_: object) -> None:
    """In place of a traceback. Python then ends the process by the signal: what a shell sees is 130, and it also ends
    the loop or script that runs us, which it would go on with after an exit: https://www.cons.org/cracauer/sigint.html
    """


def run(arguments: list[str]) -> int:
    """The exit code of one run; its errors are on stderr, a line each. Raises KeyboardInterrupt."""
    forgiving()
    try:
        code = program.main(arguments, prog_name="dragoman", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        exc.show()
        return Exit.USAGE
    except click.UsageError as exc:
        complain(f"{exc.format_message()}{_see(exc.ctx)}")
        return Exit.USAGE
    except click.ClickException as exc:
        complain(exc.format_message())
        return exc.exit_code
    except click.Abort as exc:
        if isinstance(exc.__context__, KeyboardInterrupt):
            raise exc.__context__ from None
        return Exit.INTERRUPTED
    except DragomanError as exc:
        tell_failure(exc)
        return exit_code(exc)
    except Exception as exc:  # noqa: BLE001  # the process edge: a bug of ours is reported in a line as well
        if isinstance(exc, OSError) and exc.filename is not None:
            complain(f"{exc.filename} cannot be used: {exc.strerror}")
        elif isinstance(exc, OSError) and exc.errno in UNWRITABLE:
            complain(f"the output cannot be written: {exc.strerror}")
            leave_pipe()
        else:
            complain(f"internal error: {type(exc).__name__}: {exc} (at {_place(exc)})")
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.OK


def _see(ctx: click.Context | None) -> str:
    return f" (see {ctx.command_path} --help)" if ctx is not None else ""


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
