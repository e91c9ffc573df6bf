"""When a second target is asked: what is known, and from when on."""

from random import Random

import pytest

from dragoman.routing.hedge_time import ENOUGH, KEPT, HedgeTime


@pytest.mark.parametrize("first", [None, 2.5])
def test_until_enough_times_are_known_the_setting_holds(first: float | None) -> None:
    time = HedgeTime(first)
    for _ in range(ENOUGH - 1):
        time.measured(0.1)
        assert time.seconds() == first
    time.measured(0.1)
    assert time.seconds() == 0.1


@pytest.mark.parametrize("count", [ENOUGH, 37, KEPT])
def test_it_is_the_time_in_which_nineteen_of_twenty_have_content(count: int) -> None:
    time, times = HedgeTime(), [float(n + 1) for n in range(count)]
    Random(1).shuffle(times)
    for each in times:
        time.measured(each)
    found = time.seconds()
    assert found is not None
    assert sum(each <= found for each in times) >= 0.95 * count
    assert sum(each < found for each in times) < 0.95 * count


def test_the_last_hundred_count_and_no_older_ones() -> None:
    time = HedgeTime()
    for _ in range(50):
        time.measured(100.0)
    for _ in range(KEPT):
        time.measured(1.0)
    assert time.seconds() == 1.0
