"""The latest report of tokens in a stream. It is read when somebody asks: each report replaces the one before."""

import re

from dragoman.errors import BadEventError
from dragoman.protocols.gemini.chunk import decode_text_chunk
from dragoman.protocols.gemini.usage import read_usage
from dragoman.types import Usage
from dragoman.wire.json import NOT_STRICT

FIELD = re.compile(rb'"usageMetadata"\s*+:')
LINE_ENDS = b"\r\n"


class LatestReport:
    """Keeps the report that came last, until it is taken."""

    __slots__ = ("_line", "_report")

    def __init__(self) -> None:
        self._report = b""
        """Its JSON."""
        self._line = b""
        """Or the line of the event that holds it."""

    def keep(self, report: bytes) -> None:
        """A report has come."""
        self._report, self._line = report, b""

    def keep_of(self, row: bytes) -> None:
        """Events of one line each have come, of which the last may hold a report."""
        row = row.rstrip(LINE_ENDS)
        line = row[max(row.rfind(b"\n"), row.rfind(b"\r")) + 1 :]
        if FIELD.search(line):
            self._line = line

    def take(self) -> Usage | None:
        """What it says; None if there is none. Raises BadEventError if its event is not JSON."""
        report, line = self._report, self._line
        self._report = self._line = b""
        if line:
            try:
                report = bytes(decode_text_chunk(line.partition(b":")[2]).usage_metadata)
            except NOT_STRICT as exc:
                raise BadEventError("expected a count of tokens, got other JSON") from exc
        return read_usage(report) if report else None
