"""Where a connection stands. Knows nothing of how it got there."""

from enum import Enum


class State(Enum):
    """Where a connection stands with its present request."""

    IDLE = "no request"
    HEAD = "waiting for the head"
    BODY = "in the body"
    COMPLETE = "the reply is whole"
    FAILED = "failed; see `error`"


IDLE, HEAD, BODY, COMPLETE, FAILED = State
