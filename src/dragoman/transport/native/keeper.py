"""Who owns connections between two requests. Knows nothing of how they are kept."""

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

from dragoman.transport.base import Reply

if TYPE_CHECKING:
    from dragoman.transport.native.connection import Connection


class Keeper(Hashable, Protocol):
    """The owner of connections, idle and busy: a pool."""

    def connections(self, loop: asyncio.AbstractEventLoop) -> "list[Connection]":
        """All that it has in `loop`, which has ended."""

    def ended(self, connection: "Connection") -> None:
        """An idle one has ended."""

    def give_back(self, connection: "Connection | None") -> None:
        """A request is over, and this was its connection; None if it had none."""

    def as_reply(self, connection: "Connection") -> Reply:
        """The reply on a connection, to be read by a task. If it raises, the connection was given back."""
