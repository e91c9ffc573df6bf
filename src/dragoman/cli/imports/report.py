"""What became of each key of a file, as lines for a person. Shows no value of the file."""

from collections.abc import Iterator, Sequence

from dragoman.cli.imports.ledger import Finding, Verdict
from dragoman.cli.terminal.output import one_line
from dragoman.config.keys import Keys, dotted
from dragoman.wire.utf8 import well_formed

HEADS: dict[Verdict, str] = {
    Verdict.EXACT: "exact: it means the same",
    Verdict.BY_HAND: "by hand: you have to look at it",
    Verdict.IMPOSSIBLE: "impossible: dragoman has nothing like it",
}

WHOLE = "the file"
"""The path of a file that holds a single value."""


def report(findings: Sequence[Finding]) -> Iterator[str]:
    """The lines: each key once, under the head of its verdict."""
    for verdict, head in HEADS.items():
        found = [finding for finding in findings if finding.verdict is verdict]
        if found:
            yield f"{head} ({len(found)})"
            yield from (f"  {one_line(_spelt(each.path))}: {one_line(each.words)}" for each in found)


def _spelt(path: Keys) -> str:
    return dotted(tuple(well_formed(key) if isinstance(key, str) else key for key in path)) or WHOLE
