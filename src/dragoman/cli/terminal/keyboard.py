"""The keyboard while an answer is drawn: what is typed is not shown, and waits for the next prompt."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from dragoman.cli.terminal.output import is_terminal

try:
    import termios
except ImportError:  # Windows has none
    QUIETS = False
else:
    QUIETS = True


@contextmanager
def silent(resumed: Callable[[], None]) -> Iterator[None]:
    """Within it the terminal shows no key. `resumed` is called after Ctrl-Z and `fg`.

    Ctrl-C and Ctrl-Z do what they always do.
    """
    if not QUIETS or not is_terminal(sys.stdin):
        yield
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def again(_: int, __: FrameType | None) -> None:
        _silence(handle)
        resumed()

    continued = signal.signal(signal.SIGCONT, again)
    _silence(handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, continued)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _silence(handle: int) -> None:
    # Key by key: of a line that is not complete yet, the prompt would get nothing.
    mode = termios.tcgetattr(handle)
    mode[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(handle, termios.TCSADRAIN, mode)
