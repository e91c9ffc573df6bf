"""`dragoman ask`: one question, one answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict, replace

from dragoman.cli.complaints import complaint
from dragoman.cli.conversation.fences import blocks
from dragoman.cli.conversation.record import Record
from dragoman.cli.exits import Exit, exit_code
from dragoman.cli.loop import run
from dragoman.cli.options import config_option, json_option, model_option, system_option
from dragoman.cli.question import read_question
from dragoman.cli.terminal.display import BlankPage, PlainPage
from dragoman.cli.terminal.output import Out, complain, say
from dragoman.cli.terminal.render import AnswerRenderer, tell_answer
from dragoman.cli.terminal.spinner import Waiting
from dragoman.client import Client
from dragoman.errors import DragomanError
from dragoman.types import ChatRequest, Reasoning, Refusal, names, unfold, user
from dragoman.types import system as system_message
from dragoman.wire.json import encode


@click.command()
@click.argument("question", nargs=-1, metavar="[QUESTION]...")
@model_option
@system_option
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
    as_json: bool,
    no_stream: bool,
    extract: bool,
    config: Path | None,
) -> int:
    """Ask one question and print the answer.

    QUESTION is the question, one word or many; text on stdin is added to it, after a blank line, or is the question
    itself. A lone - is stdin.

    Stdout carries the answer alone: exactly its bytes when it is no terminal, with a line feed at the end if it has
    none. Reasoning is shown on a terminal only; everything else goes to stderr.
    """
    if as_json and extract:
        raise click.UsageError("--json and --extract cannot be given together", ctx)
    turns = ([system_message(system)] if system else []) + [user(read_question(question))]
    request = ChatRequest(model=model, messages=tuple(turns))
    if as_json:
        return run(_ask(config, request, BlankPage, _print_json))
    if extract:
        return run(_ask(config, request, BlankPage, _print_code))
    return run(_ask(config, request, BlankPage, _print) if no_stream else _ask(config, request, PlainPage, _printed))


Show = Callable[[Record, str, DragomanError | None], Exit]
"""Takes the record of an answer that has ended, and the model's name; returns the exit code of a good run."""


async def _ask(config: Path | None, request: ChatRequest, page: type[PlainPage | BlankPage], show: Show) -> int:
    waiting, record = Waiting("waiting for an answer"), Record()
    error: DragomanError | None = None
    try:
        async with Client(config) as client:
            request = replace(request, model=request.model or client.default_model)
            await tell_answer(client, request, page(waiting), waiting, record)
    except DragomanError as exc:
        error = exc
    code = show(record, request.model, error)
    if error is None:
        return code
    complain(complaint(error))
    return exit_code(error)


def _printed(_: Record, __: str, ___: DragomanError | None) -> Exit:
    return Exit.OK


def _print(record: Record, _: str, __: DragomanError | None) -> Exit:
    """The answer at once, as far as it came."""
    whole, page = record.whole, PlainPage(Waiting(""))
    events = unfold(record.response())
    AnswerRenderer(page).feed(events if whole else events[:-1])
    page.close()
    return Exit.OK


def _print_code(record: Record, _: str, error: DragomanError | None) -> Exit:
    """The first block of code, but only of a complete answer, because what is printed may be run."""
    if error is not None or not record.whole:
        return Exit.OK
    code = next(blocks(record.response().text), None)
    if code is None:
        complain("there is no block of code in the answer")
        return Exit.NO_CODE
    out = Out()
    out.write(code)
    out.end_line()
    return Exit.OK


def _print_json(record: Record, model: str, error: DragomanError | None) -> Exit:
    say(encode(_object(record, model, error)).decode())
    return Exit.OK


def _object(record: Record, model: str, error: DragomanError | None) -> dict[str, Any]:
    """The answer as `--json` prints it; if it broke off, what came, without a finish reason."""
    whole, answer = record.whole, record.response()
    return {
        "text": answer.text,
        "model": answer.model or model,
        "id": answer.id,
        "finish_reason": answer.finish_reason if whole else None,
        "native_finish_reason": answer.native_finish_reason,
        "usage": asdict(answer.usage) if answer.usage else None,
        "reasoning": "".join(part.text for part in answer.parts if isinstance(part, Reasoning)) or None,
        "refusal": "".join(part.text for part in answer.parts if isinstance(part, Refusal)) or None,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls],
        "parts": answer.parts,
        "losses": names(answer.losses),
        "error": _error(error) if error else None,
    }


def _error(error: DragomanError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "status": error.status,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
        "param": error.param,
        "provider": error.provider,
    }
