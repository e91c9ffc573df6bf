"""`dragoman ask`: one question, one answer."""

from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict, replace

from dragoman.cli.exits import Exit, exit_code
from dragoman.cli.loop import run
from dragoman.cli.options import config_option, json_option, model_option, system_option
from dragoman.cli.output import complain, say
from dragoman.cli.page import BlankPage, Page, PlainPage
from dragoman.cli.question import read_question
from dragoman.cli.record import Record
from dragoman.cli.telling import Teller, tell_answer
from dragoman.cli.waiting import Waiting
from dragoman.client import Client
from dragoman.errors import DragomanError
from dragoman.types import ChatRequest, Reasoning, Refusal, unfold, user
from dragoman.types import system as system_message
from dragoman.wire.json import encode


@click.command()
@click.argument("question", required=False)
@model_option
@system_option
@json_option
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@config_option
def command(
    *, question: str | None, model: str, system: str | None, as_json: bool, no_stream: bool, config: Path | None
) -> int:
    """Ask one question and print the answer.

    QUESTION is the question; text on stdin is put behind it, after a blank line, or is the question itself.

    Stdout carries the answer alone: exactly its bytes when it is no terminal, with a line feed at the end if it has
    none. Reasoning is shown on a terminal only; everything else goes to stderr.
    """
    turns = ([system_message(system)] if system else []) + [user(read_question(question))]
    request = ChatRequest(model=model, messages=tuple(turns))
    return run(_ask(config, request, at_once=not no_stream, as_json=as_json))


async def _ask(config: Path | None, request: ChatRequest, *, at_once: bool, as_json: bool) -> int:
    waiting, record = Waiting("waiting for an answer"), Record()
    page: Page = PlainPage(waiting) if at_once and not as_json else BlankPage(waiting)
    error: DragomanError | None = None
    try:
        async with Client(config) as client:
            request = replace(request, model=request.model or client.default_model)
            await tell_answer(client, request, page, waiting, record)
    except DragomanError as exc:
        error = exc
    if as_json:
        say(encode(_object(record, request.model, error)).decode())
    elif not at_once:
        _print(record)
    if error is None:
        return Exit.OK
    complain(str(error))
    return exit_code(error)


def _print(record: Record) -> None:
    """The answer at once, as far as it came."""
    whole, page = record.whole, PlainPage(Waiting(""))
    events = unfold(record.response())
    Teller(page).feed(events if whole else events[:-1])
    page.close()


def _object(record: Record, model: str, error: DragomanError | None) -> dict[str, Any]:
    """The answer as `--json` prints it: of one that broke off what came, without a finish reason."""
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
        "losses": answer.losses,
        "error": _error(error) if error else None,
    }


def _error(error: DragomanError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "status": error.status,
        "retryable": error.retryable,
        "provider": error.provider,
    }
