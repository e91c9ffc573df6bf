"""UTF-8 text, which may arrive in pieces. Does not know what the text says."""

import codecs

BOM = b"\xef\xbb\xbf"
"""The byte order mark, with which some programs begin a text."""
BLANKS = b" \t\r\n"
"""What may stand around JSON, and mean nothing."""

_new = codecs.getincrementaldecoder("utf-8")


class Utf8Reader:
    """Text from bytes cut anywhere. What is not UTF-8 becomes U+FFFD; a character cut by a piece's edge never does."""

    def __init__(self) -> None:
        self._decoder = _new("replace")
        self._cut = False

    @property
    def holds(self) -> bool:
        """Whether the beginning of a character is held."""
        return self._cut

    def feed(self, data: bytes) -> str:
        """The text that `data` completes."""
        if not self._cut:
            try:
                return data.decode()  # five times as fast as the incremental decoder, which is written in Python
            except UnicodeDecodeError:
                pass
        text = self._decoder.decode(data)
        self._cut = bool(self._decoder.getstate()[0])
        return text

    def finish(self) -> str:
        """U+FFFD if the last character was not complete, else nothing."""
        return self._decoder.decode(b"", final=True)


def start_of(body: bytes) -> bytes:
    """`body` from its first byte that is neither blank nor a byte order mark."""
    return body.lstrip(BLANKS).removeprefix(BOM).lstrip(BLANKS)


def valid(data: bytes) -> bytes:
    """`data` with U+FFFD for what is not UTF-8; the same object if all of it is."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def well_formed(text: str) -> str:
    """`text` as UTF-8 can carry it: each lone surrogate becomes U+FFFD, as in JavaScript's TextEncoder.

    https://encoding.spec.whatwg.org/#interface-textencoder
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
