"""Running the gateway as a program of its own: its greeting, its address, its signals."""

import asyncio
import logging
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import create_server

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import serve
from dragoman.gateway.check import check
from dragoman.gateway.serve import bind, greeting
from tests.support.gateway import ask, chat_body, connect, running_gateway

PROGRAM = """
from dragoman.config import Config, GatewayConfig
from dragoman.gateway import Waits, serve
serve(
    Config(gateway=GatewayConfig(port=0)),
    announce=lambda text: print(text, flush=True),
    waits=Waits(grace={grace}),
)
print("ended well", flush=True)
"""


@asynccontextmanager
async def program(grace: float = 30) -> AsyncIterator[tuple[Process, str, str]]:
    """A gateway in a process of its own, its URL, and the line it says to try."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(grace=grace), stdout=PIPE, stderr=PIPE
    )
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
    assert (out, err) == (b"\nended well\n", b"")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
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
    assert out.endswith(b"ended well\n")
    assert err == b""


async def refused(url: str) -> None:
    """Returns once nobody listens at `url` any more."""
    with pytest.raises(OSError):  # noqa: PT011  # whichever way the system says so
        while True:
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
