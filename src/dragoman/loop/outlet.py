"""A transport's place at an outbox, for somebody who sends past its owner. Does not know what is sent."""

import asyncio

from dragoman.loop.outbox import Outbox


class Outlet:
    """Unconnected until its `outbox` and `transport` are set, by the owner of the transport."""

    __slots__ = ("outbox", "sent_at", "transport")

    outbox: Outbox
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.sent_at = 0.0
        """When something was last sent here, in the loop's time."""
