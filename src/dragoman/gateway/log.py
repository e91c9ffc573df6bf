"""The event log: what an operator must know, as plain lines on stderr, by Python's `logging`. Knows no event."""

import logging
import os
import select
import sys
import time
import traceback
from types import TracebackType
from typing import Literal

STDERR = 2

FRAMES = 8
"""The innermost calls of a bug that are shown: enough to find it, too few to fill a disk."""

PIECE = 4096
"""Bytes that a ready pipe takes without waiting: PIPE_BUF, see pipe(7)."""

Level = Literal["debug", "info", "warning", "error"]

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_INVISIBLE = [
    *(code for code in range(0x20) if code not in b"\t\n"),
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
]
"""Control characters (C0 and C1), and those that change the direction of text: a service's message may hold them."""

_HARMLESS = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _INVISIBLE}


def begin(level: Level) -> None:
    """Shows what is logged from `level` up, unless the program in which we run has a log of its own."""
    if logging.getLogger("dragoman").hasHandlers():
        return
    handler = Stderr()
    handler.setFormatter(Plain("%(asctime)s %(levelname)s [%(process)d] %(message)s"))
    logging.getLogger().addHandler(handler)  # asyncio's own messages come here too
    logging.getLogger("dragoman").setLevel(level.upper())


def set_level(level: Level) -> None:
    """From now on shows what is logged from `level` up, if `begin` shows anything."""
    if any(isinstance(handler, Stderr) for handler in logging.getLogger().handlers):
        logging.getLogger("dragoman").setLevel(level.upper())


class Plain(logging.Formatter):
    """Lines with the time in UTC. No text in a line can make it look like several lines."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # the base's name
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z"

    def formatException(self, ei: Raised) -> str:  # noqa: N802
        """The place and the class of the exception, but not its message, which may hold a caller's text or a key."""
        kind, _, trace = ei
        return "".join([*traceback.format_tb(trace, -FRAMES), kind.__name__ if kind else ""])

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).translate(_HARMLESS)


class Stderr(logging.Handler):
    """Writes to stderr what it takes at once: a log without a reader must not stop the gateway."""

    def emit(self, record: logging.LogRecord) -> None:
        left = f"{self.format(record)}\n".encode(errors="replace")
        try:
            while left and _is_ready():
                left = left[os.write(STDERR, left[:PIECE]) :]
        except OSError:
            return  # it is closed, or its reader has left: nobody would read it


def _is_ready() -> bool:
    return sys.platform == "win32" or bool(select.select([], [STDERR], [], 0)[1])
