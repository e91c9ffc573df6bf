"""The life of the gateway's processes: reloads, sockets, a supervisor, deaths and stops, seen from outside."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.cli.pty import Terminal
from tests.cli.shell import COMMAND, PATIENCE, environment, finish, start
from tests.gateway.serving.test_serve import log_lines, refused
from tests.gateway.serving.test_workers import two_workers
from tests.providers.test_catalogue import install
from tests.support.descriptors import descriptors
from tests.support.gateway import CallerConnection, ask, chat_body, connect

CHAT = "/v1/chat/completions"
ROUTE = '[models.{name}]\ntargets = ["offline/script"]\n'


@asynccontextmanager
async def gateway(
    home: Path, text: str, *arguments: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Process, str]]:
    """`dragoman serve` with a configuration, and its URL; empty if it has none."""
    (home / "dragoman.toml").write_text(text)
    process = await start(home, "serve", *arguments, env=env)
    try:
        yield process, await greeted(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def greeted(process: Process) -> str:
    """The URL that it says."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        first = (await process.stdout.readline()).decode()
        await process.stdout.readuntil(b"}'")
    return first.split(" ")[3].rstrip(";")


async def models(url: str) -> str:
    """The names that it lists."""
    return (await ask(url, "GET", "/v1/models")).text


async def said(process: Process, words: str) -> None:
    """Returns once its log has these words."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        while words not in (await process.stderr.readline()).decode():
            pass


@pytest.mark.parametrize("workers", [1, 2])
async def test_hup_and_a_changed_file_reload_and_no_stream_notices(tmp_path: Path, workers: int) -> None:
    settings = f'[gateway]\nport = 0\nworkers = {workers}\nlog_level = "debug"\n'
    async with gateway(tmp_path, settings + ROUTE.format(name="one")) as (process, url), connect(url) as wire:
        if workers > 1:
            await two_workers(process)
        wire.send("POST", CHAT, body=chat_body("text: a\ndelay: 1.5\ntext: b", "one", stream=True))
        assert await wire.head() == 200
        (tmp_path / "dragoman.toml").write_text(settings + ROUTE.format(name="two"))
        process.send_signal(signal.SIGHUP)
        await said(process, "reloaded: ")
        for _ in range(workers if workers > 1 else 0):
            await said(process, "this worker has reloaded")
        found = await models(url)
        assert ('"two"' in found, '"one"' in found) == (True, False)
        (tmp_path / "dragoman.toml").write_text("[gateway]\nprot = 1\n")
        await said(process, "not reloaded, and all stays as it was: dragoman.toml:2: gateway.prot: unknown key")
        assert '"two"' in await models(url)
        assert b"[DONE]" in (await wire.rest(200)).body
        process.send_signal(signal.SIGTERM)
        assert (await finish(process)).code == 0


async def test_a_store_that_cannot_be_used_is_not_taken_over_and_workers_are_still_replaced(tmp_path: Path) -> None:
    settings = '[gateway]\nport = 0\nworkers = 2\nreload = "signal"\n'
    async with gateway(tmp_path, settings) as (process, url):
        first, _ = await two_workers(process)
        with closing(sqlite3.connect(tmp_path / "x.db")) as database:
            database.execute("CREATE TABLE entries (of TEXT, another TEXT, program TEXT)")
        (tmp_path / "dragoman.toml").write_text(f'{settings}store = "x.db"\n')
        process.send_signal(signal.SIGHUP)
        await said(process, "not reloaded, and all stays as it was: dragoman.toml:5: gateway.store: x.db: expected a")
        os.kill(first, signal.SIGKILL)
        await two_workers(process, frozenset({first}))
        assert (await ask(url, "GET", "/health/ready")).status == 200
        process.send_signal(signal.SIGTERM)
        ran = await finish(process)
    assert (ran.code, "cannot go on" in ran.err) == (0, False)


async def test_of_several_workers_each_opens_the_store_itself(tmp_path: Path) -> None:
    """One that inherits a connection believes that it holds locks, which are its parent's alone."""
    async with gateway(tmp_path, '[gateway]\nport = 0\nworkers = 2\nstore = "x.db"\n') as (process, _):
        await two_workers(process)
        process.send_signal(signal.SIGHUP)
        await said(process, "reloaded: ")
        assert not [each for each in descriptors(process.pid) if "x.db" in each]


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_reload_finds_providers_that_were_installed_since_the_start(tmp_path: Path, workers: int) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    settings = f'[gateway]\nport = 0\nworkers = {workers}\nlog_level = "debug"\n'
    variables = {"PYTHONPATH": os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])}
    async with gateway(tmp_path, settings, env=variables) as (process, url):
        if workers > 1:
            await two_workers(process)
        install(packages, "extension:Mine")
        (tmp_path / "dragoman.toml").write_text(settings + '[providers.mine]\nmodels = ["m"]\n')
        process.send_signal(signal.SIGHUP)
        await said(process, "reloaded: ")
        for _ in range(workers if workers > 1 else 0):
            await said(process, "this worker has reloaded")
        assert '"mine/m"' in await models(url)


