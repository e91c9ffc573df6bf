"""The states of a caller's connection, and which follows which. Knows no socket and no request.

    state     | requests are read | answers are sent | ends
    ----------|-------------------|------------------|------------------------------------------------------
    OPEN      | yes               | yes              | by its caller, or after a silence
    DRAINING  | yes               | yes              | after the last answer that is under way
    BROKEN    | no                | yes              | the same, and an error follows that answer
    SWITCHED  | no: a WebSocket   | by the WebSocket | when the WebSocket closes
    PARTED    | no                | no               | when the caller closes too, or after a moment
    CLOSED    | no                | no               | at once, or as soon as the caller has read what waits

Whether the caller reads is no part of it; see `CallerSocket`.
"""

from enum import Enum


class ConnectionState(Enum):
    """What a connection still does."""

    OPEN = "requests are read and answered"
    DRAINING = "the same until the last request that came is answered"
    BROKEN = "what came last cannot be understood: an error is sent after the answers under way"
    SWITCHED = "HTTP has ended: what comes is a WebSocket's"
    PARTED = "our sending half is closed, and what still comes is dropped"
    CLOSED = "the socket is being closed, or is closed"


class ConnectionEvent(Enum):
    """What changes that."""

    DRAIN = "the server wants no more requests"
    BREAK = "what came cannot be understood"
    SWITCH = "a WebSocket takes over"
    PART = "the last answer was sent, and its request may still be coming"
    CLOSE = "the socket closes, on either side"


OPEN, DRAINING, BROKEN, SWITCHED, PARTED, CLOSED = ConnectionState
DRAIN, BREAK, SWITCH, PART, CLOSE = ConnectionEvent

TRANSITIONS: dict[ConnectionState, dict[ConnectionEvent, ConnectionState]] = {
    OPEN: {DRAIN: DRAINING, BREAK: BROKEN, SWITCH: SWITCHED, PART: PARTED, CLOSE: CLOSED},
    DRAINING: {DRAIN: DRAINING, BREAK: BROKEN, SWITCH: SWITCHED, PART: PARTED, CLOSE: CLOSED},
    BROKEN: {DRAIN: BROKEN, PART: PARTED, CLOSE: CLOSED},
    SWITCHED: {DRAIN: SWITCHED, CLOSE: CLOSED},
    PARTED: {DRAIN: PARTED, CLOSE: CLOSED},
    CLOSED: {DRAIN: CLOSED, CLOSE: CLOSED},
}
"""An event that is missing in a state's row is a bug of ours; the KeyError says which."""
