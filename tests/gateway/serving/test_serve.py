"""Running the gateway as a program of its own: its greeting, its address, its signals."""

import asyncio
import gc
import logging
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from socket import create_server

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import serve
from dragoman.gateway.check import check
from dragoman.gateway.serving.listening import bind
from dragoman.gateway.serving.serve import COLLECTIONS, UNSHARED, greeting
from tests.support.gateway import ask, chat_body, connect, running_gateway

PROGRAM = """
import resource
from dragoman.config import Config, GatewayConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway import serve
if {descriptors}:
    resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors}))
well = serve(
    Config(gateway=GatewayConfig(port={port}, workers={workers}, drain={drain}, request_log={log!r}, store={store!r})),
    announce=lambda text: print(text, flush=True),
    timeouts=ServerTimeouts(grace={grace}),
)
print("ended well" if well else "interrupted", flush=True)
"""
DEFAULTS = {"port": 0, "workers": 1, "drain": 0, "log": None, "store": None, "grace": 30, "descriptors": 0}


@asynccontextmanager
async def program(**settings: object) -> AsyncIterator[tuple[Process, str, str]]:
    """A gateway in a process of its own, its URL, and the line it says to try."""
    source = PROGRAM.format(**(DEFAULTS | settings))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        first = (await process.stdout.readline()).decode()
        await process.stdout.readline()
        line = (await process.stdout.readline()).decode()
        yield process, first.split(" ")[3].rstrip(";"), line
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def log_lines(err: bytes) -> list[str]:
    """The event log without times and processes."""
    return [line.split("] ", 1)[1] for line in err.decode().splitlines()]


async def test_greets_with_a_line_that_streams_an_answer() -> None:
    async with program() as (process, url, line):
        words = shlex.split(line)
        assert words[:3] == ["curl", "-N", f"{url}/v1/chat/completions"]
        header = dict([words[words.index("-H") + 1].split(": ")])
        got = await ask(url, "POST", "/v1/chat/completions", header, words[words.index("-d") + 1].encode())
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert got.status == 200
    assert got.body.endswith(b"data: [DONE]\n\n")
    assert process.returncode == 0
    assert out == b"\nended well\n"
    port = url.rpartition(":")[2]
    assert log_lines(err) == [
        f"started: listens on port {port} of 127.0.0.1, workers: 1, no configuration file",
        "stopped",
    ]


