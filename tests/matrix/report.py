"""The table of all cells that a test run prints: scenarios down, callers and under each of them its services across."""

import json
from collections.abc import Iterable, Sequence

from tests.matrix.cells import Came, Cell
from tests.matrix.dialects import CALLERS, SERVICES
from tests.matrix.expected import problems, why_not
from tests.matrix.known import bug
from tests.matrix.scenes import SCENES

MARKS = {
    "=": "all of it arrives",
    "~": "something cannot be said there, and is named",
    ".": "the caller cannot ask it, or the service cannot answer it",
    "x": "a known bug",
    "F": "FAILS",
    " ": "not run",
}
PROPERTY = "matrix"
"""The name under which a test hands over its cells."""

Marks = dict[str, str]
"""`caller|service|scenario` to the marks of the whole answer and of the stream."""


def cells(callers: Iterable[str] = tuple(CALLERS), services: Iterable[str] = tuple(SERVICES)) -> list[Cell]:
    """All cells of these pairs."""
    wanted = tuple(services)
    return [
        Cell(caller, service, scene, stream)
        for caller in callers
        for service in wanted
        for scene in SCENES
        for stream in (False, True)
    ]


def judge(came: Iterable[tuple[Cell, Came]], *, node: bool = False) -> tuple[Marks, list[str]]:
    """The marks of the cells, and what is wrong. A known bug that is none any more is wrong too."""
    marks: Marks = {}
    wrong: list[str] = []
    for cell, what in came:
        place = f"{cell.caller}|{cell.service}|{cell.scene.name}"
        found = list(problems(cell, what, node=node))
        known = bug(cell)
        mark = "~" if any(outcome.losses for outcome in what.outcomes) else "="
        if found:
            mark = "x" if known else "F"
        if found and not known:
            wrong += [f"{cell.model}: {problem}" for problem in found]
        elif known and not found:
            mark = "F"
            wrong.append(f"{cell.model}: no bug any more ({known}): take its row out of known.py")
        marks[place] = marks.get(place, "") + mark
    return marks, wrong


def possible(chosen: Iterable[Cell]) -> list[Cell]:
    """Those that the caller can ask and the service can answer."""
    return [cell for cell in chosen if not why_not(cell)]


def table(results: Sequence[str]) -> list[str]:
    """The lines of the table. `results`: Marks as JSON, of several tests."""
    marks: Marks = {}
    for result in results:
        marks |= json.loads(result)
    shown = [name.rpartition("-")[2][:2] for name in SERVICES]
    wide = 3 * len(SERVICES)
    lines = [
        *(f"  {mark!r} {meaning}" for mark, meaning in MARKS.items()),
        f"{'':26}" + "".join(f"{caller:{wide + 2}.{wide + 1}}" for caller in CALLERS),
        f"{'':26}" + "".join(f"{' '.join(shown)}   " for _ in CALLERS),
    ]
    for scene in SCENES:
        row = f"{scene.name:26}"
        for caller in CALLERS:
            for service in SERVICES:
                why = why_not(Cell(caller, service, scene, stream=False))
                row += f"{'..' if why else marks.get(f'{caller}|{service}|{scene.name}', '  ')} "
            row += "  "
        lines.append(row.rstrip())
    return lines
