"""A caller that must read what waits for it."""

import asyncio

import pytest

from dragoman.gateway.http.stall import Stall


class Buffer(asyncio.Transport):
    """A connection with so many bytes that wait."""

    size = 100

    def get_write_buffer_size(self) -> int:
        return self.size


@pytest.mark.parametrize("size", [100, 101])
def test_one_that_reads_nothing_is_waited_for_once(size: int) -> None:
    buffer = Buffer()
    stall = Stall(buffer, 5.0, 10.0)
    buffer.size = size
    assert (stall.look(14.0), stall.ends) == (True, 15.0)
    assert not stall.look(15.0)


def test_one_that_reads_some_has_as_long_again() -> None:
    buffer = Buffer()
    stall = Stall(buffer, 5.0, 10.0)
    buffer.size = 99
    assert (stall.look(15.0), stall.ends) == (True, 25.0)
    assert not stall.look(25.0)
