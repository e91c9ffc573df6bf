"""An answer that another target goes on with if it breaks off after text. How it is asked: see `unfinished`.

The events of the next answer are made to follow those that have gone out: no second start, and its text goes on in the
part that is open. The end is the one of the answer that came to its end.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum
from functools import partial
from time import monotonic

from msgspec.structs import replace

from dragoman.engine.answer import Answer
from dragoman.errors import DragomanError, TruncatedStreamError, UnsupportedFeatureError
from dragoman.protocols.speech import OURS
from dragoman.routing.caller import Caller
from dragoman.routing.deadline import in_time, timed
from dragoman.routing.plan import Course, Target
from dragoman.routing.reactions import may_end_otherwise
from dragoman.routing.tried import Attempts
from dragoman.routing.unfinished import Rest, Unfinished
from dragoman.types import (
    ChatRequest,
    Citation,
    ContinuedAnswer,
    Loss,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    Usage,
)

CONTINUED = "continued"
"""The name of the mark, in the fields of ours that an event of the stream has."""


class Continued(Answer):
    """`answer` to `request`, whose first content has come, and what other targets of `course` continue it with."""

    def __init__(
        self, answer: Answer, course: Course, request: ChatRequest, attempts: Attempts, caller: Caller
    ) -> None:
        self.tells_of(answer)
        self._answer = timed(answer, course)
        self._course: Course | None = course
        self._request = request
        self._failed = attempts
        self._caller = caller
        self._clock = clock = asyncio.get_running_loop().time
        self._so_far = Unfinished()
        self._joint: _Joint | None = None
        self._closed = False
        course.committed(clock())

    @property
    def usage(self) -> Usage | None:
        return self._answer.usage

    async def read(self) -> list[StreamEvent]:
        while True:
            try:
                events = await self._answer.read()
            except DragomanError as exc:
                events = await self._go_on(exc)
            if not events:
                return []
            if self._joint is not None:
                events = self._joint.feed(events)
            events = self._so_far.feed(events)
            if events:
                if isinstance(events[-1], ResponseEnd) and (course := self._taken()) is not None:
                    course.settle("whole", self._clock())
                return events

    def close(self) -> None:
        self._closed = True
        if (course := self._taken()) is not None:
            course.settle("gone", self._clock())
        self._answer.close()

    def _taken(self) -> Course | None:
        course, self._course = self._course, None
        return course

    async def _go_on(self, error: DragomanError) -> list[StreamEvent]:
        """The first events of the next answer; [] if this one was closed meanwhile. Raises `error` if there is none."""
        course = self._course
        if course is None:
            raise error
        self._answer.close()
        broke = error.attempt(self.target, self.asked_at, monotonic())
        error.attempts = (broke._replace(upstream_status=broke.upstream_status or self.status),)
        self._failed.failed(error)
        rest = self._so_far.rest(self._request) if may_end_otherwise(error) and self._caller.waits() else None
        if rest is None:
            self._course = None
            course.settle("broken", self._clock(), error)
        elif (events := await self._asked(course, rest, error)) is not None:
            return events
        error.attempts = self.attempts = self._failed.tried
        last = error.attempts[-1]
        self.target, self.status, self.asked_at = last.target, last.upstream_status, last.asked_at
        raise error

    async def _asked(self, course: Course, rest: Rest, error: DragomanError) -> list[StreamEvent] | None:
        """The first events of the first target that is able to go on; None if there is none."""
        if rest.begun:
            course.narrow(_continues)
        broken = error.attempt(self.target)
        self._asks("")
        while (wait := course.after(error, self._clock())) is not None:
            if wait:
                await asyncio.sleep(wait)
                if self._closed:
                    return []
            target = course.target
            self._asks(target.name)
            try:
                answer, events = await in_time(course, partial(_begun, rest=rest))
            except DragomanError as exc:
                exc.attempts = exc.attempts or (exc.attempt(target.name, self.asked_at, monotonic()),)
                self._failed.failed(exc)
                self._asks("")
                error = exc
                continue
            if self._closed:
                answer.close()
                return []
            self.tells_of(answer)
            self.attempts = self._failed.tried
            self._answer = timed(answer, course)
            course.committed(self._clock())
            mark = {"target": target.name, "broken": broken.target, "code": broken.code} | {
                "used_tokens": rest.used,
                "estimated": rest.estimated,
            }
            self._join(events, rest, Metadata(extra={OURS: {CONTINUED: mark}}))
            return events
        self._course = None
        return None

    def _asks(self, target: str) -> None:
        """`target` is asked now; empty: none is. A caller who leaves meanwhile is logged with it, and what failed."""
        self.target, self.status, self.attempts = target, None, self._failed.tried
        self.asked_at = monotonic() if target else None

    def _join(self, events: Sequence[StreamEvent], rest: Rest, mark: Metadata) -> None:
        lost = () if self._joint is None else self._joint.lost
        self._joint = _Joint(self._so_far.open_length, rest.space, mark, lost)
        usage = None
        if isinstance(start := events[0], ResponseStart):
            # The caller gets no second start, which would say it.
            self.model, usage = start.model or "", start.usage
        self._so_far.next_attempt(usage)


def _continues(target: Target) -> bool:
    return target.continues is not None


async def _begun(target: Target, rest: Rest) -> tuple[Answer, list[StreamEvent]]:
    """The answer of `target`, and its events up to its first part or its end. Raises what came instead."""
    # An answer without content is good if there was nothing to add; a `continues` knows that.
    opening = target.continues if rest.begun and target.continues is not None else target.open
    answer = await opening(rest.request)
    events: list[StreamEvent] = []
    try:
        while batch := await answer.read():
            events += batch
            for event in batch:
                if isinstance(event, PartStart) and isinstance(event.part, Reasoning):
                    raise UnsupportedFeatureError(f"expected the rest of the text from {target.name}, got reasoning")
                if isinstance(event, PartStart | ResponseEnd):
                    return answer, events
        raise TruncatedStreamError("the answer broke off before its first content")
    except BaseException:
        answer.close()
        raise


class _Place(Enum):
    """Where the next answer stands."""

    START = "nothing of it has come"
    TEXT = "in its first text"
    LATER = "after its first part"


class _Joint:
    """Makes the events of an answer follow those of one that broke off.

    `open_length`: characters of the text that is open; None: none is. `space`: white space that has gone out, and may
    come again. `mark` goes out first, and `lost` are losses before this answer.
    """

    def __init__(self, open_length: int | None, space: str, mark: Metadata, lost: tuple[Loss, ...]) -> None:
        self._length = open_length
        self._space = space
        self._removed = 0
        self._mark = mark
        self._place = _Place.START
        self.lost = lost
        """What was lost on the way to this answer, and of its request."""

    def feed(self, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        """What goes out of the answer's next events."""
        out: list[StreamEvent] = []
        for event in events:
            match event:
                case ResponseStart(losses=losses):
                    self.lost = (*self.lost, *losses)
                    out.append(self._mark)
                case PartStart(Text() as part) if self._place is _Place.START:
                    self._place = _Place.TEXT
                    self._begin(part, out)
                case PartStart() if self._place is _Place.START:
                    self._place = _Place.LATER
                    self._end_open(out)
                    out.append(event)
                case PartDelta(text, logprobs) if self._place is _Place.TEXT:
                    if text := self._without_space(text):
                        out.append(PartDelta(text, logprobs))
                case Metadata(citations=citations) if self._place is _Place.TEXT and citations:
                    out.append(replace(event, citations=self._moved(citations)))
                case PartEnd(extra=extra) if self._place is _Place.TEXT:
                    self._place = _Place.LATER
                    # Its opaque state is of a turn that the caller does not have.
                    out.append(PartEnd(extra=extra))
                case ResponseEnd(losses=losses):
                    if self._place is _Place.START:
                        self._end_open(out)
                    out.append(replace(event, losses=(*self.lost, *losses, ContinuedAnswer("answer.continued"))))
                case _:
                    out.append(event)
        return out

    def _begin(self, part: Text, out: list[StreamEvent]) -> None:
        text, citations = self._without_space(part.text), self._moved(part.citations)
        if self._length is None:
            out.append(PartStart(replace(part, text=text, citations=citations, opaque=None)))
            return
        if text:
            out.append(PartDelta(text))
        if citations:
            out.append(Metadata(citations))

    def _end_open(self, out: list[StreamEvent]) -> None:
        if self._length is not None:
            out.append(PartEnd())

    def _without_space(self, text: str) -> str:
        """`text` without the white space that has gone out already."""
        if not self._space:
            return text
        same = 0
        while same < min(len(text), len(self._space)) and text[same] == self._space[same]:
            same += 1
        # A beginning that is white space as far as it has come may go on with more of the same.
        self._space = self._space[same:] if same == len(text) else ""
        self._removed += same
        return text[same:]

    def _moved(self, citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
        """Citations that count characters in the part as the caller has it."""
        offset = (self._length or 0) - self._removed

        def moved(citation: Citation) -> Citation:
            if citation.text_range is None:
                return citation
            begin, end = citation.text_range
            return replace(citation, text_range=(max(begin + offset, 0), max(end + offset, 0)))

        return tuple(map(moved, citations))
