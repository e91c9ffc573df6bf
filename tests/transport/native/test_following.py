"""A reply that is followed: pieces come in callbacks, and all that is out of the ordinary is left to `read`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from dragoman.errors import TruncatedStreamError
from dragoman.transport.base import Reply
from dragoman.transport.native import NativeTransport, connection
from dragoman.transport.native.buffer import NARROW
from tests.support.server import Exchange, serve
from tests.transport.native.reading import PLAIN, ending, get, whole


class Service:
    """Sends a chunk for each word that a test says; the empty one is the end, None breaks off."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.head()
        while word := await self.words.get():
            await exchange.chunk(word)
        if word is None:
            exchange.reset()
        else:
            await exchange.end()

    def say(self, *words: bytes | None) -> None:
        for word in words:
            self.words.put_nowait(word)


@asynccontextmanager
async def replied() -> AsyncIterator[tuple[Service, NativeTransport, Reply]]:
    """A service that speaks, and its reply, of which nothing has come but one word that was read."""
    service = Service()
    async with serve(service) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        service.say(b"first")
        assert await reply.read() == [b"first"]
        yield service, transport, reply
        transport.close()


async def test_pieces_come_as_they_arrive_and_the_end_is_for_read() -> None:
    async with replied() as (service, transport, reply):
        got: list[bytes] = []

        def take(pieces: list[bytes]) -> bool:
            got.extend(pieces)
            service.say({1: b"third", 2: b""}[len(got)])
            return True

        following = reply.follow(take)
        assert following is not None
        service.say(b"second")
        await following
        assert got == [b"second", b"third"]
        assert await reply.read() == []
        assert transport.stats().idle == 1


async def test_who_wants_no_more_leaves_the_rest_to_read() -> None:
    async with replied() as (service, _, reply):
        got: list[bytes] = []

        def take(pieces: list[bytes]) -> bool:
            got.extend(pieces)
            return False

        following = reply.follow(take)
        assert following is not None
        service.say(b"second")
        await following
        service.say(b"third", b"")
        assert (got, await whole(reply)) == ([b"second"], b"third")


async def test_a_reply_that_has_something_or_is_over_is_not_followed() -> None:
    async with replied() as (service, transport, reply):
        service.say(b"second")
        (busy,) = next(iter(transport._pools.values()))._busy
        while not busy.pieces:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        assert reply.follow(lambda pieces: True) is None
        service.say(b"")
        assert await whole(reply) == b"second"
        assert reply.follow(lambda pieces: True) is None


async def test_what_the_follower_raises_is_raised_and_the_reply_goes_on() -> None:
    async with replied() as (service, _, reply):

        def take(pieces: list[bytes]) -> bool:
            raise ValueError(pieces[0].decode())

        following = reply.follow(take)
        assert following is not None
        service.say(b"second")
        with pytest.raises(ValueError, match="second"):
            await following
        service.say(b"third", b"")
        assert await whole(reply) == b"secondthird"


async def test_a_reply_that_breaks_off_says_so_when_it_is_read() -> None:
    async with replied() as (service, transport, reply):
        got: list[bytes] = []

        def take(pieces: list[bytes]) -> bool:
            got.extend(pieces)
            service.say(None)
            return True

        following = reply.follow(take)
        assert following is not None
        service.say(b"second")
        await following
        pieces, error = await ending(reply)
        assert (got, pieces, type(error)) == ([b"second"], [], TruncatedStreamError)
        assert transport.stats().active == 0


@pytest.mark.parametrize("cancels", [True, False])
async def test_who_cancels_or_closes_ends_it(cancels: bool) -> None:
    async with replied() as (_, transport, reply):
        following = reply.follow(lambda pieces: True)
        assert following is not None
        task = asyncio.ensure_future(following)
        await asyncio.sleep(0)
        if cancels:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            reply.close()
            await task
        assert transport.stats().active == 0
        with pytest.raises(TruncatedStreamError):
            await reply.read()


async def test_the_follower_may_close_the_reply() -> None:
    async with replied() as (service, transport, reply):

        def take(pieces: list[bytes]) -> bool:
            reply.close()
            return True

        following = reply.follow(take)
        assert following is not None
        service.say(b"second")
        await following
        assert transport.stats().active == 0


async def test_a_reader_who_takes_long_gets_one_full_read_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "monotonic", count(step=1).__next__)  # each read takes a second
    async with replied() as (service, transport, reply):
        loop = asyncio.get_running_loop()
        turn, size = 0, 0
        turns: list[int] = []
        counting = True

        def begin_turn() -> None:
            nonlocal turn
            turn += 1
            if counting:
                loop.call_soon(begin_turn)

        def take(pieces: list[bytes]) -> bool:
            nonlocal size
            turns.append(turn)
            size += sum(map(len, pieces))
            return True

        following = reply.follow(take)
        assert following is not None
        loop.call_soon(begin_turn)
        service.say(b"x" * 40 * NARROW, b"")
        await following
        counting = False
        assert size == 40 * NARROW
        assert len(turns) >= 40
        assert len(set(turns)) == len(turns)
        assert await reply.read() == []
        assert transport.stats().idle == 1
