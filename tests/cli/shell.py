"""The real command in a process of its own, in a home of its own."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from io import BufferedWriter
from pathlib import Path

from msgspec import Struct

from tests.cli import fork_server

PATIENCE = fork_server.PATIENCE
"""Seconds until a test gives up on a command: no measure, only an end."""

REPOSITORY = fork_server.REPOSITORY
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


def usual(env: Mapping[str, str]) -> bool:
    """Whether a new interpreter would start in `env` as in any other test, so that the command can be forked."""
    return fork_server.forkable(env, environment(REPOSITORY))


def run(home: Path, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Runs the command to its end, with `stdin` as a pipe."""
    variables = environment(home, env)
    if usual(variables):
        return _run_forked(home, arguments, stdin, variables)
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        cwd=home,
        env=variables,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


def _run_forked(home: Path, arguments: tuple[str, ...], stdin: bytes, env: Mapping[str, str]) -> Ran:
    pipes = [os.pipe() for _ in range(3)]
    (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pipes
    given = [theirs_in, theirs_out, theirs_err]
    with (
        open(ours_in, "wb") as feed,
        open(ours_out, "rb") as out,
        open(ours_err, "rb") as err,
        ThreadPoolExecutor(3) as threads,
    ):
        try:
            process = fork_server.fork(home, arguments, env, given)
        finally:
            for handle in given:
                os.close(handle)
        with closing(process):
            threads.submit(_feed, feed, stdin)
            printed, complained = threads.submit(out.read), threads.submit(err.read)
            code = process.wait()
            return Ran(code, printed.result(PATIENCE), complained.result(PATIENCE).decode())


def _feed(pipe: BufferedWriter, data: bytes) -> None:
    """Writes what the command reads, if it does not end before."""
    with suppress(BrokenPipeError), pipe:
        pipe.write(data)


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


def install(file: Path, env: Mapping[str, str]) -> tuple[int, ...]:
    """Makes `file` the command, for shells in `env`. Returns the descriptors that these must inherit."""
    words: list[str] = COMMAND
    inherited: tuple[int, ...] = ()
    if usual(env):
        words, control = fork_server.program(env)
        inherited = (control,)
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    file.chmod(0o755)
    return inherited


async def finish(process: asyncio.subprocess.Process) -> Ran:
    """Waits for its end."""
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out, err.decode())


async def run_beside(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs the command to its end while the test's own server works; its stdin is empty."""
    return await asyncio.to_thread(run, home, *arguments, env=env)


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
