"""What an answer has cost that was not read to its end, as far as it is known. Knows no protocol.

A service counts the tokens at the end of its answer, as a rule. If the caller has left by then, or the answer broke
off, its output is estimated from what came of it: at many services that is paid for all the same.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Around
from dragoman.protocols.estimate import BYTES_OF_TOKEN
from dragoman.protocols.relay import Tap
from dragoman.types import Metadata, Outcome, PartDelta, ResponseEnd, ResponseStart, StreamEvent, Usage
from dragoman.types.usage import merged

SAMPLE = 4096
"""Bytes of a relayed stream up to its first content, by which the size of its events is known."""
BYTES_OF_EVENT = 256
"""Bytes of a usual event with one token, for a stream that shows nothing of its own."""


class Spent:
    """Reads the events of an answer that is translated."""

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._size = 0
        """Characters of all texts."""
        self._ended = False

    def read(self, events: Sequence[StreamEvent]) -> None:
        """Reads the next events."""
        for event in events:
            if isinstance(event, PartDelta):  # nearly all events are
                self._size += len(event.text)
            elif type(event) is ResponseStart or type(event) is Metadata:
                self._usage = merged(self._usage, event.usage)
            elif type(event) is ResponseEnd:
                self._ended = True

    def add(self, texts: Sequence[str]) -> None:
        """Texts that were sent before their events were decoded."""
        self._size += sum(map(len, texts))

    def note(self, outcome: Outcome, answer: Answer) -> None:
        """`answer` has ended here. Notes what it has cost, unless its end has said that."""
        # What is reported on the way comes with an event at the end only, as a rule.
        usage = answer.usage or self._usage
        if not self._ended and (usage is not None or self._size):
            note(outcome, usage, -(-self._size // BYTES_OF_TOKEN))


class Counted(Around):
    """`answer`, whose events `spent` reads too."""

    def __init__(self, answer: Answer, spent: Spent) -> None:
        super().__init__(answer)
        self._spent = spent

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        self._spent.read(events)
        return events


class Noted(Counted):
    """`answer`; what it has cost is noted in `outcome` if it is not read to its end."""

    def __init__(self, answer: Answer, outcome: Outcome) -> None:
        super().__init__(answer, Spent())
        self._outcome = outcome

    async def read(self) -> list[StreamEvent]:
        try:
            return await super().read()
        except BaseException:
            self._spent.note(self._outcome, self)
            raise


def note(outcome: Outcome, usage: Usage | None, estimate: int) -> None:
    """Notes in `outcome` what was reported; the output is at least `estimate` tokens."""
    usage = usage or Usage()
    if estimate > (usage.output_tokens or 0):
        usage = replace(usage, output_tokens=estimate)
        outcome.usage_estimated = True
    outcome.usage = usage


def relayed_tokens(tap: Tap, sample: bytes, size: int) -> int:
    """About how many tokens a stream of `size` bytes has, if its other events are as those in `sample`."""
    at = 0
    while at < len(sample):
        texts, length = tap.texts(sample, at)
        if length > 0:
            tokens = sum(max(1, -(-len(text) // BYTES_OF_TOKEN)) for text in texts)
            return max(1, size * tokens // length)
        at = sample.find(b"\n", at) + 1 or len(sample)
    return max(1, size // BYTES_OF_EVENT)
