"""What has come of an answer, which may be incomplete."""

from dragoman.types import (
    ChatResponse,
    Fold,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
)


class Record:
    """Collects events of an answer, or of the last one of a run. `whole`: its end has come."""

    def __init__(self) -> None:
        self.whole = False
        self.run: tuple[Message, ...] = ()
        """What a run has added to the conversation: the answers that are at their end, and the results of their calls;
        empty for an answer without a run."""
        self._fold = Fold()
        self._last: StreamEvent | None = None
        self._response: ChatResponse | None = None

    def feed(self, events: list[StreamEvent]) -> None:
        """More of the answer, or the beginning of the next one."""
        if self.whole and events and isinstance(events[0], ResponseStart):
            self._fold, self._response = Fold(), None
        self._fold.feed(events)
        if events:
            self._last = events[-1]
            self.whole = isinstance(self._last, ResponseEnd)

    def response(self) -> ChatResponse:
        """The answer so far; if it is not `whole`, its finish reason is `other`. No more events may follow."""
        if self._response is None:
            if self._last is None:
                self.feed([ResponseStart()])
            if isinstance(self._last, (PartStart, PartDelta)):
                self._fold.feed([PartEnd()])
            if not self.whole:
                self._fold.feed([ResponseEnd("other")])
            self._response = self._fold.result()
        return self._response
