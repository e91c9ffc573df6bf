"""The request log: one line of JSON a request, written in batches. Neither prompt nor answer nor key is in it."""

import asyncio
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from dragoman.errors import ConfigurationError
from dragoman.gateway.caller import Caller
from dragoman.types import Usage

PERIOD = 0.2
SIZE = 64 << 10
"""Seconds and bytes for which lines wait for one another: a write for each would cost as much as a good part of its
request."""

LONGEST = 200
"""Characters of a path or of a model's name, which are the caller's to choose."""

STDOUT = "-"

UNKNOWN = Usage()

log = logging.getLogger("dragoman.gateway")

_encode_into = msgspec.json.Encoder().encode_into


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One request.

    `time`: when its answer was over. `end`: `whole`, `broken` (the answer began and did not end well) or `gone` (the
    caller had left by then). `ms`: from its head to the end of the answer; `first_ms`: to the answer's first byte, or
    the first content of a stream. `error`: the code of what went wrong behind the head. `losses`: what of question
    and answer could not be said, as in the header of that name.
    """

    time: datetime
    id: str
    method: str
    path: str
    status: int | None
    end: Literal["whole", "broken", "gone"]
    ms: float
    first_ms: float | None = None
    model: str = ""
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    error: str = ""
    losses: str = ""


class Journal:
    """Appends to a file; `-` is standard output. Raises ConfigurationError where the file cannot be opened."""

    def __init__(self, place: str) -> None:
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._well = True
        self._own = place != STDOUT
        try:
            if self._own:
                self._file = os.open(Path(place).expanduser(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            else:
                self._file = sys.stdout.fileno()
        except (OSError, AttributeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else None
            raise ConfigurationError(f"cannot write {place!r}: {reason or 'there is no standard output'}") from exc

    def note(self, caller: Caller) -> None:
        """The answer to `caller` is over."""
        now = time.monotonic()
        began = caller.began
        usage = caller.usage or UNKNOWN
        buffer = self._buffer
        _encode_into(
            Entry(
                datetime.fromtimestamp(time.time(), UTC),
                caller.request_id,
                caller.method,
                caller.path[:LONGEST],
                caller.status,
                "whole" if caller.whole else "gone" if caller.gone else "broken",
                # With three digits: half the cost of `round`.
                int(1e6 * (now - caller.since)) / 1e3,
                None if began is None else int(1e6 * (began - caller.since)) / 1e3,
                caller.model[:LONGEST],
                caller.finish_reason,
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
                caller.failure,
                caller.losses,
            ),
            buffer,
            -1,
        )
        buffer += b"\n"
        if len(buffer) > SIZE:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self.flush)

    def flush(self) -> None:
        """Writes what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        buffer, self._buffer = self._buffer, bytearray()
        left = memoryview(buffer)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            self._well = True
        except OSError as exc:
            # A full disk costs the log, not the callers; said once, until it is well again.
            if self._well:
                lost = buffer.count(b"\n")
                log.error("the request log cannot be written, %d requests are missing: %s", lost, exc.strerror)
            self._well = False

    def close(self) -> None:
        """Writes what waits, for the last time."""
        self.flush()
        if self._own:
            os.close(self._file)
