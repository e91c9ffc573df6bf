"""A caller comes back to another worker than the one that holds its stream, and gets the rest all the same."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from dragoman.wire import json
from tests.gateway.serving.test_workers import two_workers
from tests.support.descriptors import descriptors
from tests.support.gateway import CallerConnection, Got, connect
from tests.support.golden import cases
from tests.support.raw import post
from tests.support.relaying import EVENTS
from tests.support.resuming import FRONTS, Front, events_of, pieces_of, read_events
from tests.support.server import Exchange, Server, serve

PROGRAM = """
import sys
{before}
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import serve
up = ProviderConfig(protocol={protocol!r}, url={url!r}, api_key="canary")
gateway = GatewayConfig(port=0, workers=2, resume=30.0{more})
serve(Config(gateway=gateway, providers={{"up": up}}), announce=lambda text: print(text, flush=True))
print("ended well", flush=True)
"""
PLAIN_LOOP = "sys.modules['uvloop'] = None"
TAG = 8
"""Characters of a stream's name that say which worker has begun it."""


class Crew(Struct):
    """A gateway of two workers, and a service that says its answer as a test lets it: to a `probe`, at once."""

    front: Front
    url: str
    process: Process
    service: Server
    go: asyncio.Semaphore
    pieces: list[bytes]
    stack: AsyncExitStack
    headers: dict[str, str]

    async def tag(self, wire: CallerConnection) -> str:
        """The tag of the worker that answers on this connection, after a request that leaves it as it was."""
        wire.send("POST", self.front.path, self.headers, self.front.asked.replace(b"hi", b"probe"))
        got = await wire.answer()
        assert (got.status, got.clean) == (200, True)
        return got.headers["x-dragoman-stream"][:TAG]

    async def lines(self) -> dict[str, CallerConnection]:
        """A connection to each worker, by its tag."""
        found: dict[str, CallerConnection] = {}
        while len(found) < 2:  # the kernel chooses the worker by a hash of the caller's port
            wire = await self.stack.enter_async_context(connect(self.url))
            found.setdefault(await self.tag(wire), wire)
        return found

    async def begun(self, wire: CallerConnection) -> tuple[str, bytes]:
        """Begins a stream, and hangs up after its first events: the stream's name, and what came of it."""
        self._say(self.first)
        wire.send("POST", self.front.path, self.headers, self.front.asked)
        assert await wire.head() == 200
        name = wire.headers["x-dragoman-stream"]
        had = await read_events(wire, 1)
        wire.writer.close()
        return name, had

    def resume(self, wire: CallerConnection, last: str, **more: str) -> None:
        """Asks for what follows the event with the id `last`."""
        wire.send("POST", self.front.path, self.headers | {"Last-Event-ID": last} | more, self.front.asked)

    async def resumed(self, wire: CallerConnection, last: str, **more: str) -> Got:
        """What follows it."""
        self.resume(wire, last, **more)
        return await wire.answer()

    @property
    def first(self) -> int:
        """How many events the service says before the caller hangs up."""
        return next(at for at, piece in enumerate(self.pieces, 1) if b"Hel" in piece)

    def say_rest(self) -> None:
        """The service may say what is left of one stream."""
        self._say(len(self.pieces) - self.first)

    def _say(self, number: int) -> None:
        for _ in range(number):
            self.go.release()

    @property
    def questions(self) -> int:
        """How often the service was asked for the stream."""
        return sum(b"probe" not in each.body for each in self.service.requests)


@asynccontextmanager
async def crew(
    dialect: str = "openai-chat", protocol: str = "", more: str = "", *, before: str = "", key: str = ""
) -> AsyncIterator[Crew]:
    """`protocol`: the service's, if it is not the caller's. `more`: further settings of the gateway."""
    pieces = pieces_of(cases(protocol or dialect)["text"].reply)
    go = asyncio.Semaphore(0)

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for piece in pieces:
            if b"probe" not in exchange.request.body:
                await go.acquire()
            await exchange.chunk(piece)
        await exchange.end()

    async with serve(play) as service, AsyncExitStack() as stack:
        text = PROGRAM.format(before=before, protocol=protocol or dialect, url=service.url, more=more)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", text, stdout=PIPE, stderr=PIPE)
        assert process.stdout is not None
        try:
            first = (await process.stdout.readline()).decode()
            url = first.split(" ")[3].rstrip(";")
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            yield Crew(FRONTS[dialect], url, process, service, go, pieces, stack, headers)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


