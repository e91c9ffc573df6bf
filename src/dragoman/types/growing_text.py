"""A text that grows by pieces. A list of them, which StringIO is too, takes ten times the memory of the text."""

from io import BytesIO

LONE = "surrogatepass"
"""Halves of characters are kept as they are."""


class GrowingText:
    """As many bytes as the text has in UTF-8, and a few more."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes: BytesIO | None = None  # many never get a piece

    def add(self, piece: str) -> None:
        """Adds a piece at the end."""
        if self._bytes is None:
            self._bytes = BytesIO()
        self._bytes.write(piece.encode("utf-8", LONE))

    def __str__(self) -> str:
        return "" if self._bytes is None else self._bytes.getvalue().decode("utf-8", LONE)
