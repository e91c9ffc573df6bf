"""A sign on stderr that something is awaited. Says nothing if nobody watches, or rich is missing."""

import sys
from typing import TYPE_CHECKING

from dragoman.cli.terminal.output import is_able

if TYPE_CHECKING:
    from rich.status import Status


class Waiting:
    """A spinner, from `start` until `stop`; both may be called twice."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._status: Status | None = None

    def start(self) -> None:
        """Shows it, on a terminal."""
        if self._status is None and is_able(sys.stderr):
            self._status = _spinner(self._label)
            if self._status is not None:
                self._status.start()

    def stop(self) -> None:
        """Leaves no trace of it."""
        status, self._status = self._status, None
        if status is not None:
            status.stop()


def _spinner(label: str) -> "Status | None":
    try:
        from rich.console import Console
        from rich.status import Status
        from rich.text import Text
    except ImportError:
        return None
    return Status(Text(label), console=Console(stderr=True), spinner="dots")
