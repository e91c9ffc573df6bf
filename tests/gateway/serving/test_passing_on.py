"""Callers that one server passes on to another: here both are in one process, so that each can be asked."""

import asyncio
import gzip
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.errors import OverloadedError
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.http.caller_handle import CallerHandle, Give
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.serving.lasting.asked import passed, read_asked
from dragoman.gateway.serving.lasting.colleagues import LARGEST, Colleagues, Mailboxes
from dragoman.gateway.serving.lasting.roster import Roster
from dragoman.types import Outcome, ServerRequest
from tests.gateway.test_garbage import held_objects, without_collector
from tests.support.gateway import CallerConnection, Running, ask, connect, running
from tests.support.golden import cases
from tests.support.raw import closing, post, turns
from tests.support.relaying import EVENTS
from tests.support.resuming import FRONTS, events_of, pieces_of, read_events
from tests.support.server import Exchange, Server, serve

FRONT = FRONTS["openai-chat"]
PIECES = pieces_of(cases("openai-chat")["text"].reply)
BEGINNING = 3


def crew_of(workers: int) -> list[Colleagues]:
    """All workers of one parent, in this process."""
    one = Mailboxes.new(workers)
    copies = [
        Mailboxes(one.roster, tuple(each.dup() for each in one.ends), tuple(each.dup() for each in one.slots))
        for _ in range(workers)
    ]
    one.close()
    return [Colleagues(each, place) for place, each in enumerate(copies)]


class Pair(Struct):
    """Two servers with one service, which says the beginning of its answer, and the rest when it is let."""

    gets: Running
    """Gets the callers that come back."""
    holds: Running
    """Holds the stream."""
    service: Server
    got: "asyncio.Queue[Outcome]"
    """What the first one tells of requests."""
    held: "asyncio.Queue[Outcome]"
    """What the second one tells."""
    rest: asyncio.Event

    async def begun(self, body: bytes = FRONT.asked, headers: dict[str, str] | None = None) -> tuple[str, bytes]:
        """Begins a stream, and hangs up: its name, and what came of it."""
        async with connect(self.holds.url) as wire:
            wire.send("POST", FRONT.path, headers, body)
            assert await wire.head() == 200
            had = await read_events(wire, 1)
            return wire.headers["x-dragoman-stream"], had

    def resume(self, wire: CallerConnection, name: str, **more: str) -> None:
        """Asks for what follows the first event."""
        wire.send(
            "POST", FRONT.path, {"Last-Event-ID": f"{name}:1", "Content-Type": "application/json"} | more, FRONT.asked
        )


@asynccontextmanager
async def pair(workers: int = 2, **settings: Any) -> AsyncIterator[Pair]:
    rest = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for at, piece in enumerate(PIECES):
            if at == BEGINNING:
                await rest.wait()
            await exchange.chunk(piece)
        await exchange.end()

    async with serve(play) as service:
        config = Config(
            gateway=GatewayConfig(port=0, **({"resume": 30.0} | settings)),
            providers={"up": ProviderConfig(protocol="openai-chat", url=service.url, api_key="canary")},
        )
        one, two, *_ = crew_of(workers)
        got: asyncio.Queue[Outcome] = asyncio.Queue()
        held: asyncio.Queue[Outcome] = asyncio.Queue()
        patient = ServerTimeouts(grace=5)
        async with (
            running(config, timeouts=patient, observers=[got.put_nowait], colleagues=one) as gets,
            running(config, timeouts=patient, observers=[held.put_nowait], colleagues=two) as holds,
        ):
            yield Pair(gets, holds, service, got, held, rest)


def reload(one: Running, **settings: Any) -> None:
    """Puts a gateway with these settings in the place of the present one."""
    config = one.server.gateway.client.config
    changed = replace(config, gateway=replace(config.gateway, **settings))
    one.server.replace(one.server.gateway.successor(Client(changed)))


async def test_the_request_is_told_once_and_by_the_one_that_answers() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        on.resume(wire, name)
        on.rest.set()
        assert (await wire.answer()).clean
        told = [await on.held.get(), await on.held.get()]
        (again,) = [each for each in told if each.resumes]
        assert (again.end, again.model, again.remote) == ("whole", "up/m", "127.0.0.1")
        assert on.got.empty()
        assert not on.gets.server._connections
        assert len(on.holds.server._connections) == 1
        assert len(on.service.requests) == 1


