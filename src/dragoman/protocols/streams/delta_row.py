"""Pieces of one text that came together, as one event. Knows no dialect.

Code that does not know DeltaRow reads it as one PartDelta with the whole text. An encoder writes an event for each of
its pieces, so that callers get the text as the service cut it.
"""

from collections.abc import Sequence

from dragoman.types import PartDelta


class DeltaRow(PartDelta, frozen=True, gc=False):
    """More of the open part, in several pieces."""

    pieces: Sequence[str] = ()
    """None of them is empty; `text` is all of them."""


def deltas(words: list[str], *, in_row: bool) -> list[PartDelta]:
    """The events for more of the open part, in pieces that are not empty."""
    if in_row and len(words) > 1:
        return [DeltaRow("".join(words), None, words)]
    return list(map(PartDelta, words))
