"""What becomes of too many requests, at its smallest: all are answered or refused, and counted."""

from pathlib import Path

import pytest
from bench.contenders import Ground
from bench.overload import TRAFFICS, Peak, overload, peak_of
from msgspec.structs import replace


@pytest.mark.parametrize("kind", TRAFFICS)
def test_each_is_answered_or_refused(kind: str, tmp_path: Path) -> None:
    traffic = replace(TRAFFICS[kind], events=6 if TRAFFICS[kind].events else 0)
    with Ground(tmp_path, 6, pace=traffic.pace, wait=traffic.wait) as ground:
        found = overload(ground, traffic, Peak(1000, 4), "max_in_flight = 4", 0.1)
    sample = found.sample
    assert sample.begun == sample.answers + sample.turned_away
    assert sample.answers
    assert sample.turned_away
    assert not sum(sample.errors.values())
    assert f"refused {sample.turned_away} of {sample.begun}" in str(found)


def test_the_peak_is_what_is_answered_in_time(tmp_path: Path) -> None:
    with Ground(tmp_path) as ground:
        assert peak_of(ground, TRAFFICS["bursts"], 0.1).rate > 0
        assert peak_of(ground, replace(TRAFFICS["bursts"], late=0), 0.1).rate == 0
