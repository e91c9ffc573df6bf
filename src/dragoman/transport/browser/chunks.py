"""HTTP chunks, parsed here because libcurl does not report where they end. Knows no protocol except HTTP."""

from functools import partial

import httptools

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Chunks:
    """A chunked body as it arrives.

    `whole`: its end has come. `broken`: no more can be read, because of a fault in it or of bytes after its end.
    `marked`: an empty piece follows each chunk except the last, which is the end itself.
    """

    def __init__(self, *, marked: bool) -> None:
        self.whole = False
        self.broken = False
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        if marked:
            self.on_chunk_complete = partial(self._pieces.append, b"")
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.feed_data(HEAD)

    def on_message_begin(self) -> None:
        """What begins after the end is not part of the body: the parser stops there."""
        if self.whole:
            raise EOFError

    def on_message_complete(self) -> None:
        """The end."""
        self.whole = True
        if self._pieces and not self._pieces[-1]:
            self._pieces.pop()

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces in `data`, which may be cut anywhere; none spans two chunks."""
        if self._parser is not None:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                self.broken = True
                self.close()
        pieces = self._pieces.copy()
        self._pieces.clear()
        return pieces

    def close(self) -> None:
        """Nothing more is fed. Breaks a reference cycle, which only the garbage collector would free."""
        self._parser = None
