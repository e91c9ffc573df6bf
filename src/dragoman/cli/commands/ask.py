"""`dragoman ask`: one question, one answer."""

from collections.abc import Callable
from pathlib import Path
from string import Template as Pattern
from typing import Any

import click
import msgspec
from msgspec import Struct

from dragoman.cli import attachments, templates
from dragoman.cli.answer_form import answer_form, schema_form
from dragoman.cli.answer_json import answer_object
from dragoman.cli.attachments import STDIN
from dragoman.cli.conversation.fences import blocks
from dragoman.cli.conversation.kept import Keeper
from dragoman.cli.conversation.record import Record
from dragoman.cli.exits import Exit, exit_code
from dragoman.cli.failure import tell_failure
from dragoman.cli.init_offer import offer_init
from dragoman.cli.loop import run
from dragoman.cli.options import (
    UTF8,
    completed_file,
    config_option,
    json_option,
    kept_options,
    model_option,
    system_option,
    tool_options,
)
from dragoman.cli.question import read_question
from dragoman.cli.templates import Template
from dragoman.cli.terminal.display import BlankPage, Display, PlainPage
from dragoman.cli.terminal.output import Out, complain, say_json
from dragoman.cli.terminal.render import AnswerRenderer, tell_answer, tell_run
from dragoman.cli.terminal.spinner import Waiting
from dragoman.cli.tools import load_tools
from dragoman.client import Client
from dragoman.client.functions import FunctionTool
from dragoman.client.run import MAX_TURNS
from dragoman.errors import DragomanError
from dragoman.types import Message, unfold


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked, of whom, and whether it is kept."""

    question: Message
    model: str
    system: str | None
    options: dict[str, Any]
    """Settings of the request, by the names that `Client.chat` takes."""
    tools: list[FunctionTool]
    max_turns: int
    config: Path | None
    go_on: bool
    conversation: int | None
    save: bool | None


class Result(Struct):
    """What has come of it. `error`: why there is no answer, or not all of it."""

    model: str
    record: Record
    error: DragomanError | None = None
    conversation: int | None = None


@click.command()
@click.argument("question", nargs=-1, type=UTF8, metavar="[QUESTION]...")
@model_option
@system_option
@click.option(
    "-a",
    "--attach",
    multiple=True,
    metavar="FILE",
    shell_complete=completed_file,
    help="A picture, PDF, sound or text; - is stdin.",
)
@click.option(
    "--schema",
    metavar="SCHEMA",
    shell_complete=completed_file,
    help="The answer is JSON: by the schema in a file, or with these fields, as 'name, age int'.",
)
@click.option(
    "-t", "--template", metavar="NAME", shell_complete=templates.completed, help="A template (dragoman templates)."
)
@click.option("-p", "--param", "params", multiple=True, type=(UTF8, UTF8), help="A variable of the template.")
@click.option(
    "-o", "--option", "options", multiple=True, type=(UTF8, UTF8), help="A setting of the request, as temperature 0.2."
)
@tool_options
@kept_options
@json_option
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@click.option("-x", "--extract", is_flag=True, help="Print the answer's first block of code, and nothing else.")
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    question: tuple[str, ...],
    model: str,
    system: str | None,
    attach: tuple[str, ...],
    schema: str | None,
    template: str | None,
    params: tuple[tuple[str, str], ...],
    options: tuple[tuple[str, str], ...],
    tools: tuple[str, ...],
    max_turns: int | None,
    go_on: bool,
    conversation: int | None,
    save: bool | None,
    as_json: bool,
    no_stream: bool,
    extract: bool,
    config: Path | None,
) -> int:
    """Ask one question and print the answer.

    QUESTION is the question, one word or many; text on stdin is added to it, after a blank line, or is the question
    itself. A lone - is stdin.

    The kind of an attached file is read from its bytes. The fields of a --schema have the types str, int, float and
    bool, and may be described: 'name, age int, note: one sentence'. A -o is one of the settings that Client.chat takes:
    temperature, max_tokens, top_p, seed, stop, reasoning_effort …

    A --tool is imported, from the working directory first, and is run here whenever the model calls it: each call is a
    line on stderr. What it raises is told to the model. No other function is a tool.

    Stdout carries the answer alone: exactly its bytes when it is no terminal, with a line feed at the end if it has
    none. Reasoning is shown on a terminal only; everything else goes to stderr.
    """
    if as_json and extract:
        raise click.UsageError("--json and --extract cannot be given together", ctx)
    if params and template is None:
        raise click.UsageError("-p is for a template: name one with -t", ctx)
    if max_turns is not None and not tools:
        raise click.UsageError("--max-turns is for tools: name one with --tool", ctx)
    if attach.count(STDIN) > 1:
        raise click.UsageError("stdin can be attached once", ctx)
    try:
        used = templates.find(template) if template is not None else Template()
        stdin_is_taken = STDIN in attach
        needed = not attach and not _asks_alone(used)
        text = read_question(question, needed=needed, stdin_is_taken=stdin_is_taken)
        filled = templates.fill(used, text, dict(params))
        settings = used.options | _options(options) | _form(used.schema or None if schema is None else schema)
        if tools and "tools" in settings:
            raise click.UsageError("tools are either those of --tool or those of the option `tools`", ctx)
        wanted = Wanted(
            question=attachments.question(filled.question, [attachments.attach(name) for name in attach]),
            model=model or used.model,
            system=system or filled.system or None,
            options=settings,
            tools=load_tools(tools),
            max_turns=max_turns or MAX_TURNS,
            config=config,
            go_on=go_on,
            conversation=conversation,
            save=save,
        )
    except DragomanError as exc:
        if as_json:
            _print_json(Result(model, Record(), exc))
        raise
    if as_json:
        return _ask(wanted, BlankPage, _print_json)
    if extract:
        return _ask(wanted, BlankPage, _print_code)
    return _ask(wanted, BlankPage, _print) if no_stream else _ask(wanted, PlainPage, _printed)


def _asks_alone(template: Template) -> bool:
    """Whether the template asks something even without a question."""
    return bool(template.prompt.strip()) and templates.INPUT not in Pattern(template.prompt).get_identifiers()


def _options(given: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Values as JSON, if they are JSON; else as text."""
    found: dict[str, Any] = {}
    for name, text in given:
        try:
            found[name] = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            found[name] = text
    return found


