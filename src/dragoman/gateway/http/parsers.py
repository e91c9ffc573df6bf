"""Parsers that wait for a connection that needs one: between two requests they are all alike. Knows no socket.

A parser takes 1.2 KiB, in a dozen objects, and while an answer streams, for minutes, its connection parses nothing.
"""

from typing import Generic

from dragoman.gateway.http.parser import Events, RequestParser
from dragoman.gateway.http.request import Admitted

MOST = 64
"""Parsers that are kept. More are in use only while so many requests arrive in pieces at the same time."""


class Parsers(Generic[Admitted]):
    """The parsers that no connection needs now."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: list[RequestParser[Admitted]] = []

    def take(self, events: Events[Admitted]) -> RequestParser[Admitted]:
        """A parser that calls `events`."""
        if not self._idle:
            return RequestParser(events)
        parser = self._idle.pop()
        parser.events = events
        return parser

    def give_back(self, parser: RequestParser[Admitted]) -> None:
        """`parser`, which is between two requests, is not needed now."""
        if len(self._idle) < MOST:
            del parser.events
            self._idle.append(parser)
        else:
            parser.close()
