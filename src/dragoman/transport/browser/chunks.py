"""HTTP chunks, taken apart beside libcurl, which does not tell where they end. Knows no protocol but HTTP."""

from functools import partial

import httptools

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Chunks:
    """A chunked body as it comes off the wire. `whole`: it has come to its end, which one with a fault never does.

    `marked`: an empty piece follows each chunk but the last, which is the end itself.
    """

    def __init__(self, *, marked: bool) -> None:
        self.whole = False
        self._broken = False
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        if marked:
            self.on_chunk_complete = partial(self._pieces.append, b"")
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(HEAD)

    def on_message_complete(self) -> None:
        """The end."""
        self.whole = True
        if self._pieces and not self._pieces[-1]:
            self._pieces.pop()

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that `data`, cut anywhere, holds; none spans two chunks."""
        if not self._broken:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError:
                self._broken = True
        pieces = self._pieces.copy()
        self._pieces.clear()
        return pieces
