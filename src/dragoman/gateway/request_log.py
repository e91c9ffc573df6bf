"""The request log: one line of JSON a request, written in batches. Neither prompt nor answer nor key is in it."""

import asyncio
from time import gmtime, strftime, time

import msgspec
from msgspec import Struct

from dragoman.gateway.line_writer import Writer
from dragoman.types import Outcome, Usage
from dragoman.types.outcome import End

PERIOD = 0.2
SIZE = 512 << 10
"""Seconds and bytes for which lines wait for one another: a write for each would cost as much as a good part of its
request."""

MAX_TEXT = 200
"""Characters of a path or of a model's name, which are the caller's to choose."""

UNKNOWN = Usage()

_encode = msgspec.json.Encoder().encode


class Tried(Struct, frozen=True, omit_defaults=True, gc=False):
    """A target that was asked; `error`: the code of its failure, empty if it answered."""

    target: str
    error: str = ""


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One request.

    `time`: when its answer was over. `end`: `whole`, `broken` (the answer began and did not end well) or `gone` (the
    caller had left by then). `ms`: from its head to the end of the answer; `first_ms`: to the answer's first byte, or
    the first content of a stream. `bytes`: of the answer's body, as far as it was sent. `remote`: the address that it
    came from, which is a proxy's if there is one before us; what such a proxy says of its callers, anybody can say.
    `key`: the fingerprint of the key that was shown. `model`: what was asked for; `target`: the model that answered, or
    failed last; `attempts`: all that were asked, if they were more. `upstream_status`: the HTTP status of the service's
    reply. `error`: the code of what went wrong. `losses`: what of question and answer could not be said, as in the
    header of that name.
    """

    time: str
    id: str
    method: str
    path: str
    status: int | None
    end: End
    ms: float
    first_ms: float | None = None
    bytes: int = 0
    remote: str = ""
    key: str = ""
    model: str = ""
    target: str = ""
    attempts: tuple[Tried, ...] = ()
    upstream_status: int | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    error: str = ""
    losses: str = ""


class RequestLog:
    """Appends to a file; `-` is standard output. Raises ConfigurationError if the file cannot be opened."""

    def __init__(self, place: str) -> None:
        self._lines: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._now, self._date = 0, ""
        self._writer = Writer(place)

    def note(self, outcome: Outcome) -> None:
        """The answer to a request is over."""
        now = int(1e3 * time())
        if now != self._now:
            self._now, self._date = now, f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(now // 1000))}.{now % 1000:03d}Z"
        since, began = outcome.received_at, outcome.first_byte_at
        usage = outcome.usage or UNKNOWN
        failed = outcome.attempts
        line = _encode(
            Entry(
                self._date,
                outcome.request_id,
                outcome.method,
                outcome.path[:MAX_TEXT],
                outcome.status,
                outcome.end,
                # With three digits: half the cost of `round`.
                int(1e6 * (outcome.ended_at - since)) / 1e3,
                None if began is None else int(1e6 * (began - since)) / 1e3,
                outcome.sent,
                outcome.remote,
                outcome.identity.fingerprint,
                outcome.model[:MAX_TEXT],
                (outcome.target or (failed[-1].target if failed else ""))[:MAX_TEXT],
                _tried(outcome) if failed else (),
                outcome.upstream_status,
                outcome.finish_reason,
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
                outcome.error,
                outcome.losses,
            )
        )
        self._lines.append(line)
        self._size += len(line)
        if self._size > SIZE:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self.flush)

    def flush(self) -> None:
        """Has what waits written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            self._writer.put(b"\n".join([*lines, b""]))

    def reopen(self) -> None:
        """Goes on in a new file, if the old one was moved away."""
        self.flush()
        self._writer.reopen()

    def close(self) -> None:
        """Writes what waits, for the last time."""
        self.flush()
        self._writer.close()


def _tried(outcome: Outcome) -> tuple[Tried, ...]:
    """The targets that were asked, if they were more than one; the last is the one that answered, if one did."""
    tried = [Tried(attempt.target[:MAX_TEXT], attempt.code) for attempt in outcome.attempts]
    if outcome.target and outcome.attempts[-1].target != outcome.target:
        tried.append(Tried(outcome.target[:MAX_TEXT]))
    return tuple(tried) if len(tried) > 1 else ()
