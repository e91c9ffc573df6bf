"""`dragoman chat`: a conversation."""

import asyncio
import sys
from pathlib import Path

import click

from dragoman.cli import attachments, templates
from dragoman.cli.attachments import STDIN
from dragoman.cli.conversation.completion import LineWords
from dragoman.cli.conversation.kept import Keeper
from dragoman.cli.conversation.line_input import Lines, PlainLines, typed
from dragoman.cli.conversation.record import Record
from dragoman.cli.conversation.slash import ChatSession, run_command
from dragoman.cli.exits import Exit, exit_code
from dragoman.cli.failure import tell_failure
from dragoman.cli.init_offer import offer_init
from dragoman.cli.loop import run_in
from dragoman.cli.options import (
    UTF8,
    attach_option,
    config_option,
    kept_options,
    model_option,
    setting_options,
    system_option,
    tool_options,
)
from dragoman.cli.settings import check, settings
from dragoman.cli.terminal.display import Display, PlainPage
from dragoman.cli.terminal.keyboard import silent
from dragoman.cli.terminal.output import is_able, is_terminal, remark
from dragoman.cli.terminal.render import tell_answer, tell_run
from dragoman.cli.terminal.spinner import Waiting
from dragoman.cli.tools import load_tools
from dragoman.client import Client
from dragoman.client.run import MAX_TURNS
from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.types import Message

NOT_KEPT = "(without an answer in words, the question is not kept; /retry asks it again)"
"""What is attached to it goes with /retry, too, and not with the next message."""


@click.command()
@click.argument("question", nargs=-1, type=UTF8, metavar="[QUESTION]...")
@model_option
@system_option
@attach_option("A picture, PDF, sound or text, for the first message.")
@setting_options
@tool_options
@kept_options
@click.option("--plain", is_flag=True, help="Show answers as they are written, not drawn as Markdown.")
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    question: tuple[str, ...],
    model: str,
    system: str | None,
    attach: tuple[str, ...],
    template: str | None,
    params: tuple[tuple[str, str], ...],
    options: tuple[tuple[str, str], ...],
    tools: tuple[str, ...],
    max_turns: int | None,
    go_on: bool,
    conversation: int | None,
    save: bool | None,
    plain: bool,
    config: Path | None,
) -> int:
    """Talk with a model.

    QUESTION, one word or many, is the first message.

    Enter sends a message; Alt-Enter, or a backslash at a line's end, goes on in the next line, and pasted lines are one
    message. A line that begins with / is for the program: /help lists what it understands, // begins a message with a
    slash. Tab completes, Ctrl-R searches what was typed before (~/.local/state/dragoman/history, to which nothing is
    added with --no-save). Ctrl-C stops the answer (what came of it stays in the conversation), Ctrl-D leaves.

    A -o is a setting of each request, as in `dragoman ask`; /set changes them. Of a template the prompt stands around
    each message, or above it.

    A --tool is imported, from the working directory first, and is run here whenever the model calls it; each call is
    shown. Other functions are tools only if they are named with /tools.

    On a terminal answers are drawn as Markdown. From a pipe every line is answered in plain text, and the first error
    ends it. So it is on a terminal without the extra `cli`, or one that can only print lines.
    """
    if STDIN in (*attach, " ".join(question)):
        raise click.UsageError("stdin is what is typed: it can be neither the question nor attached", ctx)
    values = dict(params)
    used = templates.chosen(template, values)
    filled = templates.fill(used, "", values)
    if not system and templates.asks_in(used.system):
        raise InvalidRequestError("the template has $input in its system message, of which a conversation has but one")
    client = Client(config)
    if model := model or used.model:
        client.handler(model)
    keeper = Keeper(client.config.cli, save)
    system = system or filled.system or None
    talk = keeper.begin(model, system, conversation, go_on=go_on, default=client.default_model)
    functions = load_tools(tools)
    own = settings(used, options, None, functions)
    check(own, functions)
    desk = ChatSession(
        client,
        talk,
        keeper,
        plain,
        functions,
        max_turns or MAX_TURNS,
        options=own,
        fill=lambda text: templates.fill(used, text, values).question,
        message=" ".join(question).strip(),
        asked=talk.last_question(),
        attached=[attachments.attach(name) for name in attach],
    )
    with asyncio.Runner() as runner:
        try:
            return Chat(desk, _lines(desk, runner), runner).run()
        finally:
            runner.run(client.aclose())


