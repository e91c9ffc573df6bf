"""The seam by which `chat` gets one message after another from its user, and the reader that needs no other package."""

import locale
import sys
from abc import ABC, abstractmethod

from dragoman.cli.files import not_utf8
from dragoman.cli.terminal.output import is_terminal
from dragoman.errors import InvalidRequestError
from dragoman.wire.utf8 import BOM

PROMPT, PLAIN_PROMPT = "› ", "> "
MORE, PLAIN_MORE = "… ", "  "
"""Before the further lines of a message."""


class Lines(ABC):
    """A source of messages."""

    @abstractmethod
    def read(self) -> str | None:
        """The next message without its last line's end; None after the last message.

        Raises KeyboardInterrupt, and InvalidRequestError for what is no text.
        """

    @abstractmethod
    def remember(self, text: str) -> None:
        """A message that was written elsewhere: it can be called up like the others."""


class PlainLines(Lines):
    """Each line is a message: of a file or pipe, or of a terminal on which nothing can be edited."""

    def __init__(self) -> None:
        self._prompt = prompt() if is_terminal(sys.stdin) and is_terminal(sys.stderr) else ""
        self._mark = BOM
        """What the next line may begin with that is no part of it."""

    def read(self) -> str | None:
        if sys.stdin is None:
            return None
        if self._prompt:
            print(self._prompt, end="", file=sys.stderr, flush=True)
        # UTF-8 whatever the locale, as `ask` reads it.
        line, mark = sys.stdin.buffer.readline(), self._mark
        self._mark = b""
        try:
            return line.removeprefix(mark).decode().rstrip("\r\n") if line else None
        except UnicodeDecodeError as exc:
            raise InvalidRequestError(f"{not_utf8(exc)} of a line") from exc

    def remember(self, text: str) -> None:
        return


def typed(text: str) -> str:
    """`text`, if it is one. Raises InvalidRequestError for what a terminal of another encoding sends."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequestError("expected UTF-8 from the terminal, got other bytes; nothing is sent") from exc
    return text


def prompt() -> str:
    """What stands before a message, as far as the locale has the sign for it."""
    return PROMPT if _has(PROMPT) else PLAIN_PROMPT


def more() -> str:
    """The same for the further lines of a message."""
    return MORE if _has(MORE) else PLAIN_MORE


def _has(sign: str) -> bool:
    try:
        sign.encode(locale.getencoding())
    except (UnicodeEncodeError, LookupError):
        return False
    return True
