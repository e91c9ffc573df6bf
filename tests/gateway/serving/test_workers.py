"""Several processes behind one address."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from dragoman.gateway.serving.workers import TRIES
from tests.gateway.serving.test_serve import refused
from tests.support.descriptors import descriptors
from tests.support.gateway import ask, chat_body, connect
from tests.support.spawned import spawned

PROGRAM = """
from dragoman.config import Config, GatewayConfig
from dragoman.gateway import serve
serve(Config(gateway=GatewayConfig(port=0, workers=2{more})), announce=lambda text: print(text, flush=True))
print("ended well", flush=True)
"""


@asynccontextmanager
async def program(more: str = "") -> AsyncIterator[tuple[Process, str]]:
    """A gateway of two workers with `more` settings, and its URL."""
    text = PROGRAM.replace("{more}", more)
    async with spawned("-c", text) as serving:
        yield serving


def workers(process: Process) -> set[int]:
    """The processes that `process` has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {int(pid) for pid in children}


async def two_workers(process: Process, without: frozenset[int] = frozenset()) -> set[int]:
    """Two workers, none of them one of `without`, once there are."""
    while len(workers(process) - without) < 2:  # noqa: ASYNC110  # another process's children tell nobody of themselves
        await asyncio.sleep(0.01)
    return workers(process)


async def test_a_worker_that_dies_is_replaced_and_the_address_answers_throughout() -> None:
    async with program() as (process, url):
        first, second = await two_workers(process)
        os.kill(first, signal.SIGKILL)
        assert (await ask(url, "GET", "/health/ready")).status == 200
        assert second in await two_workers(process, frozenset({first}))
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert (process.returncode, out[-11:]) == (0, b"ended well\n")
    assert f"worker {first} was killed by SIGKILL" in err.decode()


CALLERS = 200


def sockets(worker: int) -> int:
    """How many of them a process has."""
    return sum(each.startswith("socket:") for each in descriptors(worker))


async def test_callers_are_spread_over_the_workers() -> None:
    async with program() as (process, url), AsyncExitStack() as lines:
        found = await two_workers(process)
        assert (await ask(url, "GET", "/health/ready")).status == 200
        before = {worker: sockets(worker) for worker in found}
        for _ in range(CALLERS):
            wire = await lines.enter_async_context(connect(url))
            wire.send("GET", "/health/live")
            await wire.rest(await wire.head())
        counts = [sockets(worker) - before[worker] for worker in found]
    assert min(counts) >= CALLERS // 5  # by a hash of their ports: one of 10^18 runs has fewer


async def test_callers_of_a_worker_that_stops_alone_are_answered_by_the_others() -> None:
    async with program() as (process, url), AsyncExitStack() as lines:
        first, second = await two_workers(process)
        for _ in range(20):  # so that each worker has an answer under way, for which it stays
            wire = await lines.enter_async_context(connect(url))
            wire.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 600\ntext: b", stream=True))
            await wire.head()
        os.kill(first, signal.SIGTERM)
        assert process.stderr is not None
        while b"answers under way" not in await process.stderr.readline():
            continue  # until then it still accepts
        for reply in await asyncio.gather(*(ask(url, "GET", "/health/live") for _ in range(40))):
            assert reply.status == 200
        assert workers(process) == {first, second}
        os.kill(first, signal.SIGKILL)
        await two_workers(process, frozenset({first}))
        for _ in range(40):
            assert (await ask(url, "GET", "/health/live")).status == 200


HEARING = """
import os
from pathlib import Path
from dragoman.errors import ConfigurationError
from dragoman.gateway.serving.workers import WorkerTask, run_workers

tries = Path({folder!r}, "tries")

def work(words, place):
    if place == 1:
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size < 3:
            raise ConfigurationError("not yet")
    while (word := os.read(words, 1)) not in (b"s", b""):
        if place == 0:
            print(word.decode(), flush=True)
    return True

run_workers(2, WorkerTask(work, lambda: None, lambda: None), 0.001)
"""


