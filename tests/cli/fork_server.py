"""The command in a process forked from one that has already imported it. Knows no test and no service.

A new interpreter spends 0.3 s of CPU on imports, the tests of the command start hundreds of them, and none of these
tests asks how modules are loaded. So each process that runs tests starts, when it first needs it, one *server*: an
interpreter that has imported the command and then does nothing but fork.

    the test's process ──control──> server ──fork──> keeper ──fork──> the command
            └────────────────── channel ──────────────┘

A run is four descriptors sent over `control`: the command's stdin, stdout, stderr, and the far end of a `channel`,
over which the keeper reads a `Request` and writes one line for each thing that happens: the command's pid, `stopped`,
and its exit code as `subprocess` has it. The command is not the test's child, so only its keeper can wait for it; it
lets the pid go when the test has closed the channel, so that a signal of the test never reaches another process.

The command then finds what `python -m dragoman` would have found: its arguments, environment, directory, descriptors
(and no others), streams, signals, and an interpreter that ends as it always does, because the forked process leaves
this module by its last line. But it finds no servers of models that happen to run on this machine. What an interpreter
reads only when it starts cannot be changed afterwards: see `forkable`. The server ends when `control` is closed,
however the test's process ends.
"""

import atexit
import fcntl
import gc
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TextIO, TypedDict

PATIENCE = 30
"""Seconds until a test gives up on a command: no measure, only an end."""

REPOSITORY = Path(__file__).resolve().parents[2]

AT_START = ("PYTHON", "COV", "LC_", "LANG")
"""How the variables begin that an interpreter, or what measures its coverage, reads when it starts."""

LATER = ("click.shell_completion", "prompt_toolkit", "rich.live", "rich.markdown", "rich.progress", "sqlite3")
"""What commands import when they need it."""


class Request(TypedDict):
    """A run of the command, as it is sent to the keeper: a line of JSON."""

    arguments: list[str]
    home: str
    env: dict[str, str]
    terminal: bool


class Forked:
    """A run of the command, in the process `pid`. Closed, or used as a block, by whoever forked it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines = channel.makefile("r")
        self._code: int | None = None
        self.pid = int(self._line())

    def send_signal(self, number: int) -> None:
        """Signals the process, which stays what it is until `close`."""
        os.kill(self.pid, number)

    def wait_stopped(self) -> None:
        """Waits until a signal has stopped the process."""
        line = self._line()
        assert line == "stopped", f"expected the command to be stopped, it ended with {line}"

    def wait(self) -> int:
        """The exit code once it has ended, as `subprocess` has it. It is killed if it takes longer than PATIENCE."""
        while self._code is None:
            try:
                line = self._line()
            except TimeoutError:
                self.send_signal(signal.SIGKILL)
                raise
            self._code = None if line == "stopped" else int(line)
        return self._code

    def close(self) -> None:
        """Kills the process if it is still there."""
        if self._code is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        self._lines.close()
        self._channel.close()

    def _line(self) -> str:
        line = self._lines.readline().rstrip("\n")
        assert line, "the server that forks commands has ended"
        return line


def forkable(env: Mapping[str, str], usual: Mapping[str, str]) -> bool:
    """Whether a run in `env` can be forked from a server that was started in `usual`, and coverage is not measured."""
    read = at_start(env)
    return read == at_start(usual) and not any(name.startswith("COV") for name in read)


def at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Of `env`, what is read when an interpreter starts."""
    return {name: value for name, value in env.items() if name.startswith(AT_START)}


def fork(
    home: Path, arguments: Sequence[str], env: Mapping[str, str], handles: Sequence[int], *, terminal: bool = False
) -> Forked:
    """Starts the command with these three descriptors; with `terminal`, the first becomes its controlling terminal."""
    request = Request(arguments=[*arguments], home=str(home), env=dict(env), terminal=terminal)
    return _asked(_server(frozenset(at_start(env).items())), request, handles)


def program(env: Mapping[str, str]) -> tuple[list[str], int]:
    """A command line that does what the command does, for shells in `env`, and the descriptor that it inherits."""
    control = _server(frozenset(at_start(env).items())).fileno()
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from {__name__} import ask; ask({control})"
    return [sys.executable, "-I", "-S", "-c", code], control


