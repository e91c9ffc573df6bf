"""The request log: one line of JSON for each request, written in batches. It holds no prompt, answer or key."""

import asyncio
from collections.abc import Container
from time import gmtime, strftime, time

import msgspec
from msgspec import Struct

from dragoman.gateway.line_writer import Writer
from dragoman.types import Outcome, Usage
from dragoman.types.outcome import End

PERIOD = 0.2
SIZE = 512 << 10
"""Seconds and bytes for which lines wait for one another: a write for each line would cost a large part of what its
request costs."""

MAX_TEXT = 200
"""Characters of a path or of a model's name, because the caller chooses them."""

UNKNOWN = Usage()

_encode_into = msgspec.json.Encoder().encode_into


class Tried(Struct, frozen=True, omit_defaults=True, gc=False):
    """A target that was asked."""

    target: str
    error: str = ""
    """The code of its failure; empty if it answered."""
    upstream_status: int | None = None
    """The HTTP status of its service's reply."""
    ms: float | None = None
    """From the time when it was asked to its failure, or to the end of the answer."""


class LogEntry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One request."""

    time: str
    """When its answer was over."""
    id: str
    method: str
    path: str
    status: int | None
    end: End
    ms: float
    """From its head to the end of the answer."""
    first_ms: float | None = None
    """From its head to the answer's first byte, or to the first content of a stream."""
    ours_ms: float | None = None
    """What we added of that: from the last byte of the request until the first target was asked, and from the answer's
    first content until it was sent. Connecting counts as the service's."""
    bytes: int = 0
    """Bytes of the answer's body that were sent."""
    remote: str = ""
    """The address that it came from: a proxy's, if there is one in front of us. What a proxy says of its own callers is
    not used, because anybody can send the same header."""
    key: str = ""
    """The fingerprint of the key that was shown."""
    model: str = ""
    """The model that the caller named."""
    route: str = ""
    """The same, if it is a route of the configuration."""
    stream: bool = False
    """Whether the answer is a stream."""
    target: str = ""
    """The model that answered, failed last, or was being asked when the caller left."""
    attempts: tuple[Tried, ...] = ()
    """All targets that were asked, if there was more than one."""
    upstream_status: int | None = None
    """The HTTP status of the service's reply."""
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache: str = ""
    """Why the service's cache of prompts was used or missed; see `CacheUse.words`."""
    reasoning_tokens: int | None = None
    error: str = ""
    """The code of what went wrong."""
    losses: str = ""
    """What could not be carried of request and answer, as in the header `x-dragoman-losses`."""
    agent: str = ""
    """The program that asked, if its headers show one that is known."""
    session: str = ""
    """Its session."""
    agent_id: str = ""
    """Which of its agents asked; empty for the first one."""
    parent_agent_id: str = ""
    """The agent that started that one."""
    tokens_estimated: bool = False
    """Whether `output_tokens` is an estimate: the caller left before the service had counted them."""
    resumes: str = ""
    """The id of the request whose stream this one went on with; that one's line has the tokens."""
    maybe_billed: int = 0
    """Failed attempts for which a service may charge: the request had been sent to it, and was not refused."""


class RequestLog:
    """Appends to a file; `-` is standard output. Raises ConfigurationError if the file cannot be opened."""

    def __init__(self, place: str) -> None:
        self.routes: Container[str] = ()
        """Their names. A reload changes them."""
        self._lines = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._now = self._second = 0
        self._date = self._up_to_second = ""
        self._writer = Writer(place)

    def note(self, outcome: Outcome) -> None:
        """Adds a line: the answer to a request is over."""
        now = int(1e3 * time())
        if now != self._now:
            self._now, second = now, now // 1000
            if second != self._second:
                self._second, self._up_to_second = second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
            self._date = f"{self._up_to_second}.{now % 1000:03d}Z"
        since, began = outcome.received_at, outcome.first_byte_at
        usage = outcome.usage or UNKNOWN
        failed, added = outcome.attempts, outcome.added()
        said = outcome.identity.attribution
        # Cut below only if they are too long: a slice costs ten times as much as the question.
        path, model = outcome.path, outcome.model
        target = outcome.target or (failed[-1].target if failed else "")
        self._add(
            LogEntry(
                self._date,
                outcome.request_id,
                outcome.method,
                path if len(path) <= MAX_TEXT else path[:MAX_TEXT],
                outcome.status,
                outcome.end,
                # Rounds to three digits at a third of the cost of `round`.
                1e6 * (outcome.ended_at - since) // 1 / 1e3,
                None if began is None else 1e6 * (began - since) // 1 / 1e3,
                None if added is None else 1e6 * added // 1 / 1e3,
                outcome.sent,
                outcome.remote,
                outcome.identity.fingerprint,
                model if len(model) <= MAX_TEXT else model[:MAX_TEXT],
                model if model in self.routes else "",
                outcome.stream,
                target if len(target) <= MAX_TEXT else target[:MAX_TEXT],
                _tried(outcome) if failed else (),
                outcome.upstream_status,
                outcome.finish_reason,
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                "" if outcome.cache is None else outcome.cache.words,
                usage.reasoning_tokens,
                outcome.error,
                outcome.losses,
                said.agent,
                said.session,
                said.agent_id,
                said.parent_agent_id,
                outcome.usage_estimated,
                outcome.resumes,
                sum(each.maybe_billed for each in failed) if failed else 0,
            )
        )
        if len(self._lines) > SIZE:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self.flush)

    def _add(self, entry: LogEntry) -> None:
        size = len(self._lines)
        try:
            _encode_into(entry, self._lines, -1)
        except BaseException:  # what it leaves behind is not all of this entry
            del self._lines[size:]
            raise
        self._lines += b"\n"

    def flush(self) -> None:
        """Hands what waits to the writer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, bytearray()
            self._writer.put(lines)

    def lost(self) -> int:
        """How many lines could not be written until now."""
        return self._writer.lost

    def reopen(self) -> None:
        """Writes to a new file, if the old one was moved away."""
        self.flush()
        self._writer.reopen()

    def close(self) -> None:
        """Writes what waits, for the last time."""
        self.flush()
        self._writer.close()

    async def aclose(self) -> None:
        """The same, while the loop goes on: after a reload others still get their answers."""
        self.flush()
        await asyncio.to_thread(self._writer.close)


def _tried(outcome: Outcome) -> tuple[Tried, ...]:
    """The targets that were asked, if there was more than one; if one answered, it is the last."""
    tried = [
        Tried(
            each.target[:MAX_TEXT],
            each.code,
            each.upstream_status,
            _ms(each.asked_at, outcome.ended_at if each.failed_at is None else each.failed_at),
        )
        for each in outcome.attempts
    ]
    if outcome.answering:
        ms = _ms(outcome.asked_at, outcome.ended_at)
        tried.append(Tried(outcome.target[:MAX_TEXT], "", outcome.upstream_status, ms))
    return tuple(tried) if len(tried) > 1 else ()


def _ms(since: float | None, until: float) -> float | None:
    return None if since is None else 1e6 * (until - since) // 1 / 1e3
