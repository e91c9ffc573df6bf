"""Text on stdout and stderr. Knows which characters a terminal must not get, and no answers."""

import errno
import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from dragoman.wire.utf8 import well_formed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

DIM, PLAIN = "\x1b[2m", "\x1b[22m"

_KEPT = {ord("\n"): "\n", ord("\t"): "\t", ord("\r"): ""}
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_C1 = dict.fromkeys(range(0x80, 0xA0), "\ufffd")

_FORMATS = (
    (0xAD, 0xAD),
    (0x61C, 0x61C),
    (0x180E, 0x180E),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x13430, 0x1345F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE007F),
)
"""Characters that nobody sees, and that turn the order of others or carry a text of their own: Unicode's category Cf
without what is drawn (Arabic number signs) and the two joiners, of which scripts and emoji are made."""

_NAMED = {code: f"<U+{code:04X}>" for first, last in _FORMATS for code in range(first, last + 1)}
_HARMLESS = _PICTURES | _C1 | _KEPT | _NAMED
"""Control characters made visible, so that no text can move the cursor, name the window or hide what it says; carriage
returns vanish."""


def harmless(text: str) -> str:
    """`text` as a terminal may see it.

    Line feeds and tabs stay, other control characters become pictures (␛), invisible ones their names (<U+202E>).
    """
    return well_formed(text).translate(_HARMLESS)


def one_line(text: str) -> str:
    """`text` harmless and on one line."""
    return " ".join(harmless(text).split())


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches; False if the stream was closed from the start."""
    return stream is not None and not stream.closed and stream.isatty()


def is_able(stream: TextIO | None) -> bool:
    """Whether `stream` takes more than lines: a terminal on which things can be drawn again."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """The columns of the terminal that stdout is; None if nobody watches."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None


def dim(text: str, stream: TextIO) -> str:
    """`text` dimmed, if `stream` can show that, and colours were not switched off (https://no-color.org)."""
    return f"{DIM}{text}{PLAIN}" if text and is_able(stream) and not os.environ.get("NO_COLOR") else text


def say(text: str = "") -> None:
    """A line on stdout; harmless on a terminal, exact in UTF-8 elsewhere."""
    Out().write(text + "\n")


def say_json(value: object) -> None:
    """A value as a line of JSON on stdout."""
    # Imported here, because every run imports this file, and a shell that completes a word waits for it.
    from dragoman.wire.json import encode_loosely

    say(encode_loosely(value).decode())


def tell(text: str) -> None:
    """A line on stderr, harmless."""
    if sys.stderr is not None:
        print(harmless(text), file=sys.stderr, flush=True)


def remark(text: str) -> None:
    """A line on stderr that is not important."""
    if sys.stderr is not None:
        print(dim(harmless(text), sys.stderr), file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """An error's one line on stderr."""
    tell(f"dragoman: {one_line(message)}")


class Out:
    """Stdout, flushed at every write. Raises BrokenPipeError when its reader has left."""

    def __init__(self) -> None:
        self.terminal = is_terminal(sys.stdout)
        self.fresh = True

    def write(self, text: str) -> None:
        """Text that is not ours: harmless on a terminal, exact in UTF-8 elsewhere."""
        if self.terminal:
            self.draw(harmless(text))
        elif text:
            _exact(text)
            self.fresh = text.endswith("\n")

    def draw(self, text: str) -> None:
        """Text that may style a terminal."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self.fresh = text.endswith("\n")

    def end_line(self) -> None:
        """A line feed, unless the last line has one."""
        if not self.fresh:
            self.write("\n")


def _exact(text: str) -> None:
    data = well_formed(text).encode()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The text layer would translate line feeds on some systems, and follow the locale's encoding.
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(data.decode())
        sys.stdout.flush()


def forgiving() -> None:
    """Makes stdout and stderr show what their encoding lacks as `?`, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class ClosedOutput(io.TextIOBase):
    """Stdout that was closed from the start: a write fails, as other programs' does, and is not lost in silence."""

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class WholeWriter(io.BufferedWriter):
    """Writes at once, and all of it."""

    def write(self, data: "ReadableBuffer", /) -> int:
        count = super().write(data)
        self.flush()
        return count


def open_standard() -> None:
    """Makes stdin, stdout and stderr what everything here expects of them.

    What was closed of them is opened on /dev/null, and writes of ours to such a stdout fail: else what is opened next
    takes their numbers, and what is written to them goes there. Reads and writes wait: a program that shares one of
    them may have set it otherwise, and then text is lost. Stdout takes all that is written: without a buffer
    (PYTHONUNBUFFERED) Python does not notice if a full disk has taken half of it.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    if sys.platform != "win32":
        for handle in range(3):
            os.set_blocking(handle, True)
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    elif isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.FileIO):
        whole = WholeWriter(io.FileIO(sys.stdout.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(whole, sys.stdout.encoding, sys.stdout.errors, write_through=True)


def leave_pipe() -> None:
    """Lets the interpreter end in silence although stdout has not taken all: nobody reads it, or it has no room."""
    if not isinstance(sys.stdout, ClosedOutput):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