@pytest.mark.parametrize("close", [False, True])
async def test_a_packed_request_and_one_that_is_the_last_of_its_connection(close: bool) -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        more = {"Connection": "close"} if close else {}
        said = {"Last-Event-ID": f"{name}:1", "Content-Encoding": "gzip"} | more
        wire.send("POST", FRONT.path, said, gzip.compress(FRONT.asked))
        on.rest.set()
        got = await wire.answer()
        assert got.clean
        assert len(events_of(got.body)) == len(PIECES) - 1
        assert got.body.endswith(b"data: [DONE]\n\n")
        assert (got.headers.get("connection") == "close") == close


async def test_a_caller_that_was_passed_on_counts_no_longer_where_it_came() -> None:
    async with pair(max_in_flight=1) as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        wire.send(
            "POST", FRONT.path, {"Last-Event-ID": f"{name}:1", "Content-Encoding": "gzip"}, gzip.compress(FRONT.asked)
        )
        assert await wire.head() == 200
        on.rest.set()
        assert (await ask(on.gets.url, "POST", FRONT.path, None, FRONT.asked)).status == 200


async def test_a_caller_of_http_1_0() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        again = post(FRONT.asked, FRONT.path, f"Last-Event-ID: {name}:1".encode()).replace(b"HTTP/1.1", b"HTTP/1.0")
        wire.writer.write(again)
        assert await wire.head() == 200
        on.rest.set()
        assert (await closing(wire)).endswith(b"data: [DONE]\n\n")


async def test_a_key_that_was_taken_away_where_the_stream_is_counts_no_more() -> None:
    one = {"Authorization": "Bearer one"}
    async with pair(api_keys=("one", "two")) as on, connect(on.gets.url) as wire:
        name, _ = await on.begun(headers=one)
        reload(on.holds, api_keys=("two",))
        on.resume(wire, name, **one)
        assert (await wire.answer()).status == 401


async def test_a_reload_of_the_holder_keeps_its_streams_for_callers_that_are_passed_on() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        reload(on.holds, head_after=7.0)
        reload(on.gets, head_after=7.0)
        on.resume(wire, name)
        on.rest.set()
        assert (await wire.answer()).body.endswith(b"data: [DONE]\n\n")


async def test_a_holder_that_resumes_no_more_refuses_and_asks_nobody() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        reload(on.holds, resume=0.0)
        on.resume(wire, name)
        got = await wire.answer()
        assert (got.status, b"resume_gone" in got.body) == (410, True)
        assert await wire.reader.read() == b""
        assert len(on.service.requests) == 1


async def test_a_holder_that_drains_and_resumes_no_more_asks_nobody_either() -> None:
    async with pair() as on, connect(on.gets.url) as wire, connect(on.gets.url) as other:
        name, _ = await on.begun()
        while on.holds.server._connections:
            await turns(1)
        reload(on.holds, resume=0.0, on_disconnect="drain")
        on.resume(wire, name)
        assert await wire.head() == 200
        on.rest.set()
        assert (await wire.rest(200)).clean
        on.resume(other, f"{name}0")
        assert (await other.answer()).status == 410
        assert len(on.service.requests) == 1


async def test_a_caller_that_was_passed_on_before_the_holder_stops_gets_the_rest() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        mailbox = on.holds.server._colleagues.mailbox if on.holds.server._colleagues else None
        assert mailbox is not None
        asyncio.get_running_loop().remove_reader(mailbox)  # so that the caller waits there until the server stops
        on.resume(wire, name)
        while not on.gets.server._connections:
            await turns(1)
        while on.gets.server._connections:
            await turns(1)
        on.holds.server.stop()
        assert await wire.head() == 200
        on.rest.set()
        got = await wire.rest(200)
        assert (got.clean, got.body.endswith(b"data: [DONE]\n\n")) == (True, True)


async def test_a_caller_that_is_passed_on_too_late_is_hung_up_on_and_does_not_wait() -> None:
    async with pair() as on, connect(on.gets.url) as wire, connect(on.holds.url) as listening:
        listening.send("POST", FRONT.path, None, FRONT.asked)  # so that the holder stays for this one
        await listening.head()
        name = listening.headers["x-dragoman-stream"]
        server = on.holds.server
        server.stop()
        assert server._colleagues is not None
        tags = server._colleagues._roster._tags
        while tags[1]:
            await turns(1)
        await turns()
        tags[1] = int(name[:8], 16)  # as who passes on has just seen it
        on.resume(wire, name)
        assert await wire.reader.read() == b""
        on.rest.set()
        assert (await listening.rest(200)).clean