CASES = [(dialect, "", "") for dialect in FRONTS] + [
    ("openai-chat", "anthropic", ""),
    ("anthropic", "openai-chat", ""),
    ("openai-chat", "", PLAIN_LOOP),
]


@pytest.mark.parametrize(("dialect", "protocol", "before"), CASES)
async def test_the_rest_comes_once_whichever_worker_gets_the_caller(dialect: str, protocol: str, before: str) -> None:
    async with crew(dialect, protocol, before=before) as on:
        tags = list(await on.lines())
        for holder, acceptor in [(holder, acceptor) for holder in tags for acceptor in tags]:
            name, had = await on.begun((await on.lines())[holder])
            assert name[:TAG] == holder
            wire = (await on.lines())[acceptor]
            on.resume(wire, f"{name}:{len(events_of(had))}")
            assert await wire.head() == 200
            on.say_rest()
            rest = await wire.rest(200)
            assert rest.clean
            whole = [await on.resumed(again, f"{name}:0") for again in (await on.lines()).values()]
            assert [each.clean for each in whole] == [True, True]
            assert [events_of(each.body) for each in whole] == [events_of(had + rest.body)] * 2
        assert on.questions == 4


async def test_the_connection_goes_on_at_the_worker_that_took_it_over() -> None:
    async with crew() as on:
        (_, one), (other, two) = (await on.lines()).items()
        name, had = await on.begun(two)
        on.say_rest()
        assert (await on.resumed(one, f"{name}:{len(events_of(had))}")).clean
        assert await on.tag(one) == other
        assert (await on.resumed(one, f"{name}:1")).status == 200


@pytest.mark.parametrize("size", [40 << 10, 1 << 20])
async def test_the_body_may_be_of_any_size(size: int) -> None:
    async with crew() as on:
        (_, one), (_, two) = (await on.lines()).items()
        on.front = Front(on.front.path, {**on.front.body, "user": "u" * size})
        name, had = await on.begun(two)
        on.say_rest()
        rest = await on.resumed(one, f"{name}:{len(events_of(had))}")
        assert (rest.status, rest.clean) == (200, True)
        on.front = Front(on.front.path, {**on.front.body, "user": "v" * size})
        (_, three) = (await on.lines()).popitem()
        assert (await on.resumed(three, f"{name}:0")).status == 409


async def test_an_answer_of_responses_is_asked_for_by_its_own_id_at_any_worker() -> None:
    # Translated, so that each answer has an id of its own: the service says the same one each time.
    async with crew("openai-responses", "openai-chat") as on:
        for holder in list(await on.lines()):
            lines = await on.lines()
            name, had = await on.begun(lines.pop(holder))
            events = [json.decode_event(data) for _, data in events_of(had)]
            answer, last = events[0]["response"]["id"], events[-1]["sequence_number"]
            wire = lines.popitem()[1]
            wire.send("GET", f"{on.front.path}/{answer}?stream=true&starting_after={last}")
            assert await wire.head() == 200
            assert wire.headers["x-dragoman-stream"] == name
            on.say_rest()
            rest = await wire.rest(200)
            assert rest.clean
            whole = await on.resumed((await on.lines())[holder], f"{name}:0")
            assert events_of(whole.body) == events_of(had + rest.body)


async def test_an_answer_that_no_worker_knows_is_refused_by_the_worker_that_was_asked() -> None:
    async with crew("openai-responses") as on:
        for tag, wire in (await on.lines()).items():
            wire.send("GET", f"{on.front.path}/resp_nobody?stream=true&starting_after=1")
            got = await wire.answer()
            assert (got.status, b"'resp_nobody'" in got.body) == (404, True)
            assert await on.tag(wire) == tag