async def test_a_hup_of_a_terminal_that_is_gone_stops_it(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text("[gateway]\nport = 0\n")
    with Terminal(tmp_path, "serve") as terminal:
        terminal.expect("dragoman listens on")
        assert terminal.hang_up() == 0


async def test_a_unix_socket_is_served_replaced_if_it_was_left_and_removed(tmp_path: Path) -> None:
    place, log = tmp_path / "x.sock", tmp_path / "log"
    text = f'[gateway]\nlisten = "unix:{place}"\nworkers = 2\nrequest_log = "{log}"\n'
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    async with gateway(tmp_path, text) as (process, _):
        other = await start(tmp_path, "serve")
        ran = await finish(other)
        assert (ran.code, "another program listens there already" in ran.err) == (3, True)
        reader, writer = await asyncio.open_unix_connection(str(place))
        wire = CallerConnection(reader, writer, "any.example")  # whatever name is in the Host field
        wire.send("POST", CHAT, body=chat_body("text: a"))
        assert (await wire.answer()).status == 200
        writer.close()
        process.send_signal(signal.SIGTERM)
        assert (await finish(process)).code == 0
    assert not place.exists()
    assert b'"remote":"unix"' in log.read_bytes()


TAKE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("workers", [1, 2])
async def test_systemd_hands_over_a_socket_and_hears_of_each_state(tmp_path: Path, workers: int) -> None:
    (tmp_path / "dragoman.toml").write_text(f"[gateway]\nworkers = {workers}\n")
    with (
        socket.create_server(("127.0.0.1", 0)) as given,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        variables = {
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "web",
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "100000",
        }
        # As systemd does: the socket is descriptor 3, and the variable names the process that is to take it.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", TAKE, str(given.fileno()), *COMMAND, "serve",
            pass_fds=(given.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=environment(tmp_path, variables),
        )  # fmt: skip
        try:
            told: list[str] = []

            async def until(word: str) -> None:
                async with asyncio.timeout(PATIENCE):
                    while not told or told[-1] != word:
                        data = await asyncio.get_running_loop().sock_recv(manager, 1000)
                        told.append(data.decode().partition("\n")[0])

            await until("READY=1")
            assert told == ["READY=1"]
            url = f"http://127.0.0.1:{given.getsockname()[1]}"
            assert (await ask(url, "GET", "/health/ready")).status == 200
            await until("WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            await until("RELOADING=1")
            await until("READY=1")
            process.send_signal(signal.SIGTERM)
            await until("STOPPING=1")
            ran = await finish_quietly(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0
    assert log_lines(ran)[0].startswith("started: listens on systemd's web, ")


async def finish_quietly(process: Process) -> bytes:
    """What it has logged, once it has ended."""
    async with asyncio.timeout(PATIENCE):
        return (await process.communicate())[1]


STREAMS = 200


async def test_of_many_open_streams_none_breaks_when_it_is_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = f'[gateway]\nport = 0\nrequest_log = "{log}"\n'
    script = "text: a\ndelay: 1\ntext: b"
    async with gateway(tmp_path, text) as (process, url), AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connect(url)) for _ in range(STREAMS)]
        for wire in wires:
            wire.send("POST", CHAT, body=chat_body(script, stream=True))
        for wire in wires:
            assert await wire.head() == 200
        process.send_signal(signal.SIGTERM)
        await refused(url)
        got = [await wire.rest(200) for wire in wires]
        ran = await finish(process)
    assert all(each.clean and each.body.endswith(b"data: [DONE]\n\n") for each in got)
    assert ran.code == 0
    assert log.read_bytes().count(b'"end":"whole"') == STREAMS


async def test_a_killed_worker_breaks_its_own_streams_alone(tmp_path: Path) -> None:
    async with gateway(tmp_path, "[gateway]\nport = 0\nworkers = 2\n") as (process, url), AsyncExitStack() as stack:
        first, second = await two_workers(process)
        wires: list[CallerConnection] = []
        # The kernel chooses the worker of each connection: at some time both have one.
        while len({worker_of(wire) for wire in wires}) < 2:
            wires.append(wire := await stack.enter_async_context(connect(url)))
            wire.send("POST", CHAT, body=chat_body("text: a\ndelay: 3\ntext: b", stream=True))
            assert await wire.head() == 200
        os.kill(first, signal.SIGKILL)
        assert second in await two_workers(process, frozenset({first}))
        ended = {(worker_of(wire), await outcome(wire)) for wire in wires}
        assert (await ask(url, "GET", "/health/ready")).status == 200
        process.send_signal(signal.SIGTERM)
        ran = await finish(process)
    assert ran.code == 0
    assert f"worker {first} was killed by SIGKILL" in ran.err
    assert len(ended) == 2, "some streams of one worker are whole, and some are not"
    assert {whole for _, whole in ended} == {True, False}


def worker_of(wire: CallerConnection) -> str:
    """What the ids of all requests to one worker begin with."""
    return wire.headers["x-request-id"][:16]


async def outcome(wire: CallerConnection) -> bool:
    """Whether the stream is whole. One that broke does not look as if it were."""
    try:
        got = await wire.rest(200)
    except ConnectionError:
        return False
    done = got.body.endswith(b"data: [DONE]\n\n")
    assert got.clean is done
    return done
