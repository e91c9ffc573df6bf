"""What the user types: line by line, with history and completion at a terminal."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from dragoman.cli.output import is_able, is_terminal, tell

try:
    import readline
except ImportError:  # Windows has none
    EDITS = False
else:
    EDITS = True

MOST_LINES = 2000
"""Lines of history that are kept: twice what shells keep, some 200 KiB of long questions."""

PROMPT = "› "
# Readline must know what takes no room on the line: \x01 and \x02 enclose it.
BOLD_PROMPT = f"\x01\x1b[1m\x02{PROMPT}\x01\x1b[0m\x02"


class Lines(ABC):
    """A source of lines."""

    @abstractmethod
    def read(self) -> str | None:
        """The next line without its end; None behind the last. Raises KeyboardInterrupt."""

    @abstractmethod
    def close(self) -> None:
        """The conversation is over."""


class PipedLines(Lines):
    """Lines of a file or pipe, or of a terminal whose answers go elsewhere."""

    def __init__(self) -> None:
        self._prompt = is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def read(self) -> str | None:
        if sys.stdin is None:
            return None
        if self._prompt:
            print(PROMPT, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None

    def close(self) -> None:
        return


class TerminalLines(Lines):
    """Lines edited with readline, their history kept between runs. `words`: what a line so far may go on with."""

    def __init__(self, words: Callable[[str], Iterable[str]]) -> None:
        self._history = history_file()
        self._prompt = PROMPT
        if EDITS:
            self._begin(words)

    def read(self) -> str | None:
        try:
            return input(self._prompt)
        except EOFError:
            print()
            return None

    def close(self) -> None:
        if not EDITS:
            return
        try:
            self._history.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # What was asked is nobody else's to read; of readline's kinds only GNU's sees to that itself.
            self._history.touch(mode=0o600)
            readline.write_history_file(self._history)
        except OSError as exc:
            tell(f"the history was not kept: {exc.strerror}: {self._history}")

    def _begin(self, words: Callable[[str], Iterable[str]]) -> None:
        if is_able(sys.stdout) and not os.environ.get("NO_COLOR"):
            self._prompt = BOLD_PROMPT
        readline.set_history_length(MOST_LINES)
        readline.set_auto_history(True)
        if self._history.exists():
            try:
                readline.read_history_file(self._history)
            except OSError as exc:
                tell(f"the history is not readable: {exc.strerror}: {self._history}")
        # A whole line is completed at a time: names of models hold most characters that would part words.
        readline.set_completer_delims("")
        readline.set_completer(_completer(words))
        readline.parse_and_bind("tab: complete")
        if is_able(sys.stdout):
            # Pasted lines are then one message. Python switches it off (https://bugs.python.org/issue42819).
            readline.parse_and_bind("set enable-bracketed-paste on")


def _completer(words: Callable[[str], Iterable[str]]) -> Callable[[str, int], str | None]:
    def complete(text: str, state: int) -> str | None:
        found = [word for word in words(text) if word.startswith(text)]
        return found[state] if state < len(found) else None

    return complete


def history_file() -> Path:
    """Where the lines of earlier runs are. https://specifications.freedesktop.org/basedir-spec/latest/"""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "dragoman" / "history"
