"""A relayed answer while it lasts: who waits for whom, and what is left once either end has gone."""

import asyncio
from contextlib import suppress

import pytest

from dragoman.config import TimeoutsConfig
from dragoman.gateway import ServerTimeouts
from dragoman.wire import json
from tests.support.gateway import connect, running, running_gateway
from tests.support.relaying import DONE, EVENTS, JSON, KEY, PATH, configured, post, question, turn, understood
from tests.support.server import Exchange, Handler, serve

BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'
PHASES = ["before the head", "behind the head", "before content", "in mid-stream", "in an event"]


def silent_at(phase: str, reached: asyncio.Event, *, stream: bool) -> Handler:
    """A service that comes as far as `phase`, says so, and then says nothing more."""

    async def upstream(exchange: Exchange) -> None:
        if phase != "before the head":
            await exchange.head(headers=EVENTS if stream else JSON)
        if phase == "before content":
            await exchange.chunk(BEGUN.replace(b"half", b""))
        elif phase == "in mid-stream":
            await exchange.chunk(BEGUN)
        elif phase == "in an event":
            await exchange.chunk(BEGUN + BEGUN[:20])
        await turn()
        reached.set()
        await exchange.closed()

    return upstream


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_caller_who_leaves_ends_the_service_at_once(phase: str, stream: bool, reset: bool) -> None:
    reached = asyncio.Event()
    upstream = silent_at(phase, reached, stream=stream)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send("POST", PATH, body=question(stream=stream))
            await reached.wait()
            if reset:
                wire.writer.transport.abort()
        await service.peer_closed()


async def test_a_caller_who_leaves_while_a_service_is_dialled_leaves_nothing() -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(headers=JSON, body=WHOLE)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        for _ in range(20):
            async with connect(url) as wire:
                wire.send("POST", PATH, body=question(stream=False))
        assert (await post(url, question(stream=False))).body == WHOLE


async def test_a_caller_who_leaves_behind_the_end_costs_no_connection() -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=BEGUN + END)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        for _ in range(5):
            assert (await post(url, question(stream=True))).clean
        assert len(service.connections) == 1


async def test_what_comes_is_passed_on_at_once() -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        while data := await told.get():
            await exchange.chunk(data)
        await exchange.end()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        wire.send("POST", PATH, body=question(stream=True))
        told.put_nowait(BEGUN)
        assert await wire.head() == 200
        assert await wire.chunk() == BEGUN
        for _ in range(10):
            told.put_nowait(BEGUN)
            assert await wire.chunk() == BEGUN
        told.put_nowait(END)
        assert await wire.chunk() == END
        assert not await wire.chunk()
        told.put_nowait(b"")
    assert told.empty()


async def test_an_event_that_comes_in_pieces_goes_out_whole() -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        while data := await told.get():
            await exchange.chunk(data)
        await exchange.end()

    async with (
        serve(upstream) as service,
        running_gateway(configured(service.url), timeouts=ServerTimeouts(heartbeat=0.02, grace=0)) as url,
        connect(url) as wire,
    ):
        wire.send("POST", PATH, body=question(stream=True))
        for line_end in (b"\n", b"\r\n"):
            told.put_nowait(BEGUN)
            told.put_nowait(BEGUN.replace(b"\n", line_end)[:-3])
            if line_end == b"\n":
                await wire.head()
            assert await wire.chunk() == BEGUN
            for _ in range(3):
                assert await wire.chunk() == b": ping\n\n"
            told.put_nowait(BEGUN.replace(b"\n", line_end)[-3:])
            assert await wire.chunk() == BEGUN.replace(b"\n", line_end)
        told.put_nowait(END)
        assert await wire.chunk() == END
        assert not await wire.chunk()
        told.put_nowait(b"")


async def test_no_heartbeat_goes_out_before_the_answer_or_into_a_whole_one() -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=JSON, length=len(WHOLE))
        await exchange.chunk(WHOLE[:20])
        await asyncio.sleep(0.1)  # several heartbeats long
        await exchange.chunk(WHOLE[20:])
        await exchange.end()

    timeouts = ServerTimeouts(heartbeat=0.01, grace=0)
    async with (
        serve(upstream) as service,
        running_gateway(configured(service.url), timeouts=timeouts) as url,
    ):
        assert (await post(url, question(stream=False))).body == WHOLE


