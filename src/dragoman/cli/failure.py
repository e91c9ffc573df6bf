"""A failure told to the user: its line, and, if somebody watches, what to do next.

The line alone goes to a program or a file, which expect one line for an error. What `doctor` advises about a service is
in `remedies`; here it is about a question.
"""

import sys

from dragoman.cli.complaints import complaint, note
from dragoman.cli.terminal.output import complain, is_terminal, remark
from dragoman.errors import (
    AuthenticationError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    ModelNotFoundError,
    OpaqueStateError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    StoreError,
    TransportError,
    TruncatedStreamError,
    UnsupportedFeatureError,
    UpstreamError,
)

ANOTHER = "or ask another model (-m)"

NEXT: tuple[tuple[type[DragomanError], str], ...] = (
    (ModelNotFoundError, "`dragoman models` lists the models that can be named."),
    (UnsupportedFeatureError, f"Ask without it, {ANOTHER}."),
    (OpaqueStateError, "Begin a new conversation (without -c; /reset)."),
    # Whatever is wrong with the request, its line says it.
    (RequestError, ""),
    (StoreError, ""),
    (AuthenticationError, "Check the key of this service; `dragoman doctor` tries it."),
    (PermissionDeniedError, f"Ask the owner of the key, {ANOTHER}."),
    (EndpointNotFoundError, "Check the path in `url` of this service; `dragoman doctor` tries it."),
    (RateLimitError, f"Wait a while, {ANOTHER}."),
    (QuotaExhaustedError, f"Top the account up, {ANOTHER}."),
    (
        ContextLengthError,
        "Begin a new conversation (without -c; /reset), or ask a model with a longer context.",
    ),
    (ContentFilterError, f"Ask in other words, {ANOTHER}."),
    (OverloadedError, f"Try again later, {ANOTHER}."),
    (TruncatedStreamError, "What came is not whole: ask again, or ask the model to go on."),
    (UpstreamError, f"Try again, {ANOTHER}; `dragoman doctor` says more of the service."),
    (TransportError, "`dragoman doctor` tries the way to the service, and says what is wrong."),
    (DragomanError, ""),
)
"""The first class that fits decides."""


def advice(error: DragomanError) -> str:
    """What the user can do next; empty if the error's own line says it."""
    if noted := note(error):
        return noted
    return next(words for kind, words in NEXT if isinstance(error, kind))


def tell_failure(error: DragomanError) -> None:
    """Writes it to stderr; every mistake of a configuration in a line of its own."""
    said = complaint(error)
    for line in said.split("\n") if isinstance(error, ConfigurationError) else [said]:
        complain(line)
    if is_terminal(sys.stderr) and (words := advice(error)):
        remark(words)