def _lines(desk: ChatSession, runner: asyncio.Runner) -> Lines:
    """Edited lines on a terminal that can draw them; else lines as they come."""
    if not (is_terminal(sys.stdin) and is_able(sys.stdout)):
        return PlainLines()
    try:
        from dragoman.cli.conversation.prompt_lines import PromptLines
    except ImportError:
        return PlainLines()
    return PromptLines(runner, LineWords(desk.client).words, save=desk.keeper.saves)


class Chat:
    """Reads lines and sends them to the model. On a terminal, neither an error nor Ctrl-C ends it."""

    def __init__(self, desk: ChatSession, lines: Lines, runner: asyncio.Runner) -> None:
        self._desk = desk
        self._lines = lines
        self._runner = runner
        self._watched = is_terminal(sys.stdin)

    def run(self) -> int:
        """The exit code."""
        if self._watched:
            model = self._desk.conversation.model or "no model is the default, /model NAME chooses one"
            remark(f"{model}: /help lists the commands, Ctrl-D leaves")
            if self._desk.keeper.resumed:
                remark(f"goes on with {self._desk.keeper.resumed}")
            offer_init(self._desk.client, self._desk.conversation.model)
        while not self._desk.leaving:
            try:
                self._say()
                line = self._lines.read()
                if line is None:
                    break
                self._turn(line)
            except KeyboardInterrupt:
                if not self._watched:
                    raise
                remark("\n(Ctrl-D or /exit leaves)")
            except DragomanError as exc:
                tell_failure(exc)
                if not self._watched:
                    return exit_code(exc)
        return Exit.OK

    def _turn(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            run_command(self._desk, line)
        elif line.strip():
            self._ask(line.removeprefix("/") if line.startswith("//") else line)

    def _say(self) -> None:
        """Sends the message to the model that a command has left, or the command line."""
        desk = self._desk
        message, desk.message = desk.message, ""
        again, desk.again = desk.again, False
        if message:
            self._lines.remember(message)
            self._ask(message)
        elif again and desk.asked is not None:
            before = list(desk.conversation.messages)
            desk.conversation.take_back(desk.asked)
            left = len(desk.conversation.messages)
            try:
                kept = self._answer(desk.asked)
            finally:
                if len(desk.conversation.messages) == left:  # no new answer has come in place of the old one
                    desk.conversation.messages = before
            if not kept:
                remark(NOT_KEPT if left == len(before) else "(the answer that was there stays)")

    def _ask(self, text: str) -> None:
        desk = self._desk
        message = attachments.question(desk.fill(typed(text)), desk.attached)
        desk.attached.clear()
        if not self._answer(message):
            remark(NOT_KEPT)

    def _answer(self, message: Message) -> bool:
        """Asks, shows the answer, and says whether it was kept. On a terminal a failure is shown, else raised."""
        desk, record, waiting = self._desk, Record(), Waiting("waiting for an answer")
        desk.asked = message
        request = desk.conversation.request(message, desk.options)
        page, failed = _page(waiting, plain=desk.plain), False
        if desk.tools:
            run = desk.client.run(
                request.model, request.messages, max_turns=desk.max_turns, tools=desk.tools, **desk.options
            )
            telling = tell_run(run, page, waiting, record)
        else:
            telling = tell_answer(desk.client, request, page, waiting, record)
        try:
            with silent(page.resume):
                run_in(self._runner, telling)
        except KeyboardInterrupt:
            if not self._watched:
                raise
            remark("(stopped)")
        except DragomanError as exc:
            if not self._watched:
                raise
            failed = True
            tell_failure(exc)
        finally:
            kept = desk.conversation.keep(message, record)
            if kept:
                desk.keeper.keep(desk.conversation, record.response().usage)
        if self._watched and is_terminal(sys.stdout) and not failed:
            print(flush=True)
        return kept


def _page(waiting: Waiting, *, plain: bool) -> Display:
    if plain or not is_able(sys.stdout):
        return PlainPage(waiting)
    try:
        from dragoman.cli.terminal.markdown_display import MarkdownPage
    except ImportError:
        return PlainPage(waiting)
    return MarkdownPage(waiting)
