"""Where a connection stands. Knows nothing of how it got there."""

from enum import Enum


class Stage(Enum):
    """Where a connection stands with its present request."""

    IDLE = "no request"
    HEAD = "waiting for the head"
    BODY = "in the body"
    WHOLE = "the reply is whole"
    BROKEN = "failed; see `error`"


IDLE, HEAD, BODY, WHOLE, BROKEN = Stage
