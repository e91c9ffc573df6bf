"""HTTP chunks, taken apart beside libcurl, which does not tell where they end. Knows no protocol but HTTP."""

from functools import partial

import httptools

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Chunks:
    """A chunked body as it comes off the wire.

    `whole`: it has come to its end. `broken`: no more can be read, be it for a fault within or for what stands behind
    the end. `marked`: an empty piece follows each chunk but the last, which is the end itself.
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
        """What begins after the end is no part of the body: the parser stops there."""
        if self.whole:
            raise EOFError

    def on_message_complete(self) -> None:
        """The end."""
        self.whole = True
        if self._pieces and not self._pieces[-1]:
            self._pieces.pop()

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that `data`, cut anywhere, holds; none spans two chunks."""
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
        """Nothing more is fed. The two know each other: without this, only the collector would free them."""
        self._parser = None