async def test_a_holder_that_has_stopped_holds_nothing() -> None:
    async with pair() as on, connect(on.gets.url) as wire:
        name, _ = await on.begun()
        on.holds.server.stop()
        await on.service.peer_closed()
        on.resume(wire, name)
        got = await wire.answer()
        assert (got.status, b"resume_gone" in got.body) == (410, True)
        assert len(on.gets.server._connections) == 1


class Handing(DirectWriter):
    """A caller whose connection is this end of a pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def hand_over(self, give: Give) -> bool:
        return give(CallerHandle(self.end.fileno(), True, True))

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        raise AssertionError

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        raise AssertionError

    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        raise AssertionError

    def abort(self) -> None:
        raise AssertionError


CALL = ServerRequest(method="POST", path="/p", query="a=b", headers=((b"host", b"here"),), body=b"body")


def close(crew: list[Colleagues]) -> None:
    for each in crew:
        each.close()


def test_a_caller_comes_with_its_request_and_its_socket() -> None:
    crew = crew_of(2)
    end, caller = socket.socketpair()
    with end, caller:
        assert crew[0].pass_on((1, 0), CALL, Handing(end))
        (found,) = crew[1].callers()
        with found.socket:
            assert found.request == passed(CALL, (0,), http_1_1=True, keep_alive=True)
            assert (found.request.body, read_asked(found.request)) == (b"", read_asked(CALL))
            assert not os.get_inheritable(found.socket.fileno())
            found.socket.send(b"hi")
            assert caller.recv(10) == b"hi"
        assert list(crew[1].callers()) == []
    close(crew)


def test_a_full_mailbox_is_an_error_that_may_be_tried_again_and_one_that_is_too_large_stays() -> None:
    crew = crew_of(2)
    end, caller = socket.socketpair()
    with end, caller:
        count = 0
        with pytest.raises(OverloadedError, match="try again soon"):
            while crew[0].pass_on((1,), CALL, Handing(end)):
                count += 1
        assert count > 30
        taken = list(crew[1].callers())
        assert len(taken) > 30
        assert crew[0].pass_on((1,), CALL, Handing(end))
        large = replace(CALL, headers=((b"x", b"y" * LARGEST),))
        assert not crew[0].pass_on((1,), large, Handing(end))
        for each in (*taken, *crew[1].callers(), *crew[1].callers()):
            each.socket.close()
        crew[1].mailbox.close()
        assert not crew[0].pass_on((1,), CALL, Handing(end))
    close(crew)


def test_the_way_round_leads_to_each_worker_that_is_there_and_back() -> None:
    crew = crew_of(4)
    crew[2].leave()
    assert crew[1].round(CALL) == (0, 3, 1)
    assert crew[0].round(passed(CALL, (2, 3, 1), http_1_1=True, keep_alive=True)) == (3, 1)
    assert crew[1].round(passed(CALL, (), http_1_1=True, keep_alive=True)) == ()
    for each in (crew[0], crew[3]):
        each.leave()
    assert crew[1].round(CALL) == ()
    close(crew)


def test_a_stream_is_its_workers_until_that_one_leaves_or_is_replaced() -> None:
    roster = Roster(2)
    first = roster.enter(0)
    assert (roster.find(f"{first}abc"), roster.find("00000000abc"), roster.find("")) == (0, None, None)
    second = roster.enter(0)
    assert (roster.find(f"{first}abc"), roster.find(f"{second}abc")) == (None, 0)
    roster.leave(0)
    assert (roster.find(f"{second}abc"), roster.present()) == (None, ())


def test_what_was_asked_hides_in_print() -> None:
    shown = repr(passed(CALL, (), http_1_1=True, keep_alive=True))
    assert "digest" not in shown
    assert "here" not in shown


async def test_nothing_stays_behind_a_caller_that_was_passed_on() -> None:
    with without_collector():
        async with pair() as on:
            on.rest.set()
            for _ in range(3):
                name, _ = await on.begun()
                async with connect(on.gets.url) as wire:
                    on.resume(wire, name)
                    assert (await wire.answer()).clean
                    on.resume(wire, "nobody")
                    assert (await wire.answer()).status == 410
        await asyncio.sleep(0)
        del on
        assert held_objects() == []
