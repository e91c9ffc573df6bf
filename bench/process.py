"""Programs that a benchmark starts, each on one core, and what they use. Knows Linux, and no contender."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
"""What is measured has a core for itself; the load and its upstream share another."""

CORES = (SERVER_CORE, LOAD_CORE)
"""All that a benchmark uses."""

START = 90.0
"""Seconds in which a server must listen: the slowest contender imports for a quarter of a minute on a busy machine."""


class BenchError(Exception):
    """What keeps a benchmark from being run: said to the user in one line."""


def raise_descriptor_limit() -> int:
    """Lets this process and all that it starts open as many files as the machine allows; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    """A port of the loopback address on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """`command` for these cores alone. It keeps the process's number: taskset becomes the command."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


def bare_environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without what would configure a contender, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRAGOMAN_", "LITELLM_"))}
    return kept | dict(more or {})


@contextmanager
def listening(
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    cores: Sequence[int] = (SERVER_CORE,),
    environ: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """The number of the process that runs `command`, which listens on `port`; it ends with the block.

    Raises BenchError with the end of its `log` where it does not listen.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(cores, command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=bare_environ(environ)
        )
    try:
        ends = time.monotonic() + START
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > ends:
                said = log.read_text(errors="replace")[-800:]
                raise BenchError(f"{Path(command[0]).name} does not listen on port {port}: {said}")
            time.sleep(0.02)
        yield process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and what it started."""
    family = tree(process.pid)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in family[1:]:
        if Path(f"/proc/{pid}").exists() and _parent(pid) in {1, *family}:
            os.kill(pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, _text(children).split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process and its descendants. Those that have ended are not counted."""
    return sum(_thread_seconds(path) for each in tree(pid) for path in Path(f"/proc/{each}/task").glob("*/schedstat"))


def memory_kib(pid: int) -> int:
    """RssAnon and swap of a process and its descendants, in KiB: what the program holds, not the files it maps."""
    return sum(_status(each).get("RssAnon", 0) + _status(each).get("VmSwap", 0) for each in tree(pid))


def _thread_seconds(schedstat: Path) -> float:
    return int((_text(schedstat) or "0").split()[0]) / 1e9


def _text(file: Path) -> str:
    """What a file of /proc says; nothing if its process or thread has ended since it was listed."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _parent(pid: int) -> int:
    # The name, in brackets, may hold anything; what follows it does not.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def _status(pid: int) -> dict[str, int]:
    lines = (line.split() for line in _text(Path(f"/proc/{pid}/status")).splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