def ask(control: int) -> NoReturn:
    """Has the command forked with the arguments and all else of this process, and ends as it does, once it does."""
    request = Request(arguments=sys.argv[1:], home=str(Path.cwd()), env=dict(os.environ), terminal=False)
    with closing(_asked(socket.socket(fileno=control), request, (0, 1, 2))) as process:
        signal.signal(signal.SIGINT, lambda number, _: process.send_signal(number))
        code = process.wait()
        sys.exit(code if code >= 0 else 128 - code)


def _asked(control: socket.socket, request: Request, handles: Sequence[int]) -> Forked:
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    with theirs:
        socket.send_fds(control, [b"."], [*handles, theirs.fileno()])
    ours.sendall(json.dumps(request).encode() + b"\n")
    return Forked(ours)


@cache
def _server(env: frozenset[tuple[str, str]]) -> socket.socket:
    """The way to the server of this process that was started in `env`."""
    ours, theirs = socket.socketpair()
    with theirs:
        words = [sys.executable, "-m", __name__, str(theirs.fileno())]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=REPOSITORY,
            env={"HOME": os.devnull, **dict(env)},  # no packages of the user's
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(process.kill)  # the last is called first
    atexit.register(ours.close)
    return ours


def _serve(control: socket.socket) -> list[int]:
    """Forks a keeper for each run; returns in the keepers alone, the descriptors of their run."""
    while True:
        data, handles, _, _ = socket.recv_fds(control, 1, 4)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            return handles
        for handle in handles:
            os.close(handle)
        # Keepers that have ended, so that what all took counts as this process's.
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _keep(channel: socket.socket, handles: Sequence[int]) -> Request:
    """Forks the command, and tells what becomes of it; returns in the command alone."""
    with channel.makefile("rb") as lines:
        request: Request = json.loads(lines.readline())
    pid = os.fork()
    if pid == 0:
        return request
    for handle in handles:
        os.close(handle)
    _tell_life(channel, pid)
    os._exit(0)


def _tell_life(channel: socket.socket, pid: int) -> None:
    """Tells each stop and the end, and waits until the other side has closed the channel."""
    channel.sendall(f"{pid}\n".encode())
    while True:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        assert found is not None
        if found.si_code != os.CLD_STOPPED:
            break
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        channel.sendall(b"stopped\n")
    code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
    channel.sendall(f"{code}\n".encode())
    channel.recv(1)
    os.waitpid(pid, 0)


def _become(request: Request, handles: Sequence[int]) -> None:
    """Makes this process what `python -m dragoman` is when it begins."""
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["home"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["dragoman", *request["arguments"]]
    sys.path[0] = os.getcwd()
    sys.stdin = _stream(0, "r", sys.stdin)
    sys.stdout = _stream(1, "w", sys.stdout)
    sys.stderr = _stream(2, "w", sys.stderr)


def _stream(number: int, mode: str, before: TextIO) -> TextIO:
    """A stream as the interpreter opens it: https://github.com/python/cpython/blob/3.11/Python/pylifecycle.c#L2228"""
    return io.TextIOWrapper(
        open(number, f"{mode}b", closefd=False),
        encoding=before.encoding,
        errors=before.errors,
        newline="\n",
        line_buffering=number == 2 or os.isatty(number),
    )


async def _nobody(*asked: object) -> tuple[()]:
    """No server of models on this machine, whoever else listens here."""
    return ()


def _forked(number: int) -> None:
    """Serves `control`, the descriptor `number`; returns in a forked process that is to be the command."""
    rows = import_module("dragoman.cli.program").COMMANDS.values()
    for module in [row.module for row in rows] + list(LATER):
        import_module(module)
    vars(import_module("dragoman.client.base_client"))["find_servers"] = _nobody
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=number)
    *handles, far = _serve(control)
    channel = socket.socket(fileno=far)
    request = _keep(channel, handles)
    # Their numbers are the command's now.
    control.detach()
    channel.detach()
    _become(request, handles)


if __name__ == "__main__":
    _forked(int(sys.argv[1]))
    runpy.run_module("dragoman", run_name="__main__", alter_sys=True)