async def test_another_key_is_refused_by_the_worker_that_holds_the_stream() -> None:
    async with crew(more=", api_keys=('one', 'two')", key="one") as on:
        (_, one), (_, two) = (await on.lines()).items()
        name, _ = await on.begun(two)
        got = await on.resumed(one, f"{name}:1", Authorization="Bearer two")
        assert (got.status, b"resume_gone" in got.body) == (410, True)
        (wire, *_) = (await on.lines()).values()
        assert (await on.resumed(wire, f"{name}:1", Authorization="Bearer three")).status == 401


async def test_the_stream_of_a_worker_that_has_died_is_gone() -> None:
    async with crew() as on:
        before = await two_workers(on.process)
        (_, one), (_, two) = (await on.lines()).items()
        name, _ = await on.begun(two)
        (dead,) = [worker for worker in before if owns(worker, one) is False]
        os.kill(dead, signal.SIGKILL)
        await two_workers(on.process, frozenset({dead}))
        for wire in (one, *(await on.lines()).values()):
            got = await on.resumed(wire, f"{name}:1")
            assert (got.status, b"resume_gone" in got.body) == (410, True)
        assert on.questions == 1


async def test_a_worker_that_dies_with_a_caller_in_its_mailbox_leaves_it_to_its_replacement() -> None:
    async with crew() as on:
        before = await two_workers(on.process)
        (acceptor, one), (_, two) = (await on.lines()).items()
        name, _ = await on.begun(two)
        (hung,) = [worker for worker in before if owns(worker, one) is False]
        more = await on.stack.enter_async_context(connect(on.url))
        while await on.tag(more) != acceptor:
            more = await on.stack.enter_async_context(connect(on.url))
        os.kill(hung, signal.SIGSTOP)
        on.resume(one, f"{name}:1")
        await one.writer.drain()
        while any(owns(worker, one) for worker in before - {hung}):
            await on.tag(more)  # what came before it at this worker is done when it is answered
        os.kill(hung, signal.SIGKILL)
        got = await one.answer()
        assert (got.status, b"resume_gone" in got.body) == (410, True)
        assert await on.tag(one) not in {acceptor, name[:TAG]}


async def test_a_stop_lets_the_stream_end_well_and_the_log_has_each_request_once(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    async with crew(more=f", request_log={str(log)!r}") as on:
        (_, one), (_, two) = (await on.lines()).items()
        name, had = await on.begun(two)
        on.resume(one, f"{name}:{len(events_of(had))}")
        assert await one.head() == 200
        on.process.send_signal(signal.SIGTERM)
        on.say_rest()
        rest = await one.rest(200)
        assert (rest.clean, rest.body.endswith(b"data: [DONE]\n\n")) == (True, True)
        out, _ = await on.process.communicate()
        assert (on.process.returncode, out[-11:]) == (0, b"ended well\n")
        lines = [json.decode_event(line) for line in log.read_bytes().splitlines()]
        first, again = (next(each for each in lines if each["id"] == identity) for identity in ids(lines))
        assert (first["end"], again["end"], again["resumes"]) == ("gone", "whole", first["id"])
        assert len(lines) == len(on.service.requests) + 1


def ids(lines: list[dict[str, Any]]) -> tuple[str, str]:
    """The ids of the request whose stream was resumed, and of the one that resumed it."""
    ((resumed, by),) = [(each["resumes"], each["id"]) for each in lines if each.get("resumes")]
    return resumed, by


def owns(worker: int, wire: CallerConnection) -> bool:
    """Whether a process has the gateway's end of a caller's connection."""
    _, port = wire.writer.get_extra_info("sockname")[:2]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {line[9] for line in lines if line[2].endswith(f":{port:04X}")}
    return not {f"socket:[{inode}]" for inode in inodes}.isdisjoint(descriptors(worker))


async def test_a_request_that_another_follows_at_once_stays_where_it_came() -> None:
    async with crew() as on:
        (tag, one), (_, two) = (await on.lines()).items()
        name, _ = await on.begun(two)
        again = post(on.front.asked, on.front.path, f"Last-Event-ID: {name}:1".encode())
        one.writer.write(again + post(on.front.asked.replace(b"hi", b"probe"), on.front.path))
        first, second = await one.answer(), await one.answer()
        assert (first.status, b"resume_gone" in first.body) == (410, True)
        assert second.headers["x-dragoman-stream"][:TAG] == tag
