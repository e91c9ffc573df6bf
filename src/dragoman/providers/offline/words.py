"""Text in words: how the offline models stream it, and what they call tokens."""

import re
from collections.abc import Iterator

PIECE = 4096
"""Characters of the longest piece: a word without end still comes as a stream, far below any limit on an event."""

_WORD = re.compile(rf"\S{{1,{PIECE}}}\s{{0,{PIECE}}}|\s{{1,{PIECE}}}")


def words(text: str) -> Iterator[str]:
    """`text` cut after the space that follows each word; joined without anything between them the pieces are `text`."""
    return (found[0] for found in _WORD.finditer(text))


def count_words(text: str) -> int:
    """The words between spaces."""
    return len(text.split())


def first_words(text: str, most: int) -> str:
    """`text` up to its `most`-th word."""
    end = 0
    for found in re.finditer(r"\S+", text):
        if most <= 0:
            return text[:end]
        most -= 1
        end = found.end()
    return text
