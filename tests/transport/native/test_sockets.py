"""A name of several addresses: the dead ones cost little."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from dragoman.transport.native.sockets import Address, _race, alternating, open_socket, single_address

V4 = socket.AF_INET


def at(port: int) -> Address:
    """A place on this machine."""
    return (V4, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))


@pytest.fixture
def places() -> Iterator[dict[str, Address]]:
    """One that answers, one that refuses, one that never says anything."""
    with contextlib.ExitStack() as stack:
        live, dead, silent = (stack.enter_context(socket.socket()) for _ in range(3))
        for made in (live, dead, silent):
            made.bind(("127.0.0.1", 0))
        live.listen()
        silent.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        names = {"live": live, "dead": dead, "silent": silent}
        yield {name: at(made.getsockname()[1]) for name, made in names.items()}


@pytest.mark.parametrize(
    "order", ["live", "dead live", "silent live", "dead silent live", "live dead", "silent dead live"]
)
async def test_the_first_that_answers_is_taken(places: dict[str, Address], order: str) -> None:
    with await _race([places[name] for name in order.split()]) as made:
        assert made.getpeername() == places["live"][4]


async def test_the_first_reason_is_told_where_none_answers(places: dict[str, Address]) -> None:
    with pytest.raises(ConnectionRefusedError):
        await _race([places["dead"], places["dead"]])


@pytest.mark.parametrize("turns", range(5))
async def test_ending_the_race_ends_every_runner(places: dict[str, Address], turns: int) -> None:
    task = asyncio.create_task(_race([places["silent"], places["silent"], places["live"]]))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_address_needs_no_race(places: dict[str, Address]) -> None:
    with await open_socket([places["live"]]) as made:
        assert made.getpeername() == places["live"][4]
    with pytest.raises(ConnectionRefusedError):
        await open_socket([places["dead"]])


def test_one_plain_address_is_told() -> None:
    def six(scope: int) -> Address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("fe80::1", 1, 0, scope))

    assert single_address([at(1)]) == "127.0.0.1"
    assert single_address([six(0)]) == "fe80::1"
    assert single_address([six(2)]) is None
    assert single_address([at(1), at(2)]) is None


def test_families_take_turns() -> None:
    six: Address = (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", 1, 0, 0))
    assert alternating([six, six, at(1), at(2), at(3)]) == [six, at(1), six, at(2), at(3)]
