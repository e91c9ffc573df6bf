"""An agent's process: in front of the user, with our signals passed on, until it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from dragoman.errors import ConfigurationError

KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to each process in the foreground: the agent has got them already."""

PASSED = (*KEYBOARD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

Handler = Callable[[int, FrameType | None], None]

KILLED = 128
"""What shells add to a signal's number, for the exit code of what it ended."""


def run_agent(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs `command` to its end; its exit code, or 128 and the number of the signal that ended it.

    It stays in our process group, so that a shell can stop both and go on with both. Raises ConfigurationError if it
    cannot be started, and KeyboardInterrupt if a Ctrl-C ended it.
    """
    waiting: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def heed(number: int, frame: FrameType | None) -> None:
        if process is None:
            waiting.append(number)
        elif number not in KEYBOARD or not _in_foreground():
            # ProcessLookupError: it has ended.
            with suppress(ProcessLookupError):
                process.send_signal(number)

    with _handled(heed, PASSED):
        try:
            process = subprocess.Popen(command, env=dict(environ))  # noqa: S603  # the agent that the user named
        except OSError as exc:
            raise ConfigurationError(f"{command[0]} cannot be started: {exc.strerror}") from exc
        for number in waiting:
            process.send_signal(number)
        code = process.wait()
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    return KILLED - code if code < 0 else code


@contextmanager
def orderly() -> Iterator[None]:
    """Within it TERM and HUP end us as a Ctrl-C does: what was begun is ended too."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(KILLED + number)

    with _handled(leave, (signal.SIGTERM, signal.SIGHUP)):
        yield


@contextmanager
def _handled(heed: Handler, numbers: Sequence[signal.Signals]) -> Iterator[None]:
    """Within it the signals go to `heed`; those that we were started to ignore stay ignored, by the agent too."""
    before = {number: old for number in numbers if (old := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_foreground() -> bool:
    """Whether a terminal sends what is typed there to our process group."""
    try:
        return sys.stdin is not None and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
