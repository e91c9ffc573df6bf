"""Numbers that several processes share: each writes its own region, and each can read all. Knows no metric.

They are memory that is made before the processes are forked, so that all of them see it:

    region 0 │ used │ 31 │ 1 │ dragoman_in_flight… │ 4.0 │ 44 │ 14 │ dragoman_attempts{route=… │ 0.0 … │     free     │
             └──────┴── name's bytes, how many numbers, name, numbers ──┴─────────────────────────────┘
    region 1 │ …

Everything is a number of eight bytes, or a name that is filled up to such. A series is appended once, and `used` is
written after it: a reader that comes meanwhile does not see it yet. So no lock is needed. A process that takes the
place of one that died finds its region as that one left it, and counts on.
"""

import logging
from collections.abc import Iterator
from mmap import mmap

WIDTH = 8
"""Bytes of a number."""

SIZE = (1 << 20) // WIDTH
"""Numbers of a region: 1 MiB is room for some four thousand series. Memory that is not written is not taken."""

SPARE = 64
"""Numbers at a region's end that nobody reads: what has no room is written there."""

log = logging.getLogger("dragoman.gateway")


class Regions:
    """The regions of so many processes."""

    def __init__(self, regions: int = 1, size: int = SIZE) -> None:
        self._memory = memoryview(mmap(-1, regions * size * WIDTH))
        self._size = size
        self._regions = [_Reader(self._part(number)) for number in range(regions)]

    def region(self, number: int) -> "Region":
        """The region of one process, to write to."""
        return Region(self, self._part(number))

    @property
    def is_shared(self) -> bool:
        """Whether there are several regions."""
        return len(self._regions) > 1

    def read(self) -> Iterator[tuple[str, list[float]]]:
        """The series of all regions, one after another: a name may come once from each."""
        for region in self._regions:
            yield from region.read()

    def _part(self, number: int) -> memoryview:
        width = self._size * WIDTH
        return self._memory[number * width : (number + 1) * width]


class _Reader:
    """Reads a region, and remembers where its series are: they stay there."""

    def __init__(self, memory: memoryview) -> None:
        self._bytes = memory
        self._numbers: memoryview[float] = memory.cast("d")
        self._seen = 1
        self.places: dict[str, tuple[int, int]] = {}
        """Where the numbers of a series begin, and how many there are, by its name."""

    def find(self) -> None:
        """Finds what was appended since the last time."""
        used = max(int(self._numbers[0]), 1)
        while self._seen < used:
            at = self._seen
            length, count = int(self._numbers[at]), int(self._numbers[at + 1])
            begin = (at + 2) * WIDTH
            name = bytes(self._bytes[begin : begin + length]).decode()
            first = at + 2 + _words(length)
            self.places[name] = (first, count)
            self._seen = first + count

    def read(self) -> Iterator[tuple[str, list[float]]]:
        """The series as they are now."""
        self.find()
        for name, (first, count) in self.places.items():
            yield name, [float(number) for number in self._numbers[first : first + count]]


class Region:
    """The series of one process. It writes to `numbers` at the index that `place` gives."""

    def __init__(self, regions: Regions, memory: memoryview) -> None:
        self.regions = regions
        self.numbers: memoryview[float] = memory.cast("d")
        """Where a series is counted."""
        self._bytes = memory
        reader = _Reader(memory)
        reader.find()
        self._places = {name: first for name, (first, _) in reader.places.items()}
        self._used = max(int(self.numbers[0]), 1)
        self._full = False

    def names(self) -> tuple[str, ...]:
        """All series."""
        return tuple(self._places)

    def place(self, name: str, count: int = 1) -> int:
        """The index of the first number of the series `name`, which has so many; a new one begins with zeros."""
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = self._append(name, count)
        return place

    def _append(self, name: str, count: int) -> int:
        text = name.encode()
        at, numbers = self._used, self.numbers
        first = at + 2 + _words(len(text))
        if first + count > len(numbers) - SPARE:
            if not self._full:
                self._full = True
                log.error("there is no room for more metrics: new series are not counted")
            return len(numbers) - SPARE
        numbers[at], numbers[at + 1] = len(text), count
        self._bytes[(at + 2) * WIDTH : (at + 2) * WIDTH + len(text)] = text
        self._used = first + count
        numbers[0] = self._used
        return first


def _words(length: int) -> int:
    """How many numbers have the width of so many bytes."""
    return -(-length // WIDTH)
