"""What a connection is to send, and by when. Knows no socket."""

import math

from msgspec import Struct

from dragoman.transport.base import Timeouts


class OutgoingRequest(Struct, frozen=True, gc=False):
    """A request, ready to send."""

    head: bytes
    body: bytes
    timeouts: Timeouts
    ends: float
    """The loop's time by which the reply must be complete."""
    content: float = math.inf
    """The loop's time by which there must be content, if that comes before `ends`."""
    bodiless: bool = False
    """Its reply has no body, even if the head has a length."""
    marked: bool = False
    """An empty piece follows each chunk of its reply."""
