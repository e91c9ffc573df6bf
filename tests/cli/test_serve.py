"""`dragoman serve`, and the line that it prints to try."""

import asyncio
import re
import signal
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.cli.shell import PATIENCE, finish, run, start

ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")


async def first_lines(process: asyncio.subprocess.Process) -> bytes:
    """What it says once it listens."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        return await process.stdout.readuntil(b"}'")


@pytest.mark.skipif(which("curl") is None, reason="the line is curl's")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_the_printed_line_streams_an_answer(tmp_path: Path, stop: signal.Signals) -> None:
    process = await start(tmp_path, "serve", "--port", "0")
    try:
        said = await first_lines(process)
        assert ADDRESS.search(said)
        line = said[said.index(b"curl") :].decode()
        curl = await asyncio.create_subprocess_shell(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        async with asyncio.timeout(PATIENCE):
            answer, _ = await curl.communicate()
        assert answer.startswith(b"data: ")
        assert answer.endswith(b"data: [DONE]\n\n")
    finally:
        process.send_signal(stop)
    ran = await finish(process)
    assert ran.code == 0
    assert "Traceback" not in ran.err


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
