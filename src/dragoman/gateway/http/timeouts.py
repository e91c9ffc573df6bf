"""How long the gateway waits for its callers, and they for it."""

from msgspec import Struct

from dragoman.config.values import GRACE


class ServerTimeouts(Struct, frozen=True):
    """Seconds.

    `heartbeat`: a silence that is broken with bytes that mean nothing; nginx and most load balancers cut an answer
    after 60 silent ones. `head_after`: the same before the first content, after which the status is spent (see
    GatewayConfig). `head`: until a request's head is whole, which is one packet from an honest caller. `body`:
    the longest silence within a request; nginx gives 60, and 30 is ample for one that is being sent. `idle`: between
    requests, as long as nginx gives. `stall`: for which a caller may read nothing of its answer. `linger`: for which a
    request is read on after its refusal, as closing on what still comes would take the answer out of the caller's
    hands; nginx gives up to 30. `grace`: what answers under way get once the gateway is told to stop; None: as long as
    they take.
    """

    heartbeat: float = 15.0
    head_after: float = 10.0
    head: float = 10.0
    body: float = 30.0
    idle: float = 75.0
    stall: float = 120.0
    linger: float = 2.0
    grace: float | None = GRACE
