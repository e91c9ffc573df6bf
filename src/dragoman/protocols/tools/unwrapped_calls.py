"""Answers in which calls of freeform tools came as those of functions: the service has no such tools, or was asked for
functions in their place. Knows no protocol.
"""

from collections.abc import Iterable

from dragoman.protocols.decoder import Decoder
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.protocols.tools.freeform import CallUnwrapper
from dragoman.types import StreamEvent


class UnwrappedCalls(Decoder):
    """The events of the decoder that stands after it among the bases, in which these calls have a text again."""

    _unwrapper = CallUnwrapper(frozenset())

    def unwrap(self, names: frozenset[str]) -> None:
        """Says which tools are freeform, before anything is read."""
        self._unwrapper = CallUnwrapper(names)

    @property
    def open_rows(self) -> RowReader | None:
        return None if self._unwrapper.holds else super().open_rows

    def feed_pieces(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().feed_pieces(pieces))

    def finish(self) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().finish())

    def salvage(self) -> list[StreamEvent]:
        return self._unwrapper.unwrapped(super().salvage())
