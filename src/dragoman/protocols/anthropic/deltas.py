"""Deltas of text as the service writes them, known by their form alone.

The pattern takes whole events alone: an `event:` line of that name, one data line, and in it one JSON string as the
last field. Such an event cannot hold a failure, an end or a usage.
"""

import re
from functools import lru_cache

from dragoman.protocols.lane import Lane

DELTA = (
    rb"(event: ?content_block_delta\n"
    rb'data: ?\{"type": ?"content_block_delta", ?"index": ?%d, ?'
    rb'"delta": ?\{"type": ?"(?:text_delta|input_json_delta|thinking_delta)", ?)("(?:text|partial_json|thinking)": ?")'
    rb'[^"\\\x00-\x1f]*+(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+("\} *\} *\n\n)'
)
"""A delta of the block with a number, in three groups: what stands before the field, the field's name, and what stands
after the text. The service itself pads deltas with spaces (seen 2026-08)."""


@lru_cache(maxsize=256)
def deltas(index: int) -> re.Pattern[bytes]:
    """One delta of text of the block `index`, or a row of them."""
    return re.compile(rb"(?:%b)++" % (DELTA % index))


def lane_of(found: re.Match[bytes]) -> Lane:
    """The lane of the last delta that the pattern found."""
    before, name, after = found.groups()
    return Lane(before + name, after, name)
