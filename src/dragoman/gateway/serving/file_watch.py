"""Whether files have changed, seen by looking at them now and then. Knows neither their content nor a clock.

    KNOWN ── another mark ──> CHANGED ── the same mark at the next look ──> KNOWN, and the change is told
                               │    ^
                               └────┘ yet another mark: it is still being written

A change is told once it has stood still from one look to the next, because a file may be half written at the first.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

Mark = tuple[int, int, int] | None
"""When a file was written, its size and its inode; None: there is none."""

Look = Callable[[Path], Mark]


def mark(path: Path) -> Mark:
    """The mark of a file. Links are followed, because Kubernetes changes a file by changing a link."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class FileWatch:
    """The files that matter, as they were last seen."""

    def __init__(self, paths: Iterable[Path], look: Look) -> None:
        self._look = look
        self._known: dict[Path, Mark] = {}
        self._changed: dict[Path, Mark] | None = None
        self.settle(paths)

    def settle(self, paths: Iterable[Path]) -> None:
        """From now on `paths` matter, as they are. One that was known already is not looked at: it may have changed."""
        self._known = {path: self._known[path] if path in self._known else self._look(path) for path in paths}
        self._changed = None

    def note(self) -> None:
        """What the files are now is what they are known to be: they are about to be read."""
        self._known = {path: self._look(path) for path in self._known}
        self._changed = None

    def look(self) -> bool:
        """Whether they have changed, and stand still since the last look. True only once for each change."""
        found = {path: self._look(path) for path in self._known}
        if found == self._known:
            self._changed = None
            return False
        if found != self._changed:
            self._changed = found
            return False
        self._known, self._changed = found, None
        return True
