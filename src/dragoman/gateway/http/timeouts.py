"""How long the gateway waits for its callers, and they for it."""

from msgspec import Struct

from dragoman.config.values import GRACE


class ServerTimeouts(Struct, frozen=True):
    """Each in seconds."""

    heartbeat: float = 15.0
    """A silence after which a heartbeat is sent: nginx and most load balancers cut an answer after 60 silent ones."""
    head_after: float = 10.0
    """The same before the first content. The heartbeat sends a status, which then is spent; see GatewayConfig."""
    head: float = 10.0
    """Until a request's head is complete; an honest caller sends it in one packet."""
    body: float = 30.0
    """The longest silence inside of a request; nginx allows 60, and 30 is enough for one that is being sent."""
    idle: float = 75.0
    """Between two requests; the same as nginx."""
    stall: float = 120.0
    """For which a caller may read nothing of its answer."""
    linger: float = 2.0
    """For which a refused request is still read: if the connection closed while more comes, the kernel would reset it,
    and the caller would lose the answer. nginx reads for up to 30."""
    grace: float | None = GRACE
    """What answers under way get when the gateway is stopped; None: as long as they take."""
