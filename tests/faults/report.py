"""The sample of the matrix, and what is said of a run of it."""

import asyncio
import random
from collections.abc import Sequence
from typing import TypeVar

import pytest
import uvloop

from tests.seed import commit_seed

MAKERS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
"""What makes an event loop, by whose it is."""

T = TypeVar("T")


def chosen(cells: Sequence[T], size: int, found: Sequence[str], config: pytest.Config) -> tuple[list[T], int]:
    """The cells of a run, and the seed: all if `--faults` asks for them, else `size` by lot, and those of `found`."""
    given = config.getoption("--faults-seed")
    seed = commit_seed() if given is None else int(given)
    if config.getoption("--faults"):
        return list(cells), seed
    wanted = set(random.Random(seed).sample(range(len(cells)), min(size, len(cells))))
    return [cell for number, cell in enumerate(cells) if number in wanted or str(cell) in found], seed


def played(kind: str, cells: int, wrong: int, seconds: float, seed: int) -> tuple[str, str]:
    """A run of some cells, as a property of its test, for `summary`."""
    return f"faults of {kind}", f"{cells} {wrong} {seconds} {seed}"


def summary(kind: str, runs: Sequence[str]) -> str:
    """All runs of a kind in one line."""
    rows = [run.split() for run in runs]
    cells, wrong = (sum(int(row[place]) for row in rows) for place in (0, 1))
    seconds = sum(float(row[2]) for row in rows)
    return f"faults of {kind}: {cells} cells, {cells - wrong} pass, {seconds:.1f} s, --faults-seed {rows[0][3]}"


def told(wrong: dict[str, list[str]], seed: int) -> str:
    """The cells with something wrong, and what it is."""
    lines = [line for cell, found in wrong.items() if found for line in (cell, *(f"    {each}" for each in found))]
    return "\n".join([f"with --faults-seed {seed}:", *lines]) if lines else ""