async def test_the_others_are_told_when_a_worker_is_missing_and_when_all_are_there(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HEARING.format(folder=str(tmp_path)), stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    for heard in (b"c\n", b"c\n", b"o\n"):  # two tries that failed, and one that did not
        assert await process.stdout.readline() == heard
    process.send_signal(signal.SIGUSR2)  # as a worker does that stops alone
    assert await process.stdout.readline() == b"c\n"
    process.send_signal(signal.SIGTERM)
    assert await process.stdout.read() == b""
    await process.communicate()
    assert process.returncode == 0


async def test_a_worker_that_hangs_is_killed_and_its_replacement_serves() -> None:
    async with program(", worker_timeout=1.0") as (process, url):
        found = await two_workers(process)
        hung = min(found)
        os.kill(hung, signal.SIGSTOP)
        fresh = (await two_workers(process, frozenset({hung}))) - found
        others = found - {hung}
        for each in others:
            os.kill(each, signal.SIGSTOP)  # so that only the replacement can answer, until this one is killed as well
        assert (await ask(url, "GET", "/health/ready")).status == 200
        await two_workers(process, frozenset(found))
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert len(fresh) == 1
    assert (process.returncode, out[-11:]) == (0, b"ended well\n")
    said = err.decode()
    assert f"the event loop of worker {hung} has stood for" in said
    assert f"worker {hung} was killed by SIGKILL; another takes its place" in said


async def test_a_worker_that_hangs_does_not_keep_the_gateway_from_stopping() -> None:
    async with program(", worker_timeout=1.0") as (process, _):
        hung = min(await two_workers(process))
        os.kill(hung, signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert f"the event loop of worker {hung} has stood for" in err.decode()


async def counted(url: str) -> float:
    """How many chats the gateway has counted, whichever of its workers is asked."""
    text = (await ask(url, "GET", "/metrics")).text
    wanted = 'dragoman_requests_total{front="openai-chat",route="direct",'
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(wanted))


async def test_what_workers_count_is_added_and_outlives_them() -> None:
    async with program() as (process, url):
        first, _ = await two_workers(process)
        body = chat_body("text: a")
        for _ in range(12):
            assert (await ask(url, "POST", "/v1/chat/completions", {}, body)).status == 200
        while await counted(url) < 12:  # a worker may be asked before the one that answered last has counted
            continue
        assert [await counted(url) for _ in range(6)] == [12] * 6
        os.kill(first, signal.SIGKILL)
        await two_workers(process, frozenset({first}))
        for _ in range(4):
            assert (await ask(url, "POST", "/v1/chat/completions", {}, body)).status == 200
        while await counted(url) < 16:
            continue
        assert [await counted(url) for _ in range(6)] == [16] * 6


async def test_a_signal_lets_every_workers_answers_end_well() -> None:
    async with program() as (process, url), connect(url) as wire, connect(url) as other:
        await two_workers(process)
        for each in (wire, other):
            each.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.3\ntext: b", stream=True))
            await each.head()
        process.send_signal(signal.SIGTERM)
        for each in (wire, other):
            last = b""
            while chunk := await each.chunk():
                last = chunk
            assert last.endswith(b"data: [DONE]\n\n")
        await process.communicate()
    assert process.returncode == 0


async def test_workers_whose_parent_was_killed_stop_and_free_the_address() -> None:
    async with program() as (process, url), connect(url) as wire:
        await two_workers(process)
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.3\ntext: b", stream=True))
        await wire.head()
        process.kill()
        await refused(url)
        assert b"[DONE]" in (await wire.rest(200)).body
        _, err = await process.communicate()  # to the last worker's end
    assert b"the process that started this worker is gone" in err


async def test_a_signal_that_reaches_parent_and_workers_alike_counts_once() -> None:
    async with program() as (process, url), connect(url) as wire:
        found = await two_workers(process)
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.5\ntext: b", stream=True))
        await wire.head()
        for pid in (process.pid, *found):
            with suppress(ProcessLookupError):  # an idle worker may have heard its parent, and be gone
                os.kill(pid, signal.SIGTERM)
        assert b"[DONE]" in (await wire.rest(200)).body
        await process.communicate()
    assert process.returncode == 0


FAILING = """
import os
from dragoman.errors import ConfigurationError
from dragoman.gateway.log import begin
from dragoman.gateway.serving.workers import WorkerTask, run_workers

def work(words, place):
    {work}

begin("info")
try:
    run_workers(2, WorkerTask(work, lambda: None, lambda: print("left", flush=True)), 0.001)
except ConfigurationError as exc:
    print(exc)
"""


@pytest.mark.parametrize(
    ("work", "said", "code"),
    [
        ("raise ConfigurationError('no such folder')", "a worker cannot go on: no such folder", "ended with 3"),
        ("raise KeyError('secret-canary')", "a worker failed: KeyError (in work, line 8)", "ended with 1"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL as soon as it was there", "was killed by SIGKILL"),
    ],
)
async def test_a_worker_that_cannot_start_is_not_tried_for_ever(work: str, said: str, code: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FAILING.format(work=work), stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert out == b"no worker could start; what was said before this tells why\n"
    assert said in err.decode()
    assert TRIES <= err.decode().count(code) <= 2 * TRIES
    assert b"Traceback" not in err
    assert b"canary" not in err


async def test_a_worker_that_starts_after_some_tries_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "tries"
    work = f"""
    with open({str(path)!r}, "a") as file:
        file.write("x")
    if os.stat({str(path)!r}).st_size < 4:
        raise ConfigurationError("not yet")
    while os.read(words, 1) not in (b"s", b""):
        pass
    return True
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FAILING.format(work=work), stdout=PIPE, stderr=PIPE
    )
    while not path.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await two_workers(process)
    while path.stat().st_size < 5:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"left\n")
    assert err.count(b"the next is tried") in {2, 3}