async def test_the_end_mark_ends_an_answer_though_the_transfer_goes_on() -> None:
    async def upstream(exchange: Exchange) -> None:
        cut = int(json.decode_request(exchange.request.body)["messages"][0]["content"])
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN + END[:cut])
        await turn()
        await exchange.chunk(END[cut:])
        await exchange.closed()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        for cut in range(1, len(END)):
            said = [{"role": "user", "content": str(cut)}]
            got = await post(url, question(stream=True, messages=said))
            assert (got.clean, got.body) == (True, BEGUN + END), cut
        await service.peer_closed()


class Flood:
    """A service that says more and more until its peer has gone. `written`: bytes that it was rid of."""

    def __init__(self) -> None:
        self.written = 0

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        with suppress(ConnectionError):
            while True:
                await exchange.chunk(BEGUN * 100)
                self.written += len(BEGUN) * 100
                assert self.written < 64 << 20, "nothing slows it"
                await asyncio.sleep(0)


async def test_a_slow_caller_slows_the_service() -> None:
    flood = Flood()
    async with serve(flood) as service, running_gateway(configured(service.url)) as url:
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"), limit=1 << 16)
        body = question(stream=True)
        writer.write(b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (PATH.encode(), len(body)))
        writer.write(body)
        seen = -1
        while flood.written != seen:  # until nothing moves: sockets hold megabytes, the gateway may hold little more
            seen = flood.written
            for _ in range(200):
                await asyncio.sleep(0)
        got = 0
        while got < seen + (8 << 20):
            got += len(await reader.readexactly(1 << 16))
        assert flood.written > seen
        writer.transport.abort()
        await service.peer_closed()


async def test_a_caller_who_has_not_read_the_last_answer_slows_the_next() -> None:
    flood = Flood()
    large = b'{"choices":[{"index":0,"message":{"content":"%b"},"finish_reason":"stop"}]}' % (b"a" * (8 << 20))

    async def upstream(exchange: Exchange) -> None:
        if b'"stream":true' not in exchange.request.body:
            await exchange.reply(headers=JSON, body=large)
            return
        await flood(exchange)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        for stream in (False, True):
            wire.send("POST", PATH, body=question(stream=stream))
        seen = -1
        while not flood.written or flood.written != seen:  # until nothing moves
            seen = flood.written
            for _ in range(200):
                await asyncio.sleep(0)
        assert (await wire.answer()).body == large
        assert await wire.head() == 200
        while seen > 0:
            seen -= len(await wire.chunk())
        wire.writer.transport.abort()
        await service.peer_closed()


async def test_a_slow_caller_loses_nothing() -> None:
    events = [BEGUN.replace(b"half", b"%d" % number) for number in range(40_000)]
    body = b"".join(events) + END

    async def upstream(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=body)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        wire.send("POST", PATH, body=question(stream=True))
        assert await wire.head() == 200
        for _ in range(2000):
            await asyncio.sleep(0)
        chunks = []
        while chunk := await wire.chunk():
            chunks.append(chunk)
        assert b"".join(chunks) == body


async def test_a_total_that_ends_while_a_caller_is_slow_is_told_once() -> None:
    timeouts = TimeoutsConfig(total=0.2)
    async with serve(Flood()) as service:
        config = configured(service.url, timeouts=timeouts)
        async with running_gateway(config) as url, connect(url) as wire:
            wire.send("POST", PATH, body=question(stream=True))
            assert await wire.head() == 200
            await asyncio.sleep(0.3)  # the total is over, and nothing was read meanwhile
            got = await wire.rest(200)
        assert got.clean
        said = understood(got, stream=True)
        assert not said.marked
        assert got.body.count(b'"error"') == got.body.count(b'"code":"timeout"') == 1
        assert set(said.parts[0][1].split("half")) == {""}


