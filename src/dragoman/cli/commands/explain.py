"""`dragoman explain`: what would become of a request. Asks nobody."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import click
import msgspec

from dragoman.cli.complaints import complaint
from dragoman.cli.exits import Exit
from dragoman.cli.files import read_stdin, read_text
from dragoman.cli.options import PATH, UTF8, config_option, json_option, model_option
from dragoman.cli.question import note_silence
from dragoman.cli.terminal.output import Out, complain, dim, is_terminal, say_json, width
from dragoman.cli.terminal.table import fitted_table
from dragoman.client import Client
from dragoman.client.explain import at_once, explain_chat, here
from dragoman.client.explanation import Carried, Explanation, body_text, known_facts, plain
from dragoman.config import load
from dragoman.config.commands import run_none
from dragoman.error_words import cut, nearest
from dragoman.gateway.fronts.catalogue import path_table
from dragoman.gateway.fronts.explain import Wanted, explain_at, request_to
from dragoman.gateway.fronts.table import PathTable, filled
from dragoman.protocols.openai_chat import NAME as OPENAI_CHAT
from dragoman.types import ChatRequest, HttpRequest, user
from dragoman.wire.json import encode

STDIN = Path("-")
"""The name of a file that means stdin."""

MANY = 4
"""Entries of a list that are shown."""
SHOWN = 20_000
"""Characters of a body that are shown: a few screens. `--json` has all."""

CARRIED: dict[Carried, str] = {
    "relayed": "relayed: the caller's bytes pass as they are",
    "translated": "translated",
    "own": "answered by the provider itself, without a request",
}


@click.command()
@click.argument("question", nargs=-1, type=UTF8, metavar="[QUESTION]...")
@model_option
@click.option("-f", "--file", type=PATH, metavar="FILE", help="A request's body; - is stdin.")
@click.option("--protocol", metavar="NAME", help=f"The protocol of that body.  [default: {OPENAI_CHAT}]")
@click.option("--path", metavar="PATH", help="Where that body was sent, in place of --protocol: /v1/chat/completions.")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of that request.")
@json_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    question: tuple[str, ...],
    model: str,
    file: Path | None,
    protocol: str | None,
    path: str | None,
    headers: tuple[str, ...],
    as_json: bool,
    config: Path | None,
) -> int:
    """Say what would become of a request, and ask nobody.

    The route, the targets, the one that is asked first, the bytes that it would be sent (with *** for each key), and
    what of the request is lost on the way. The request is the body that a program sends to the gateway, in FILE or on
    stdin; -m then asks another model than the body names. With a QUESTION it is the one that `dragoman ask` makes.

    Ends with 4 if the request would be refused.
    """
    sent = any(option is not None for option in (file, protocol, path)) or bool(headers)
    if question and sent:
        raise click.UsageError("a QUESTION has no file, protocol, path and headers: leave one out", ctx)
    if protocol is not None and path is not None:
        raise click.UsageError("--protocol and --path cannot be given together", ctx)
    client = Client(load(config, run=run_none))  # no credential is shown, and none is needed
    if question:
        asked = ChatRequest(model=model, messages=(user(" ".join(question)),))
        explanation = explain_chat(client, asked, monotonic())
    else:
        table = path_table(client)
        address = path or _path_of(ctx, table, protocol or OPENAI_CHAT, model or client.default_model)
        fields = dict(_header(ctx, header) for header in headers)
        call = request_to(address, fields, _body(ctx, file))
        # Whoever reads the configuration needs no password of it.
        wanted = Wanted(call, key_shown=True, model=model)
        explanation = at_once(explain_at(client, table, wanted, monotonic(), here))
    if as_json:
        say_json(plain(explanation))
    else:
        _show(explanation)
    if explanation.error is None:
        return Exit.OK
    complain(complaint(explanation.error))
    return Exit.REFUSED


def _body(ctx: click.Context, file: Path | None) -> bytes:
    if file is not None and file != STDIN:
        return read_text(file)
    body = b""
    if sys.stdin is not None and (file is not None or not is_terminal(sys.stdin)):
        note_silence()
        body = read_stdin()
    if not body.strip():
        raise click.UsageError("there is no request: give a QUESTION, a --file, or a body on stdin", ctx)
    return body


def _path_of(ctx: click.Context, table: PathTable, protocol: str, model: str) -> str:
    """The path at which a protocol's chats are answered, for `model` if that is in the path."""
    paths = table.chats()
    if protocol not in paths:
        hint = nearest(protocol, paths) or f"; there are {', '.join(paths)}"
        raise click.UsageError(f"there is no protocol {protocol!r}{hint}", ctx)
    found = filled(paths[protocol], model)
    if found != paths[protocol] and not model:
        raise click.UsageError(f"{protocol} has the model in its path: name one by -m, or give the --path", ctx)
    return found


