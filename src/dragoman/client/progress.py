"""A bar on stderr that shows how far many calls have come, if somebody looks. Knows nothing of calls."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """Shows nothing."""

    def open(self) -> None:
        """It begins."""

    def advance(self) -> None:
        """One more is done."""

    def close(self) -> None:
        """It is over. May be called twice, in any thread."""


class RichBar(Bar):
    """A bar by rich."""

    def __init__(self, progress: "Progress", title: str, total: int | None) -> None:
        self._progress = progress
        self._title = title
        self._total = total
        self._task: TaskID | None = None

    def open(self) -> None:
        self._task = self._progress.add_task(self._title, total=self._total)
        self._progress.start()

    def advance(self) -> None:
        if self._task is not None:
            self._progress.advance(self._task)

    def close(self) -> None:
        self._progress.stop()


def bar(title: str, total: int | None, shown: bool | None) -> Bar:
    """The bar; one that shows nothing if it is not `shown`, rich is not installed, or `shown` is None and stderr is no
    terminal. `total`: how many there are, if that is known."""
    if shown is False or (shown is None and not sys.stderr.isatty()):
        return Bar()
    try:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
    except ImportError:
        return Bar()
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    return RichBar(Progress(*columns, console=Console(stderr=True), transient=True), title, total)
