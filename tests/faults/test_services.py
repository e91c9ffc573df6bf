"""Each cell of the matrix of what services do wrong makes the nine asserts; see `play`."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.cells import CELLS, FOUND, ROADS, SAMPLE, WITHOUT, Road
from tests.faults.dialects import DIALECTS
from tests.faults.fault import Phase
from tests.faults.play import play_all
from tests.faults.report import MAKERS, chosen, played, told


@pytest.mark.timeout(600)
@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_services_do_wrong(
    dialect: str,
    road: Road,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    all_cells, seed = chosen(CELLS, SAMPLE, FOUND, request.config)
    cells = [cell for cell in all_cells if (cell.dialect, cell.road) == (dialect, road)]
    began = time.monotonic()
    wrong: dict[str, list[str]] = {}
    for loop, make in MAKERS.items():
        some = [cell for cell in cells if cell.loop == loop]
        with asyncio.Runner(loop_factory=make) as runner:
            wrong |= runner.run(play_all(some, tmp_path / loop, strict=request.config.getoption("--faults")))
    failed = sum(map(bool, wrong.values()))
    record_property(*played("services", len(cells), failed, time.monotonic() - began, seed))
    assert len(wrong) == len(cells), "two cells have the same name"
    assert not failed, told(wrong, seed)


def test_each_phase_has_cells_or_a_reason_why_not() -> None:
    assert {cell.phase.value for cell in CELLS} | WITHOUT.keys() >= {phase.value for phase in Phase}
    assert not {cell.phase.value for cell in CELLS} & WITHOUT.keys()


def test_each_cell_that_found_a_mistake_is_still_one() -> None:
    assert set(FOUND) <= set(map(str, CELLS))
