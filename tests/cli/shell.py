"""The real command in a process of its own, in a home of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

PATIENCE = 30
"""Seconds until a test gives up on a command: no measure, only an end."""

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "dragoman"]


class Ran(Struct, frozen=True):
    """What a finished command left."""

    code: int
    out: bytes
    err: str


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which nothing of the machine's user is seen; a configuration in `home` is named."""
    # What coverage needs to look into the process is let through.
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"} or name.startswith("COV")}
    named = {"DRAGOMAN_CONFIG": "dragoman.toml"} if (home / "dragoman.toml").exists() else {}
    plain = {"HOME": str(home), "PYTHONDEVMODE": "", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    own = kept | named | plain | dict(more or {})
    # The command is the one that the tests import, wherever that is.
    paths = [path for path in (own.get("PYTHONPATH"), os.environ.get("PYTHONPATH")) if path]
    return own | ({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})


def run(home: Path, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Runs the command to its end, with `stdin` as a pipe."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        cwd=home,
        env=environment(home, env),
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


async def start(
    home: Path, *arguments: str, stdin: int = subprocess.DEVNULL, env: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Starts the command beside the test's own server; both its outputs are pipes."""
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment(home, env),
    )


async def finish(process: asyncio.subprocess.Process) -> Ran:
    """Waits for its end."""
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out, err.decode())


async def run_beside(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs the command to its end while the test's own server works."""
    return await finish(await start(home, *arguments, env=env))


ENTRY = """\
[providers.{name}]
protocol = "openai-chat"
url = "{url}/v1"
api_key = "sk-very-secret"
models = ["test"]
"""


def configure(home: Path, urls: Mapping[str, str]) -> None:
    """A configuration of services that speak OpenAI's protocol, by their names; `test` is the only model of each."""
    path = home / "dragoman.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(ENTRY.format(name=name, url=url) for name, url in urls.items()))


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    """One event of OpenAI's stream."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n".encode()


DONE = b"data: [DONE]\n\n"
SSE = {"content-type": "text/event-stream"}
