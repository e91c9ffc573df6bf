"""Which state of a connection to a service follows which. Knows no socket.

    IDLE      there is no request, and the keeper has the connection
    HEAD      the request goes out, or the head of its reply is not complete
    BODY      pieces of the reply come
    COMPLETE  the reply has ended well; pieces of it may still be unread
    FAILED    `error` says why; pieces may still be unread; the connection never serves again

`TRANSITIONS` says what may happen in each state. All else is a bug of ours, except for three things that a peer can do
at any time:

- It sends bytes that no request asked for. In IDLE the connection fails. In COMPLETE and FAILED the reply stays what it
  is, and the connection serves no more.
- It closes the connection. In IDLE the keeper is told. In BODY that may be the END of a reply without a length; else it
  is a FAIL, as it is in HEAD. In COMPLETE and FAILED the reply stays what it is.
- It is silent for too long: a FAIL, except in COMPLETE and FAILED, where nothing is waited for.
"""

from enum import Enum

from dragoman.transport.base import BODY, COMPLETE, FAILED, HEAD, IDLE, State


class Event(Enum):
    """What happens on a connection."""

    BEGIN = "a request is sent"
    REPLY = "the reply's head has come, or more of its body"
    END = "the reply is complete"
    FAIL = "no good end can come: it is late, broken off, not HTTP, too large, or we close the connection"
    REST = "the owner gives it back, to serve again"


BEGIN, REPLY, END, FAIL, REST = Event

TRANSITIONS: dict[State, dict[Event, State]] = {
    IDLE: {BEGIN: HEAD, FAIL: FAILED, REST: IDLE},
    HEAD: {REPLY: BODY, END: COMPLETE, FAIL: FAILED},
    BODY: {REPLY: BODY, END: COMPLETE, FAIL: FAILED},
    COMPLETE: {FAIL: FAILED, REST: IDLE},
    FAILED: {FAIL: FAILED},
}
"""A connection asks it for each FAIL, and for an END that no read brings; what is missing raises KeyError. The other
steps are taken for every request, so there the code sets the state itself, and a test compares it with this table."""
