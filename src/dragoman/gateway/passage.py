"""A translated stream on its way from a service to its caller: what is held, what goes out, and when it is over.

It runs in a task until it has content. Then it follows the answer, if answer and writer can do that: each batch is
encoded and sent in the turn of the loop in which it came. The task is woken for the end, for a failure, if the caller
reads too slowly, and for a batch of more events than fit into one turn.
"""

from time import monotonic
from typing import cast

from dragoman.engine.answer import Answer
from dragoman.engine.commit import begins_content
from dragoman.engine.spent import Spent
from dragoman.errors import DragomanError, RequestError, TruncatedStreamError, UpstreamError
from dragoman.gateway.attempts import asked_headers
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import STARTED, ResponseWriter
from dragoman.gateway.losses_header import header_of, spelt
from dragoman.loop.turns import others
from dragoman.protocols.answer_losses import AnswerLosses
from dragoman.protocols.base import Encoder
from dragoman.protocols.streams.delta_row import deltas
from dragoman.types import Loss, Outcome, ResponseEnd, ResponseStart, StreamEvent

MANY = 1000
"""Events of a batch from which on it is encoded in several turns of the loop: one takes up to 20 microseconds."""


class Passage:
    """The passage of one answer."""

    __slots__ = (
        "_ahead",
        "_answer",
        "_begun",
        "_encoder",
        "_ended",
        "_held",
        "_left_out",
        "_losses",
        "_rest",
        "_spent",
        "_writer",
    )

    def __init__(
        self, answer: Answer, encoder: Encoder, writer: ResponseWriter, left_out: AnswerLosses, spent: Spent
    ) -> None:
        answer.in_rows()
        self._answer = answer
        self._encoder = encoder
        self._writer = writer
        self._left_out = left_out
        self._spent = spent
        self._held: list[StreamEvent] = []
        """What came before the first content."""
        self._rest: list[StreamEvent] = []
        """What has come and waits for another turn of the loop."""
        self._losses: tuple[Loss, ...] = ()
        self._begun = self._ended = False
        self._ahead = False
        """The next batch is text that was sent and counted already."""

    async def run(self) -> None:
        """Passes on all of it. Raises what goes wrong, and TruncatedStreamError if the answer has no end."""
        answer, writer = self._answer, self._writer
        direct = writer if isinstance(writer, DirectWriter) else None
        started = False
        while events := self._rest or await answer.read():
            if not self._begun:
                events = self._first(events)
                if not events:
                    continue
            data = self._encoded(self._piece(events))
            if data or self._ended:
                if not started:
                    await self._start()
                    started = True
                saying = writer.write(data, more=not self._ended)
                # A slow caller may keep us here for long: no reference must keep what it was sent in memory.
                events, data = [], b""
                await saying
                del saying
            if self._rest:
                events = []
                await others()
                continue
            if started and not self._ended and direct is not None:
                if (following := answer.follow(self._pass_on, self._send_ahead)) is not None:
                    await following
                await direct.drained()
            if self._ended:
                return
        raise TruncatedStreamError("the answer broke off before its end")

    def _pass_on(self, events: list[StreamEvent]) -> bool:
        """Sends a batch at once. Whether more is wanted: not at the end, nor if a part of the batch waits, nor if the
        caller reads too slowly."""
        if self._rest:
            self._rest += events
            return False
        writer = cast("DirectWriter", self._writer)
        data = self._encoded(self._piece(events))
        if data or self._ended:
            writer.write_nowait(data, more=not self._ended)
        return not (self._ended or self._rest or writer.congested)

    def _piece(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """The beginning of a batch, which can be sent in one turn of the loop; the rest waits."""
        if len(events) <= MANY:
            self._rest = []
            return events
        self._rest = events[MANY:]
        return events[:MANY]

    def _send_ahead(self, texts: list[str]) -> bool:
        """Sends more of the open text at once, unless the caller reads too slowly. A batch of it follows."""
        writer = cast("DirectWriter", self._writer)
        if writer.congested or writer.state is not STARTED:
            return False
        try:
            data = self._encoder.send(deltas(texts, in_row=True))
        except RequestError:
            return False
        if data:
            writer.write_nowait(data)
        self._spent.add(texts)
        self._ahead = True
        return True

    def _first(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """All that has come, once there is content; until then []."""
        self._held += events
        if not begins_content(events):
            return []
        held, self._held = self._held, []
        self._begun = True
        outcome = self._writer.outcome
        outcome.came_at = monotonic()
        if isinstance(start := held[0], ResponseStart):
            self._losses = start.losses
        outcome.answering_model = self._answer.model
        outcome.losses = spelt(self._losses)
        return held

    async def _start(self) -> None:
        writer = self._writer
        if writer.opening is not None:
            status, headers = writer.opening
            await writer.start(status, (*headers, *asked_headers(writer.outcome), *header_of(spelt(self._losses))))
            writer.heartbeat = self._encoder.heartbeat

    def _encoded(self, events: list[StreamEvent]) -> bytes:
        if self._ahead:
            self._ahead = False
            return b""
        self._left_out.read(events)
        self._spent.read(events)
        try:
            data = self._encoder.send(events)
        except RequestError as exc:
            raise unsayable(exc) from exc
        if self._left_out.unsaid is not None:
            raise unsaid(self._left_out.unsaid)
        if isinstance(last := events[-1], ResponseEnd):
            self._ended = True
            outcome = self._writer.outcome
            # An answer that was continued has another target by now, and what is sent next ends it.
            note_target(self._answer, outcome)
            outcome.usage, outcome.finish_reason = last.usage, last.finish_reason
            outcome.losses = spelt((*self._losses, *last.losses, *self._left_out.found))
        return data


def note_target(answer: Answer, outcome: Outcome) -> None:
    """Notes in the outcome which target answers."""
    answer = answer.innermost
    outcome.target, outcome.upstream_status, outcome.attempts = answer.target, answer.status, answer.attempts
    outcome.asked_at, outcome.answering_model = answer.asked_at, answer.model


def unsaid(message: str) -> UpstreamError:
    """The error for an answer of which the caller's protocol says nothing."""
    return UpstreamError(message, code="empty_answer")


def unsayable(error: RequestError) -> DragomanError:
    """The error for an answer that the caller's protocol cannot express. It is not the caller's fault."""
    return error if error.status >= 500 else UpstreamError(error.message, code=error.code)