def _form(schema: str | dict[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {}
    return {"response_format": answer_form(schema) if isinstance(schema, str) else schema_form(schema)}


Show = Callable[[Result], Exit]
"""Shows what was not shown as it came; returns the exit code of a good run."""


def _ask(wanted: Wanted, page: Callable[[Waiting], Display], show: Show) -> int:
    result = Result(wanted.model, Record())
    try:
        with Asking(wanted, result) as asking:
            run(asking.answer(page))
    except DragomanError as exc:
        result.error = exc
    code = show(result)
    if result.error is None:
        return code
    tell_failure(result.error)
    return exit_code(result.error)


class Asking:
    """A question under way. What has come of the answer is kept in the end, even after Ctrl-C."""

    def __init__(self, wanted: Wanted, result: Result) -> None:
        self._wanted = wanted
        self._result = result
        self._client = Client(wanted.config)
        self._keeper = Keeper(self._client.config.cli, wanted.save)
        self._talk = self._keeper.begin(
            wanted.model,
            wanted.system,
            wanted.conversation,
            go_on=wanted.go_on,
            default=self._client.default_model,
        )
        result.model = self._talk.model

    def __enter__(self) -> "Asking":
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._talk.keep(self._wanted.question, self._result.record):
            usage = self._result.record.response().usage
            self._result.conversation = self._keeper.keep(self._talk, usage)

    async def answer(self, page: Callable[[Waiting], Display]) -> None:
        """Asks, and shows the answer on a page."""
        waiting = Waiting("waiting for an answer")
        if not self._wanted.model:
            offer_init(self._client, self._talk.model)
        async with self._client as client:
            wanted, record = self._wanted, self._result.record
            request = self._talk.request(wanted.question, wanted.options)
            if not wanted.tools:
                await tell_answer(client, request, page(waiting), waiting, record)
                return
            run = client.run(
                request.model, request.messages, max_turns=wanted.max_turns, tools=wanted.tools, **wanted.options
            )
            await tell_run(run, page(waiting), waiting, record)


def _printed(_: Result) -> Exit:
    return Exit.OK


def _print(result: Result) -> Exit:
    """The answer at once, as far as it came."""
    page, events = PlainPage(Waiting("")), unfold(result.record.response())
    AnswerRenderer(page).feed(events if result.record.whole else events[:-1])
    page.close()
    return Exit.OK


def _print_code(result: Result) -> Exit:
    """The first block of code, but only of a complete answer, because what is printed may be run."""
    if result.error is not None or not result.record.whole:
        return Exit.OK
    code = next(blocks(result.record.response().text), None)
    if code is None:
        complain("there is no block of code in the answer")
        return Exit.NO_CODE
    out = Out()
    out.write(code)
    out.end_line()
    return Exit.OK


def _print_json(result: Result) -> Exit:
    say_json(answer_object(result.record, result.model, result.error, result.conversation))
    return Exit.OK
