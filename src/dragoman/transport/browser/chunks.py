"""Where HTTP chunks end, read beside libcurl, which does not tell. Knows no protocol but HTTP."""

from collections import deque

import httptools

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class ChunkEnds:
    """Follows a chunked body as it came off the wire, and cuts what libcurl hands out where a chunk has ended."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(HEAD)
        self._read = 0
        self._given = 0
        self._ends: deque[int] = deque()

    def on_body(self, data: bytes) -> None:
        """Part of a chunk."""
        self._read += len(data)

    def on_chunk_complete(self) -> None:
        """The end of a chunk."""
        self._ends.append(self._read)

    def feed(self, data: bytes) -> list[bytes]:
        """Takes raw bytes, before libcurl hands out what they hold; an empty piece where that had ended a chunk."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            return []  # libcurl finds the same fault, and says so
        return self._marks()

    def cut(self, data: bytes) -> list[bytes]:
        """`data` in pieces, an empty one behind each end of a chunk."""
        pieces: list[bytes] = []
        while data:
            size = self._ends[0] - self._given if self._ends else len(data)
            pieces.append(data[:size])
            self._given += len(pieces[-1])
            data = data[size:]
            pieces += self._marks()
        return pieces

    def _marks(self) -> list[bytes]:
        marks: list[bytes] = []
        while self._ends and self._ends[0] <= self._given:
            self._ends.popleft()
            marks = [b""]
        return marks
