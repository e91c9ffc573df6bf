"""The responses that report errors, in the protocol of a front; also those for paths that are not served."""

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.errors import DragomanError, RequestError
from dragoman.gateway.answer import numbered
from dragoman.gateway.fronts.nearby import ROOT, nearby, shown_path
from dragoman.gateway.fronts.openai import CHAT
from dragoman.gateway.fronts.table import Found, Front, PathTable
from dragoman.types import Outcome, ServerRequest, ServerResponse

BEFORE = 4
"""Parts of a path before one that is served: a base URL has hardly more."""


def error_response(
    front: Front,
    call: ServerRequest,
    error: DragomanError,
    outcome: Outcome,
    words: ServerResponse | None = None,
) -> ServerResponse:
    """`error` in the protocol of `front`, or `words`, the front's own response to just this failure."""
    return replace(words or front.codec.refusal(call, numbered(error, outcome)), error=error.code)


def nothing_at(table: PathTable, found: Found, call: ServerRequest, outcome: Outcome) -> ServerResponse:
    """The response for a path that `table` does not have (404), or that it has for other methods only (405)."""
    front, methods = found.front, found.methods
    if not methods or call.path == ROOT:  # a question sent there has lost the end of its address
        meant = _below_another(table, call) or nearby(call.path, table.served(), CHAT)
        message = f"{cut(call.method, 20)} {shown_path(call.path)} is not served here; {meant} is"
        unknown = RequestError(message, status=404, code="unknown_path")
        return error_response(front, call, unknown, outcome, front.no_path)
    allow = ", ".join(methods)
    message = f"{shown_path(call.path)}: expected {allow}, got {cut(call.method, 20)}"
    wrong = RequestError(message, status=405, code="wrong_method")
    answer = error_response(front, call, wrong, outcome, front.no_method)
    return replace(answer, headers=(*answer.headers, ("allow", allow)))


def _below_another(table: PathTable, call: ServerRequest) -> str:
    """The method and pattern that were meant if a base URL has more before them; empty if no pattern fits."""
    path = call.path
    for _ in range(BEFORE):
        _, slash, rest = path[1:].partition("/")
        path = slash + rest
        if pattern := table.pattern(call.method, path):
            return f"{call.method} {pattern}"
    return ""
