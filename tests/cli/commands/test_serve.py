"""`dragoman serve`, and the line that it prints to try."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest

from tests.cli.shell import COMMAND, PATIENCE, environment, finish, run, start
from tests.gateway.serving.test_workers import two_workers
from tests.support.gateway import ask, chat_body, connect

ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")


async def first_lines(process: asyncio.subprocess.Process) -> bytes:
    """What it says once it listens."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        return await process.stdout.readuntil(b"}'")


CURL = f"""#!{sys.executable}
import sys, urllib.request
url, header, data = sys.argv[2], sys.argv[sys.argv.index("-H") + 1], sys.argv[sys.argv.index("-d") + 1]
request = urllib.request.Request(url, data.encode(), dict([header.split(": ")]))
sys.stdout.buffer.write(urllib.request.urlopen(request).read())
"""


def with_curl(folder: Path) -> str:
    """A PATH with curl on it: the machine's own, or, where there is none, one that knows the options of the line."""
    path = os.environ.get("PATH", os.defpath)
    if which("curl", path=path) is None:
        stand_in = folder / "curl"
        stand_in.write_text(CURL)
        stand_in.chmod(0o755)
    return f"{path}{os.pathsep}{folder}"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_the_printed_line_streams_an_answer(tmp_path: Path, stop: signal.Signals) -> None:
    process = await start(tmp_path, "serve", "--port", "0")
    try:
        said = await first_lines(process)
        assert ADDRESS.search(said)
        line = said[said.index(b"curl") :].decode()
        curl = await asyncio.create_subprocess_shell(
            line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PATH": with_curl(tmp_path)}
        )
        async with asyncio.timeout(PATIENCE):
            answer, _ = await curl.communicate()
        assert answer.startswith(b"data: ")
        assert answer.endswith(b"data: [DONE]\n\n")
    finally:
        process.send_signal(stop)
    ran = await finish(process)
    assert ran.code == 0
    assert "Traceback" not in ran.err


async def test_stdout_has_nothing_but_the_request_log_that_is_sent_there(tmp_path: Path) -> None:
    process = await start(tmp_path, "serve", "--port", "0", "--request-log", "-")
    assert process.stderr
    said = b""
    async with asyncio.timeout(PATIENCE):
        while b"Try:" not in said:
            said += await process.stderr.readline()
    found = re.search(rb"dragoman listens on (http://127\.0\.0\.1:\d+)", said)
    assert found
    got = await ask(found[1].decode(), "POST", "/v1/chat/completions", body=chat_body("text: hi"))
    assert got.status == 200
    process.send_signal(signal.SIGTERM)
    ran = await finish(process)
    assert [json.loads(line)["status"] for line in ran.out.splitlines()] == [200]


async def test_the_command_asks_its_own_gateway(tmp_path: Path) -> None:
    process = await start(tmp_path, "serve", "--port", "0")
    try:
        found = ADDRESS.search(await first_lines(process))
        assert found
        entry = f'[providers.gate]\nprotocol = "openai-chat"\nurl = "{found[0].decode()}/v1"\n'
        (tmp_path / "dragoman.toml").write_text(entry)
        ran = await asyncio.to_thread(run, tmp_path, "ask", "-m", "gate/offline/echo", "through the gate")
        assert (ran.code, ran.out) == (0, b"through the gate\n")
    finally:
        process.send_signal(signal.SIGTERM)
    assert (await finish(process)).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 3, "key"),
        (["--port", "70000"], 2, "70000"),
        (["--host", "no such host"], 3, "no such host"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    ran = run(tmp_path, "serve", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert ran.err.count("\n") == 1


async def test_a_stop_that_interrupts_answers_says_so_and_is_a_good_end(tmp_path: Path) -> None:
    process = await start(tmp_path, "serve", "--port", "0")
    found = ADDRESS.search(await first_lines(process))
    assert found
    async with connect(found[0].decode()) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: half\nhang", stream=True))
        await wire.head()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        ran = await finish(process)
    assert ran.code == 0
    assert "stopped; answers were interrupted" in ran.err


async def test_workers_that_cannot_start_any_more_end_the_gateway_as_a_wrong_setting(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = str(folder / "requests")
    process = await start(tmp_path, "serve", "--port", "0", "--workers", "2", "--request-log", log)
    assert ADDRESS.search(await first_lines(process))
    started = await two_workers(process)
    folder.rename(tmp_path / "gone")
    for pid in started:
        with suppress(ProcessLookupError):  # one that had not opened its log by now cannot, and has ended
            os.kill(pid, signal.SIGKILL)
    ran = await finish(process)
    assert ran.code == 3
    assert "gateway.request_log: cannot write" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "1</dev/null"])
@pytest.mark.parametrize("workers", [1, 2])
async def test_it_runs_and_stops_without_standard_input_and_outputs(
    tmp_path: Path, closed: str, workers: int, unused_tcp_port: int
) -> None:
    command = shlex.join([*COMMAND, "serve", "--port", str(unused_tcp_port), "--workers", str(workers)])
    process = await asyncio.create_subprocess_shell(
        f"exec {command} {closed}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(tmp_path)
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await answers(unused_tcp_port):  # noqa: ASYNC110  # it has nothing to say it with
                await asyncio.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0


async def answers(port: int) -> bool:
    """Whether the gateway is there yet."""
    try:
        return (await ask(f"http://127.0.0.1:{port}", "GET", "/health/live")).status == 200
    except OSError:
        return False
