"""What the first chunk of an answer says of all of it."""

from dragoman.protocols.openai_chat.chunk import ChunkHead
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_shared.family import TIER, answer_extra
from dragoman.types import ResponseStart

SILENT = ("system_fingerprint",)
"""Fields of an answer that mean nothing to a reader."""

LATEST = 1 << 40
"""Seconds since 1970 (the year 36,812): a larger `created` is not a time."""


def answer_start(head: ChunkHead) -> ResponseStart:
    """The event with which the answer begins; what is no value of its field is left out."""
    more = {"system_fingerprint": head.system_fingerprint, TIER: head.service_tier}
    return ResponseStart(
        id=head.id if isinstance(head.id, str) and head.id else None,
        model=head.model if isinstance(head.model, str) and head.model else None,
        created=int(head.created) if isinstance(head.created, int | float) and 0 < head.created < LATEST else None,
        extra=answer_extra(NAME, {name: value for name, value in more.items() if isinstance(value, str)}),
        silent=SILENT if isinstance(head.system_fingerprint, str) else (),
    )
