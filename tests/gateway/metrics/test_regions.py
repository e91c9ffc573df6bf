"""The regions: each process counts in its own region, all can be read together, and nothing is lost with a process."""

import os

from hypothesis import given
from hypothesis import strategies as st

from dragoman.gateway.metrics.regions import Region, Regions


def total(regions: Regions) -> dict[str, float]:
    """The sums of series of one number."""
    found: dict[str, float] = {}
    for name, numbers in regions.read():
        found[name] = found.get(name, 0.0) + sum(numbers)
    return found


def add(region: Region, name: str, much: float = 1.0) -> None:
    region.numbers[region.place(name)] += much


def test_what_all_regions_have_is_read_together_and_again() -> None:
    regions = Regions(3)
    one, two = regions.region(0), regions.region(2)
    add(one, "a")
    assert total(regions) == {"a": 1.0}
    add(two, "a", 2.5)
    add(two, "ü" * 40)
    add(one, "b")
    assert total(regions) == {"a": 3.5, "b": 1.0, "ü" * 40: 1.0}
    add(one, "a")
    assert total(regions)["a"] == 4.5


def test_a_series_may_have_several_numbers() -> None:
    regions = Regions()
    region = regions.region(0)
    first, second = region.place("h", 3), region.place("next")
    region.numbers[first + 2] = 7.0
    region.numbers[second] = 1.0
    assert list(regions.read()) == [("h", [0.0, 0.0, 7.0]), ("next", [1.0])]


def test_who_takes_a_region_over_counts_on() -> None:
    regions = Regions(2)
    add(regions.region(1), "a", 5.0)
    successor = regions.region(1)
    add(successor, "a")
    add(successor, "b")
    assert total(regions) == {"a": 6.0, "b": 1.0}
    assert regions.region(0).names() == ()


def test_another_process_is_read_while_it_writes() -> None:
    regions = Regions(2)
    add(regions.region(0), "a")
    pid = os.fork()
    if not pid:
        region = regions.region(1)
        add(region, "a", 2.0)
        add(region, "only there")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert total(regions) == {"a": 3.0, "only there": 1.0}


def test_a_full_region_counts_on_what_it_has() -> None:
    regions = Regions(1, size=200)
    region = regions.region(0)
    for number in range(100):
        add(region, f"series {number}")
    add(region, "series 0")
    add(region, "series 99")
    found = total(regions)
    assert found["series 0"] == 2.0
    assert 5 < len(found) < 100
    assert "series 99" not in found


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=20), st.integers(0, 9)), max_size=60))
def test_any_names_in_any_order(steps: list[tuple[int, str, int]]) -> None:
    regions = Regions(3, size=4000)
    each = [regions.region(number) for number in range(3)]
    expected: dict[str, float] = {}
    for number, name, much in steps:
        add(each[number], name, much)
        expected[name] = expected.get(name, 0.0) + much
        assert total(regions) == expected
