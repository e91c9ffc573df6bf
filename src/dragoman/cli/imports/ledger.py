"""An account of every key of a file: each is settled once, by the first finding that reaches it.

A file is a tree; its *leaves* are the values in it that hold no others (an empty list or table is one too). The ledger
starts with all of them open. `settle` closes those that are still open at a path or below it, and `close` settles the
rest as impossible. So no leaf is left out and none is counted twice, whatever an importer does. Knows no program.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from dragoman.config.keys import Keys

NOT_KNOWN = "dragoman has no setting for it"


class Verdict(Enum):
    """What becomes of a key."""

    EXACT = "exact"
    """It means the same in the new file."""
    BY_HAND = "by hand"
    """The user has to do something."""
    IMPOSSIBLE = "impossible"
    """dragoman has nothing like it."""


class Finding(Struct, frozen=True):
    """What became of one leaf."""

    path: Keys
    verdict: Verdict
    words: str
    """Where it went, what to do, or why not. Holds no value of the file but names of services, models and routes."""


class Ledger:
    """The leaves of one file."""

    def __init__(self, leaves: Iterable[Keys]) -> None:
        self._leaves = tuple(leaves)
        self._below: dict[Keys, list[Keys]] = {}
        for leaf in self._leaves:
            for size in range(len(leaf) + 1):
                self._below.setdefault(leaf[:size], []).append(leaf)
        self._findings: dict[Keys, Finding] = {}

    def settle(self, path: Keys, verdict: Verdict, words: str) -> None:
        """Closes what is open at `path` and below it."""
        for leaf in self._below.get(path, ()):
            if leaf not in self._findings:
                self._findings[leaf] = Finding(leaf, verdict, words)

    def close(self) -> tuple[Finding, ...]:
        """All findings, in the order of the file; what was still open is impossible."""
        self.settle((), Verdict.IMPOSSIBLE, NOT_KNOWN)
        return tuple(self._findings[leaf] for leaf in self._leaves)
