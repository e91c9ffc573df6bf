"""A body read whole is whole, or an error; of a failure's body, what came well is enough."""

import pytest

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.transport.base import read_all, read_beginning
from tests.support.canned import CannedReply, Read


def broken() -> TruncatedStreamError:
    return TruncatedStreamError("broke off")


async def test_a_body_at_its_bound_is_whole() -> None:
    reply = CannedReply([[b"ab"], [b"c", b"d"]])
    assert await read_all(reply, 4) == b"abcd"
    assert reply.closed == 1


@pytest.mark.parametrize("reads", [[[b"abcde"]], [[b"abcd"], [b"e"]], [[b"abcd"], [b"e"] * 9]])
async def test_a_body_beyond_its_bound_is_no_whole_one(reads: list[Read]) -> None:
    reply = CannedReply(reads)
    with pytest.raises(BadEventError) as caught:
        await read_all(reply, 4)
    assert caught.value.code == "upstream_too_large"
    assert reply.closed == 1


async def test_a_body_that_breaks_off_is_no_whole_one() -> None:
    reply = CannedReply([[b"ab"], broken()])
    with pytest.raises(TruncatedStreamError):
        await read_all(reply, 4)
    assert reply.closed == 1


@pytest.mark.parametrize("reads", [[[b"abcd"]], [[b"abcde"]], [[b"abcd"], [b"e"]], [[b"abc", b"d"], broken()]])
async def test_the_beginning_of_a_body_is_what_came_well(reads: list[Read]) -> None:
    reply = CannedReply(reads)
    assert await read_beginning(reply, 4) == b"abcd"
    assert reply.closed == 1
