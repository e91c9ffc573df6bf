"""What a caller that does not read costs the gateway, before a service that never ends. `python -m bench.pressure`."""

import argparse
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.process import (
    LOAD_CORE,
    BenchError,
    cpu_seconds,
    free_port,
    listening,
    memory_kib,
    raise_descriptor_limit,
)

CALLERS = 120
SECONDS = 60.0
"""In which all buffers between the service and the caller must be full: in the second after that the gateway does
nothing."""

ALLOWED_KIB = 128
"""Of a caller that does not read, all in all; what sockets hold is the kernel's and not counted."""

IDLE = 0.02
"""Seconds of CPU in a second."""

GOOD = b"HTTP/1.1 200 OK"

WORDS = b"word " * 20
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%b}]}\n\n'
)
DELTA = EVENT % (b'{"content":"%b"}' % WORDS)
ROLE = EVENT % b'{"role":"assistant","content":""}'

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: %b\r\n\r\n"
ANSWERS = {
    "/v1/chat/completions": (CHUNKED % b"text/event-stream", ROLE + DELTA * 100),
    "/chat": (CHUNKED % b"text/plain", WORDS * 100),
    "/api/generate": (CHUNKED % b"text/plain", WORDS * 100),
}
"""What the service says to a request of each path, over and over."""

CONFIG = """\
[gateway]
port = {port}

[providers.relay]
protocol = "openai-chat"
url = "http://127.0.0.1:{service}/v1"

[providers.translate]
type = "cromicle"
url = "http://127.0.0.1:{service}"

[providers.browser]
type = "aibn"
url = "http://127.0.0.1:{service}"
impersonate = "chrome107"
"""
WAYS = ("relay", "translate", "browser")


class Held(Struct, frozen=True):
    """What a gateway held at most, with a few callers and with many: what it made once is in both."""

    way: str
    callers: tuple[int, int]
    kib: tuple[int, int]

    @property
    def kib_each(self) -> float:
        """KiB that one caller took."""
        return (self.kib[1] - self.kib[0]) / (self.callers[1] - self.callers[0])

    def __str__(self) -> str:
        shown = ", ".join(
            f"{kib / 1024:.1f} MiB with {callers}" for callers, kib in zip(self.callers, self.kib, strict=True)
        )
        return (
            f"  {self.way:10} callers that do not read: {shown}; {self.kib_each:.0f} KiB each (allowed: {ALLOWED_KIB})"
        )


def serve(port: int) -> None:
    """The service: answers without end, as fast as its caller reads."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        try:
            path = connection.recv(1 << 16).split(b" ", 2)[1].decode()
            head, piece = ANSWERS[path]
            connection.sendall(head)
            chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
            while True:
                connection.sendall(chunk)
        except (OSError, IndexError, KeyError):
            return


def hold(pid: int, port: int, way: str, callers: int, seconds: float) -> int:
    """Opens `callers` streams one after the other, reads nothing of them, and watches: KiB at most."""
    body = msgspec.json.encode({"model": f"{way}/m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]})
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (port, len(body), body)
    )
    with ExitStack() as stack:
        for _ in range(callers):
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            caller.sendall(request)
            if caller.recv(len(GOOD), socket.MSG_PEEK | socket.MSG_WAITALL) != GOOD:
                raise BenchError(f"{way}: expected an answer, got {caller.recv(1000)!r}")
        ends = time.monotonic() + seconds
        most, spent = 0, cpu_seconds(pid)
        while True:
            # What a second has cost is known at its end: the one that began last in time may show that all are full.
            late = time.monotonic() > ends
            time.sleep(1.0)
            most = max(most, memory_kib(pid))
            used, spent = cpu_seconds(pid) - spent, cpu_seconds(pid)
            if used <= IDLE:
                return most
            if late:
                raise BenchError(f"{way}: the buffers are not full after {seconds:g} s")


def measure(way: str, callers: int, seconds: float, place: Path) -> Held:
    """A gateway of its own for each way: what one left behind must not serve the next."""
    service, port = free_port(), free_port()
    config = place / "dragoman.toml"
    config.write_text(CONFIG.format(port=port, service=service))
    command = [sys.executable, "-m", "bench.pressure", "--serve", str(service)]
    gateway = [str(Path(sys.executable).parent / "dragoman"), "--config", str(config), "serve"]
    with (
        listening(command, service, place / "service.log", cores=[LOAD_CORE]),
        listening(gateway, port, place / "gateway.log") as pid,
    ):
        numbers = (callers // 4, callers)
        few, many = (hold(pid, port, way, number, seconds) for number in numbers)
        return Held(way, numbers, (few, many))


def main() -> None:
    """Prints what each way holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {', '.join(WAYS)}; all, if none is named")
    parser.add_argument("--callers", type=int, default=CALLERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as place:
        for way in given.ways or WAYS:
            print(measure(way, given.callers, given.seconds, Path(place)), flush=True)


if __name__ == "__main__":
    main()
