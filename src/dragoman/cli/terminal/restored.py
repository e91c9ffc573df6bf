"""The terminal as it was found, if a signal ends the program or stops it: with its mode, its cursor and its screen."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from dragoman.cli.terminal.output import is_able, is_terminal

try:
    import termios
except ImportError:  # Windows has none
    RESTORES = False
else:
    RESTORES = True

USUAL = "\x1b[0m\x1b[?25h\x1b[?2004l"
"""No colour, a cursor that is shown, and pasted text without brackets around it."""
SCREEN = f"\x1b[?1049l{USUAL}"
"""The same, and the screen that was there before a program took all of it."""


@contextmanager
def left_as_found(undo: str = USUAL) -> Iterator[None]:
    """Within it, who ends the program by a signal that it does not handle itself gets the terminal back, and `undo` is
    written to it. The program then ends by that signal, as without this. So does a shell to which Ctrl-Z leads."""
    stdin, drawn = sys.stdin, next((each for each in (sys.stdout, sys.stderr) if is_able(each)), None)
    if not RESTORES or (drawn is None and not is_terminal(stdin)):
        yield
        return
    mode = (stdin.fileno(), termios.tcgetattr(stdin.fileno())) if is_terminal(stdin) else None
    screen = None if drawn is None else drawn.fileno()

    def restore() -> None:
        with suppress(OSError, termios.error):  # the terminal is gone
            if mode is not None and _is_ours(mode[0]):
                termios.tcsetattr(mode[0], termios.TCSANOW, mode[1])
            if screen is not None and _is_ours(screen):
                os.write(screen, undo.encode())

    def end(number: int, _: FrameType | None) -> None:
        restore()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def stop(number: int, frame: FrameType | None) -> None:
        end(number, frame)
        signal.signal(number, stop)  # it goes on here, after `fg`

    handlers = {signal.SIGTERM: end, signal.SIGHUP: end, signal.SIGTSTP: stop}
    before = {number: signal.getsignal(number) for number in handlers}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def _is_ours(handle: int) -> bool:
    """Whether the program is in the foreground: one in the background would be stopped, and not end."""
    return os.tcgetpgrp(handle) == os.getpgrp()
