"""Rows of text in one stream: events that need no decoding of their own, as one that was decoded shows what they are.

Nearly all events of a stream are pieces of one text, written alike. Once such an event has been decoded, those that
follow and differ in the text alone are taken together: their texts are cut out, and decoded in one step.
"""

from collections.abc import Callable, Sequence

import msgspec

from dragoman.protocols.streams.lane import TextRows
from dragoman.types import PartDelta, StreamEvent
from dragoman.wire.json import NOT_STRICT

TRIES = 16
"""Forms learnt in a row that no event fits, until none is: the service writes each event in another way."""
NO_WORDS: tuple[list[str], int] = ([], 0)
NO_WORDS_HERE: tuple[list[str], int] = ([], -1)

_decode = msgspec.json.Decoder(list[str]).decode


class RowReader:
    """Takes the rows of one stream."""

    __slots__ = ("_last", "known", "tries")

    def __init__(self) -> None:
        self.known: TextRows | None = None
        """The form of what may be taken now: more of the open part, and nothing else."""
        self._last: TextRows | None = None
        self.tries = TRIES
        """How many more forms may be learnt before one of them is seen again; 0: no more forms are learnt."""

    def take(self, data: bytes, at: int) -> tuple[list[str], int]:
        """The texts of the events that begin at `at`, none of them empty, and how many bytes these events have.

        0 bytes if there is none, and less if another search in the same bytes would be a waste.
        """
        if self.known is None:
            return NO_WORDS
        texts, length = self.known.take(data, at)
        if length <= 0:
            return NO_WORDS if length == 0 else NO_WORDS_HERE
        words = decoded(texts)
        if words is None or "" in words:
            return NO_WORDS_HERE
        self.tries = TRIES
        return words, length

    def look(self, made: Sequence[StreamEvent]) -> None:
        """Events that are not learnt from were decoded to `made`: another part may have begun."""
        if any(type(each) is not PartDelta for each in made):
            self.known = None

    def learn(self, event: bytes, made: Sequence[StreamEvent], like: Callable[[bytes], TextRows | None]) -> None:
        """`event` was decoded to `made`, and more events of its form would be read alike: `like` gives this form."""
        if not made:
            return
        self.known = None
        deltas = [each for each in made if type(each) is PartDelta]
        if len(deltas) != 1 or deltas[0] is not made[-1] or deltas[0].logprobs is not None:
            return
        form = self._last
        if form is None or form.take(event, 0)[1] != len(event):
            if not self.tries:
                return
            self.tries -= 1
            form = like(event)
            if form is None:
                return
            self._last = form
        texts, length = form.take(event, 0)
        if length == len(event) and decoded(texts) == [deltas[0].text]:
            self.known = form


def decoded(texts: list[bytes]) -> list[str] | None:
    """The texts that stand inside of these JSON strings; None if one of them is none."""
    try:
        words = _decode(b'["%b"]' % b'","'.join(texts))
    except NOT_STRICT:
        return None
    return words if len(words) == len(texts) else None
