"""What callers may ask of the gateway at most, and how long it waits for them. Knows no file and no environment."""

from msgspec import Struct

MAX_HEAD, MAX_FIELDS, MAX_FIELD = 64 << 10, 100, 16 << 10
MAX_BODY = 32 << 20


class LimitsConfig(Struct, frozen=True, kw_only=True):
    """The limits of requests, connections and waits; None: no limit."""

    max_body: int = MAX_BODY
    """Bytes of a request: 32 MiB are enough for a few pictures; OpenAI and Anthropic accept as much or more."""
    max_head: int = MAX_HEAD
    """Bytes of a request's head, or of what frames its body between two pieces: 64 KiB; Node and Envoy allow as
    much."""
    max_fields: int = MAX_FIELDS
    """Header fields of a request; Apache's and Node's limits are of the same order."""
    max_field: int = MAX_FIELD
    """Bytes of one header field, or of path and query: 16 KiB, twice what nginx allows."""
    max_in_flight: int | None = None
    """Requests under way at the same time, in each worker; one more is answered 503 `overloaded` at once, with
    `retry-after`. Not set: as many as there are descriptors for, because nearly all of them only wait for a service,
    and how many of these a service can take is said by `max_parallel` of a route's target."""
    max_in_flight_per_key: int | None = None
    """The same of one key of the gateway, in each worker; one more is answered 429. Requests without a key count
    together. Not set: any number, because one program with one key is how most gateways are used."""
    max_connections_per_peer: int | None = None
    """Connections from one address, in each worker; one more is answered 503 and closed. Not set: any number, because
    behind a proxy all callers have its address."""
    max_lag: float | None = None
    """Seconds by which the event loop may be late for half a second without a break; then the processor has more to do
    than it can do, and new requests are answered 503 `overloaded` until it is in time again. Not set: never refused
    for that, because on a machine that is shared the processor is late through no fault of the gateway's. 0.025 is ten
    times what a worker in full but healthy use has on a machine of its own."""
    head_timeout: float = 10.0
    """Seconds until a request's head is complete; an honest caller sends it in one packet."""
    body_timeout: float = 30.0
    """Seconds of the longest silence inside of a request; nginx allows 60, and 30 is enough for one that is being
    sent."""
    idle_timeout: float = 75.0
    """Seconds between two requests on a connection; the same as nginx. A proxy in front must close its idle connections
    sooner, or it sends a request into one that is just being closed."""
    stall_timeout: float = 120.0
    """Seconds for which a caller may read nothing of its answer; then it is cut off, and its service too."""
    heartbeat: float = 15.0
    """Seconds of silence after which a stream gets a heartbeat: nginx and most load balancers cut an answer after 60
    silent ones, some after 30."""