@pytest.mark.parametrize(("workers", "stored", "told"), [(1, False, 0), (2, False, 1), (2, True, 0)])
async def test_says_at_the_start_if_workers_share_no_store(
    workers: int, stored: bool, told: int, tmp_path: Path
) -> None:
    store = str(tmp_path / "kept.sqlite") if stored else None
    async with program(workers=workers, store=store) as (process, _, _):
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert log_lines(err).count(UNSHARED) == told


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
async def test_a_signal_lets_answers_end_and_a_second_ends_them_now(stop: signal.Signals) -> None:
    async with program() as (process, url, _), connect(url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: half\nhang", stream=True))
        await wire.head()
        assert b"half" in await wire.chunk()
        process.send_signal(stop)
        await refused(url)
        process.send_signal(stop)
        assert b'"code":"stopped"' in await wire.chunk()
        assert not await wire.chunk()
        out, err = await process.communicate()
    assert process.returncode == 0
    assert out.endswith(b"interrupted\n")
    assert log_lines(err)[1:] == [
        "answers under way: 1, which get 30 s; press Ctrl-C or signal again to stop now",
        "stopped; answers were interrupted",
    ]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
async def test_whatever_stops_it_answers_end_well_and_its_address_is_free_at_once(
    stop: signal.Signals, workers: int
) -> None:
    async with program(workers=workers) as (process, url, _), connect(url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: half\ndelay: 1\ntext: whole", stream=True))
        await wire.head()
        process.send_signal(stop)
        await refused(url)
        for listener in bind("127.0.0.1", int(url.rpartition(":")[2])):
            listener.close()
        process.send_signal(signal.SIGHUP)  # which comes again when a session ends, and ends no answer
        got = await wire.rest(200)
        out, _err = await process.communicate()
    assert b"[DONE]" in got.body
    assert (process.returncode, out[-11:]) == (0, b"ended well\n")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_signal_ends_the_answers_of_workers_too(workers: int) -> None:
    async with program(workers=workers) as (process, url, _), connect(url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: half\nhang", stream=True))
        await wire.head()
        await wire.chunk()
        process.send_signal(signal.SIGTERM)
        await refused(url)
        process.send_signal(signal.SIGTERM)
        assert b'"code":"stopped"' in await wire.chunk()
        out, _err = await process.communicate()
    assert (process.returncode, out[-12:]) == (0, b"interrupted\n")


@pytest.mark.parametrize("workers", [1, 2])
async def test_other_signals_stop_nobody_and_one_has_the_request_log_made_anew(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "log"
    async with program(workers=workers, log=str(path)) as (process, url, _):
        assert (await ask(url, "GET", "/health/live")).status == 200
        while not path.stat().st_size:  # noqa: ASYNC110  # nothing tells of a file but a look
            await asyncio.sleep(0.01)
        path.rename(tmp_path / "log.1")
        process.send_signal(signal.SIGUSR2)
        process.send_signal(signal.SIGUSR1)
        while not path.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await ask(url, "GET", "/health/live")).status == 200
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert path.read_bytes().count(b"\n") == 1
    assert process.returncode == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_while_it_drains_it_answers_and_says_that_it_is_not_ready(workers: int) -> None:
    async with program(workers=workers, drain=3600) as (process, url, _):
        process.send_signal(signal.SIGTERM)
        while (got := await ask(url, "GET", "/health/ready")).status == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert got.text == '{"status":"draining"}'
        assert (await ask(url, "POST", "/v1/chat/completions", body=chat_body("text: a"))).status == 200
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert (process.returncode, out[-11:]) == (0, b"ended well\n")
    assert "draining: not ready, and accepting for 3600 s more" in log_lines(err)


async def test_a_caller_for_whom_there_is_no_descriptor_is_told_so() -> None:
    async with program(descriptors=64) as (process, url, _), AsyncExitStack() as stack:
        wires = []
        for _ in range(80):
            wires.append(await stack.enter_async_context(connect(url)))
            wires[-1].send("GET", "/health/live")
        got = [await wire.answer() for wire in wires]
        await stack.aclose()
        # Each of them takes the lowest descriptor that is free: by the last all that were given back are.
        healthy = [(await ask(url, "GET", "/health/live")).status for _ in range(80)]
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    refused = [each for each in got if each.status == 503]
    assert healthy[-1] == 200
    assert len(refused) > 20
    assert {each.status for each in got} == {200, 503}
    assert all(b'"code":"overloaded"' in each.body for each in refused)
    assert [line for line in log_lines(err) if "descriptors" in line] == [
        "descriptors are exhausted: 48 are in use, and what is left of 64 is kept; callers get 503 (ulimit -n)",
        "there are descriptors again",
    ]


async def refused(url: str) -> None:
    """Returns once nobody listens at `url` any more."""
    with pytest.raises(ConnectionRefusedError):
        while True:
            # A reset says that one socket was closed just then; another worker may still have its own.
            with suppress(ConnectionResetError):
                async with connect(url):
                    await asyncio.sleep(0)


def test_a_port_in_use_is_a_clear_error() -> None:
    with create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} of 127\.0\.0\.1: another program listens there"):
            serve(Config(gateway=GatewayConfig(port=port)))


def test_an_address_that_is_not_ours_is_a_clear_error() -> None:
    with pytest.raises(ConfigurationError, match="no such address"):
        bind("192.0.2.1", 0)


def test_all_addresses_of_a_name_share_a_port() -> None:
    listeners = bind("localhost", 0)
    try:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
    finally:
        for listener in listeners:
            listener.close()


def test_does_not_listen_to_other_machines_without_a_key() -> None:
    with pytest.raises(ConfigurationError, match="no key is asked"):
        serve(Config(gateway=GatewayConfig(host="0.0.0.0", port=0)))


def test_the_greeting_shows_no_key_and_a_host_that_can_be_called() -> None:
    keyed = greeting(Config(gateway=GatewayConfig(host="0.0.0.0", api_keys=("s3cret",))), "fast", 8642)
    assert "http://127.0.0.1:8642/v1/chat/completions" in keyed
    assert "'Authorization: Bearer YOUR_KEY'" in keyed
    assert "s3cret" not in keyed
    assert "http://[::1]:1/v1" in greeting(Config(gateway=GatewayConfig(host="::1")), "it's", 1)


def test_the_greeting_says_that_no_model_is_the_default() -> None:
    said = greeting(Config(), "", 1)
    assert "callers must name a model: name one (PROVIDER/MODEL), or set gateway.default_model" in said
    assert '"model":"offline/eliza"' in said


def test_a_host_may_be_spelt_as_in_urls() -> None:
    assert "http://[::1]:1/v1" in greeting(Config(gateway=GatewayConfig(host="[::1]")), "m", 1)
    check(Config(gateway=GatewayConfig(host="[::1]")))


async def test_a_broken_stream_makes_no_noise_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with running_gateway() as url:
        got = await ask(url, "POST", "/v1/chat/completions", body=chat_body("text: half\ncut", stream=True))
    assert b"[DONE]" not in got.body
    assert caplog.text == ""


def test_no_collection_of_new_objects_is_a_long_one() -> None:
    seen: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 1:
            seen.append(len(gc.get_objects(0)) + len(gc.get_objects(1)))

    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(*COLLECTIONS)
    gc.callbacks.append(look)
    try:
        kept = [[number] for number in range(500_000)]
    finally:
        gc.callbacks.remove(look)
        gc.set_threshold(*before)
    assert len(kept) == 500_000
    assert seen
    assert max(seen) < 50_000  # such a collection takes less than ten milliseconds
