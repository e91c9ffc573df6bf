"""How a run ends: the table from errors to exit codes. Knows no command."""

from enum import IntEnum

from dragoman.errors import (
    ConfigurationError,
    DragomanError,
    RequestError,
    TransportError,
    TruncatedStreamError,
    UpstreamError,
)


class Exit(IntEnum):
    """An exit code."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    REFUSED = 4
    UPSTREAM = 5
    NETWORK = 6
    BROKEN_OFF = 7
    NO_CODE = 8
    INTERRUPTED = 130
    PIPE = 141


MEANINGS: dict[Exit, str] = {
    Exit.OK: "all is well",
    Exit.FAILED: "`doctor` found a fault, a file cannot be used, or dragoman has a bug",
    Exit.USAGE: "wrong usage",
    Exit.CONFIGURATION: "a setting is wrong",
    Exit.REFUSED: "the request was refused: malformed, no such model, not supported",
    Exit.UPSTREAM: "the service answered with an error",
    Exit.NETWORK: "the network failed: no connection, or a wait was too long",
    Exit.BROKEN_OFF: "the answer broke off; what was printed is not whole",
    Exit.NO_CODE: "`ask --extract` found no code in the answer",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
    Exit.PIPE: "the program that read the output has ended",
}

EXITS: tuple[tuple[type[DragomanError], Exit], ...] = (
    (ConfigurationError, Exit.CONFIGURATION),
    (RequestError, Exit.REFUSED),
    (TruncatedStreamError, Exit.BROKEN_OFF),
    (UpstreamError, Exit.UPSTREAM),
    (TransportError, Exit.NETWORK),
    (DragomanError, Exit.FAILED),
)
"""The first class that fits decides: a broken-off answer is the service's error too."""


def exit_code(error: DragomanError) -> Exit:
    """What a run that ended with `error` exits with."""
    return next(code for kind, code in EXITS if isinstance(error, kind))
