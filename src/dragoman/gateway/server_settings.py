"""What the configuration says of callers, for the HTTP server, which knows no configuration."""

import math

from dragoman.config import GatewayConfig
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts


def server_timeouts(gateway: GatewayConfig) -> ServerTimeouts:
    """How long callers may take."""
    return ServerTimeouts(
        heartbeat=gateway.heartbeat,
        head_after=math.inf if gateway.head_after is None else gateway.head_after,
        head=gateway.head_timeout,
        body=gateway.body_timeout,
        idle=gateway.idle_timeout,
        stall=gateway.stall_timeout,
        grace=gateway.grace,
    )


def request_limits(gateway: GatewayConfig) -> RequestLimits:
    """How large a request may be."""
    return RequestLimits(gateway.max_body, gateway.max_head, gateway.max_fields, gateway.max_field)
