"""What the host took of this machine's cores while something was measured, from /proc/stat."""

from collections.abc import Sequence
from pathlib import Path

from bench.process import CORES

MUCH = 0.02
"""The part of a core that spoils a turn: its latencies above all, since a core that is away for 10 ms delays all."""


class Watch:
    """From when it is made."""

    def __init__(self) -> None:
        self._before = _ticks()

    def seen(self) -> tuple[float, ...]:
        """The part of each core that the host has taken since."""
        return tuple(
            (stolen - stolen_before) / max(ticks - ticks_before, 1)
            for (stolen, ticks), (stolen_before, ticks_before) in zip(_ticks(), self._before, strict=True)
        )


def marked(steal: Sequence[float]) -> bool:
    """Whether the host took so much that the turn is to be doubted."""
    return max(steal, default=0.0) > MUCH


def shown(steal: Sequence[float]) -> str:
    """It in words, for a line of output."""
    return f"steal {' '.join(f'{part:.1%}' for part in steal)}{' [steal]' if marked(steal) else ''}"


def _ticks() -> list[tuple[int, int]]:
    """Of each core: what was stolen, and all."""
    found = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(field) for field in fields[:8]]
            found[int(name[3:])] = (ticks[7], sum(ticks))
    return [found[core] for core in CORES]
