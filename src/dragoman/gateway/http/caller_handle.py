"""What another process needs to go on with a caller's connection."""

from collections.abc import Callable

from msgspec import Struct


class CallerHandle(Struct, frozen=True):
    """A connection on which one request has come, which is not answered yet, and nothing else."""

    descriptor: int
    """Of its socket, open until the call ends in which it is given."""
    http_1_1: bool
    keep_alive: bool
    """Whether the caller wants to go on with the connection after the answer."""


Give = Callable[[CallerHandle], bool]
"""Gives a connection away. False if nobody takes it."""