async def test_a_slow_caller_is_no_silence_of_the_service() -> None:
    flood = Flood()
    async with serve(flood) as service:
        config = configured(service.url, timeouts=TimeoutsConfig(idle=0.2))
        async with running_gateway(config) as url, connect(url) as wire:
            wire.send("POST", PATH, body=question(stream=True))
            assert await wire.head() == 200
            await asyncio.sleep(0.5)  # the service is not silent, it is not listened to
            left = flood.written + (8 << 20)
            while left > 0:
                chunk = await wire.chunk()
                assert chunk.replace(BEGUN, b"") == b""
                left -= len(chunk)
            wire.writer.transport.abort()
        await service.peer_closed()


async def test_two_hundred_answers_at_once_are_each_their_own() -> None:
    async def upstream(exchange: Exchange) -> None:
        words = json.decode_request(exchange.request.body)["messages"][0]["content"].encode()
        await exchange.head(headers=EVENTS)
        for _ in range(5):
            await exchange.chunk(BEGUN.replace(b"half", words))
            await asyncio.sleep(0)
        await exchange.chunk(END)
        await exchange.end()

    async def one(url: str, number: int) -> None:
        said = [{"role": "user", "content": f"<{number}>"}]
        got = understood(await post(url, question(stream=True, messages=said)), stream=True)
        assert (got.parts, got.marked) == ((("Text", f"<{number}>" * 5),), True)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        await asyncio.gather(*(one(url, number) for number in range(200)))
        assert len(service.requests) == 200


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("targets", [(), ("up/m", "up/n")])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_gateway_that_stops_ends_its_relays_with_an_error(
    phase: str, targets: tuple[str, ...], stream: bool
) -> None:
    reached = asyncio.Event()
    upstream = silent_at(phase, reached, stream=stream)

    async with serve(upstream) as service:
        config = configured(service.url, *targets)
        async with running(config, timeouts=ServerTimeouts(grace=30)) as up, connect(up.url) as wire:
            wire.send("POST", PATH, body=question("route" if targets else "up/m", stream=stream))
            await reached.wait()
            await turn()
            up.server.stop()
            await turn()
            up.server.stop()
            got = await wire.answer()
            said = understood(got, stream=stream)
            if stream and phase.startswith("in "):
                assert (said.status, said.clean, said.marked, said.parts) == (200, True, False, (("Text", "half"),))
            else:
                assert (said.status, said.error and said.error[1]) == (503, "stopped")
            assert b'"stopped"' in got.body
            assert b"the gateway was stopped" in got.body
            await service.peer_closed()
        assert len(service.requests) == 1


async def test_a_gateway_that_stops_lets_a_relay_end_well_within_its_grace() -> None:
    stopped = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN)
        await stopped.wait()
        await turn()
        await exchange.chunk(END)
        await exchange.end()

    async with (
        serve(upstream) as service,
        running(configured(service.url), timeouts=ServerTimeouts(grace=30)) as up,
        connect(up.url) as wire,
    ):
        wire.send("POST", PATH, body=question(stream=True))
        await wire.head()
        assert await wire.chunk() == BEGUN
        up.server.stop()
        stopped.set()
        assert await wire.chunk() == END
        assert not await wire.chunk()


@pytest.mark.parametrize("phase", ["status", "first", "mid"])
async def test_a_service_that_repeats_our_key_tells_it_to_nobody(phase: str) -> None:
    failure = b'{"error":{"message":"Bad key %b, %b","type":"authentication_error"}}' % (KEY.encode(), KEY.encode())

    async def upstream(exchange: Exchange) -> None:
        if phase == "status":
            await exchange.reply(401, JSON, failure)
            return
        await exchange.head(headers=EVENTS)
        if phase == "mid":
            await exchange.chunk(BEGUN)
            await turn()
        await exchange.chunk(b"data: " + failure + b"\n\ndata: [DONE]\n\n")
        await exchange.end()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        got = await post(url, question(stream=True))
    assert KEY.encode() not in got.body
    assert b"authentication_error" in got.body
    assert DONE not in got.body
    assert got.clean
