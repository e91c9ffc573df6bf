"""What the user types, message by message: with history, completion and several lines at a terminal."""

import locale
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from dragoman.cli.conversation.history import History, history_path
from dragoman.cli.terminal.output import is_able, is_terminal, tell

try:
    import readline
except ImportError:  # Windows has none
    EDITS = False
else:
    EDITS = True

PROMPT, PLAIN_PROMPT = "› ", "> "
MORE = "… "
"""Before the further lines of a message."""


class Lines(ABC):
    """A source of messages."""

    @abstractmethod
    def read(self) -> str | None:
        """The next message without its last line's end; None after the last message. Raises KeyboardInterrupt."""

    @abstractmethod
    def remember(self, text: str) -> None:
        """A message that was written elsewhere: it can be called up like the others."""


class PipedLines(Lines):
    """Lines of a file or pipe, or of a terminal whose answers go elsewhere: each is a message."""

    def __init__(self) -> None:
        self._prompt = prompt() if is_terminal(sys.stdin) and is_terminal(sys.stderr) else ""

    def read(self) -> str | None:
        if sys.stdin is None:
            return None
        if self._prompt:
            print(self._prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None

    def remember(self, text: str) -> None:
        return


class TerminalLines(Lines):
    """Lines edited with readline, and remembered. `words`: what a line so far may go on with.

    A message goes on in the next line after a backslash at a line's end, and after Alt-Enter.
    """

    def __init__(self, words: Callable[[str], Iterable[str]]) -> None:
        self._history: History | None = History(history_path())
        self._last = ""
        self._bold = is_able(sys.stdout) and not os.environ.get("NO_COLOR")
        if EDITS:
            self._begin(words)

    def read(self) -> str | None:
        try:
            text = self._line(prompt())
        except EOFError:
            print()
            return None
        while _goes_on(text):
            text = text[:-1] + "\n"
            try:
                text += self._line(MORE if prompt() == PROMPT else PLAIN_PROMPT)
            except EOFError:
                print()
        self.remember(text)
        return text

    def remember(self, text: str) -> None:
        if not EDITS or not text.strip() or text == self._last:
            return
        self._last = text
        readline.add_history(text)
        if self._history is not None:
            try:
                self._history.add(text)
            except OSError as exc:
                self._do_without("not kept", self._history, exc)

    def _line(self, sign: str) -> str:
        # Readline must know which characters take no room on the line: \x01 and \x02 enclose them.
        shown = f"\x01\x1b[1m\x02{sign}\x01\x1b[0m\x02" if self._bold and EDITS else sign
        begun = ""
        while True:
            try:
                with _resuming(), _begun(begun):
                    return input(shown)
            except _ResumedError as exc:
                begun = exc.begun

    def _begin(self, words: Callable[[str], Iterable[str]]) -> None:
        readline.set_auto_history(False)
        if self._history is not None:
            try:
                for entry in self._history.entries():
                    readline.add_history(entry)
                    self._last = entry
            except OSError as exc:
                self._do_without("not readable", self._history, exc)
        # The whole line is completed: names of models have most of the characters that would separate words.
        readline.set_completer_delims("")
        readline.set_completer(_completer(words))
        readline.parse_and_bind("tab: complete")
        # Alt-Enter, as most terminals send it: a line feed, taken as it is.
        readline.parse_and_bind(r'"\e\C-m": "\C-v\C-j"')
        readline.parse_and_bind(r'"\e\C-j": "\C-v\C-j"')
        if is_able(sys.stdout):
            # Pasted lines are then one message. Python switches it off (https://bugs.python.org/issue42819).
            readline.parse_and_bind("set enable-bracketed-paste on")

    def _do_without(self, lack: str, history: History, error: OSError) -> None:
        tell(f"the history is {lack}: {error.strerror}: {history.path}")
        self._history = None


def prompt() -> str:
    """What stands before a message, as far as the locale has the sign for it."""
    try:
        PROMPT.encode(locale.getencoding())
    except (UnicodeEncodeError, LookupError):
        return PLAIN_PROMPT
    return PROMPT


def _goes_on(text: str) -> bool:
    """Whether a line ends with an odd number of backslashes: two of them mean a backslash in the text."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _completer(words: Callable[[str], Iterable[str]]) -> Callable[[str, int], str | None]:
    def complete(text: str, state: int) -> str | None:
        found = [word for word in words(text) if word.startswith(text)]
        return found[state] if state < len(found) else None

    return complete


class _ResumedError(Exception):
    """The terminal is ours again, after Ctrl-Z and `fg`: other programs have changed what it shows, and its mode."""

    def __init__(self, begun: str) -> None:
        super().__init__()
        self.begun = begun


@contextmanager
def _resuming() -> Iterator[None]:
    """Within it, being resumed raises _ResumedError with what was typed so far."""
    if sys.platform == "win32" or not EDITS:  # no program is suspended here
        yield
        return
    before = signal.signal(signal.SIGCONT, _resumed)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)


def _resumed(_: int, __: FrameType | None) -> NoReturn:
    raise _ResumedError(readline.get_line_buffer())


@contextmanager
def _begun(text: str) -> Iterator[None]:
    """Within it a line begins with `text`, as if it had been typed."""
    if not text:
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook(None)