def _header(ctx: click.Context, text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise click.UsageError(f"expected a header as NAME:VALUE, got {name!r}", ctx)
    return name.strip(), value.strip()


def _show(explanation: Explanation) -> None:
    out = Out()
    for heading, text in _chapters(explanation):
        if heading:
            title = f"\n{heading}\n"
            out.draw(dim(title, sys.stdout)) if out.terminal else out.write(title)
        out.write(f"{text}\n")


def _chapters(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Headings, each with the text below it."""
    facts = list(_facts(explanation))
    names = max((len(name) for name, _ in facts), default=0)
    yield "", "\n".join(f"{name:{names}}  {fact}" for name, fact in facts)
    if len(explanation.targets) > 1:
        rows = [(target.name, target.protocol, target.carried) for target in explanation.targets]
        yield "targets", fitted_table(("name", "protocol", "carried"), rows, width())
    if explanation.request is not None:
        yield (
            "request" + (", after whose answer the chat request follows" if explanation.more else ""),
            _message(explanation.request),
        )
    if explanation.losses:
        losses = [(loss.severity.name.lower(), loss.name, loss.words) for loss in explanation.losses]
        yield "losses", fitted_table(("severity", "name", "why"), losses, width())


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    if explanation.protocol:
        yield "caller", f"{explanation.protocol}, {explanation.path}"
    if explanation.model:
        yield "model", explanation.model
    if explanation.route is not None:
        yield "route", f"{explanation.route}, strategy {explanation.strategy}{', sticky' if explanation.sticky else ''}"
    if explanation.policies:
        yield "policies", f"{', '.join(explanation.policies)}: all requests are translated"
    for attempt in explanation.skipped:
        yield "skipped", f"{attempt.target}: {attempt.words}"
    if explanation.carried is not None:
        first = next(target for target in explanation.targets if target.name == explanation.target)
        spoken = f" ({first.protocol})" if first.protocol else ""
        yield "target", f"{explanation.target}{spoken}, {CARRIED[explanation.carried]}"
    if facts := known_facts(explanation.profile):
        unused = " (a relay heeds only what is about settings)" if explanation.carried == "relayed" else ""
        yield (
            "profile",
            ", ".join(f"{name}: {_fact(value)}" for name, value in facts.items()) + unused,
        )


def _fact(value: object) -> str:
    """A fact of a profile; of a long list how much it is. `--json` has all."""
    if isinstance(value, list | tuple | frozenset) and len(value) > MANY:
        return f"{len(value)} of them"
    return cut(encode(value).decode(), 80)


def _message(request: HttpRequest) -> str:
    """The request as it is sent, its JSON indented."""
    lines = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join([*lines, *(["", _shown_body(request)] if request.body else [])])


def _shown_body(request: HttpRequest) -> str:
    text = body_text(request)
    with suppress(msgspec.MsgspecError):  # what is no JSON is shown as it is
        text = msgspec.json.format(text, indent=2)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text) - SHOWN} characters more; --json has all)"
