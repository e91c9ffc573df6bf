"""Cells that fail because of a bug in the code under test. One that passes by now fails the test: its row goes away."""

from tests.matrix.cells import Cell

BUGS: dict[tuple[str, str], str] = {}
"""By service and scenario."""


def bug(cell: Cell) -> str:
    """Why the cell fails; empty if it must not."""
    return BUGS.get((cell.service, cell.scene.name), "") if cell.caller != cell.service else ""
