"""What requests cost beside what they weigh: `python -m bench.weight`. No caller may make others wait, or fill memory.

Each body is sent once, relayed and translated, while another caller asks for nothing much, over and over. The longest
of those waits, the processor's time and the memory at its most are what one such request costs everybody.
"""

import argparse
import gzip
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import randbytes, randrange

from msgspec import Struct

from bench.contenders import HERE, Ground
from bench.process import BenchError, cpu_seconds, free_port, memory_kib

SETTINGS = """
[gateway]
port = {port}
[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:{upstream}/v1"
[providers.home]
protocol = "aichatfree"
url = "http://127.0.0.1:{upstream}"
"""
WAYS = {"relay": "up/bench", "translate": "home/bench"}
MIB = 1 << 20
KEY = b'"z":1'
TEXT, END = b'"messages":[{"role":"user","content":"', b'"}]'
PARTS, PART = b'"messages":[{"role":"user","content":[', b'{"type":"text","text":"x"}'
TIMES, FLOOR = 8, 16 * MIB
"""A request may take so many times its bytes, or as much as the values of a small one do, of which there may be
100,000: an empty object is two bytes on the wire, and 64 in memory."""

MAX_WAIT = 0.1
"""Seconds that another may wait."""

ASKED = 0.002
"""Seconds between two questions of the other caller."""


class Weight(Struct, frozen=True):
    """What one request cost: `bytes` on the wire, seconds of processor, the longest wait of another, memory at most."""

    kind: str
    way: str
    status: int
    bytes: int
    cpu: float
    wait: float
    kib: int

    def __str__(self) -> str:
        times = self.kib * 1024 / max(self.bytes, 1)
        good = self.kib * 1024 <= max(TIMES * self.bytes, FLOOR) and self.wait <= MAX_WAIT
        return (
            f"  {self.kind:34} {self.way:9} {self.status} {self.bytes / MIB:6.1f} MiB: {self.cpu * 1000:6.0f} ms of "
            f"processor, another waits {self.wait * 1000:5.0f} ms, {self.kib / 1024:+6.1f} MiB ({times:.1f} times)"
            f"{'' if good else ': TOO MUCH'}"
        )


def question(model: str, *, content: str = "hi", **more: object) -> bytes:
    """A body."""
    said = {"model": model, "stream": True, "messages": [{"role": "user", "content": content}]}
    return json.dumps(said | more).encode()


def raw(model: str, before: bytes, item: bytes, count: int, after: bytes) -> bytes:
    """A body with so many items, which would take long to make otherwise."""
    return b'{"model":"%b","stream":true,%b%b%b}' % (model.encode(), before, item * count, after)


def sized(body: bytes, *lines: str) -> bytes:
    """A request that says its length."""
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Connection: close", *lines]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "\r\n"]).encode() + body


def chunked(body: bytes, size: int) -> bytes:
    """A request in chunks of so many bytes."""
    head = sized(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def messages(count: int) -> list[dict[str, str]]:
    """So many of them, with nothing in them."""
    return [{"role": "user", "content": ""}] * count


def history(turns: int) -> list[dict[str, object]]:
    """A conversation of an agent."""
    function = {"name": "bash", "arguments": '{"command": "ls -la"}'}
    call = {"id": "c", "type": "function", "function": function}
    found: list[dict[str, object]] = [{"role": "user", "content": "Go on."}]
    for _ in range(turns):
        found.append({"role": "assistant", "content": None, "tool_calls": [call]})
        found.append({"role": "tool", "tool_call_id": "c", "content": listing()})
    return found


def listing() -> str:
    """What a tool said, different each time."""
    return "".join(f'-rw-r--r-- 1 me me {randrange(10**6)} "{randbytes(4).hex()}".py\n' for _ in range(20))


KINDS: dict[str, Callable[[str], bytes]] = {
    "a long text, 4 MiB": lambda model: sized(question(model, content="word, " * (4 * MIB // 6))),
    "a picture, 8 MiB": lambda model: sized(question(model, content="iVBORw0KGgo" * (8 * MIB // 11))),
    "a history of 2000 messages": lambda model: sized(question(model, messages=history(1000))),
    "the same, packed": lambda model: sized(
        gzip.compress(question(model, messages=history(1000))), "Content-Encoding: gzip"
    ),
    "1 MiB in chunks of a byte": lambda model: chunked(question(model, content="x" * MIB), 1),
    "4 MiB in chunks of 100 bytes": lambda model: chunked(question(model, content="x" * 4 * MIB), 100),
    "10,000 empty messages": lambda model: sized(question(model, messages=messages(10_000))),
    "64,000 empty messages": lambda model: sized(question(model, messages=messages(64_000))),
    "800,000 empty messages": lambda model: sized(question(model, messages=messages(800_000))),
    "2,000,000 keys": lambda model: sized(raw(model, b"", b"".join(b'"%d":1,' % n for n in range(2_000_000)), 1, KEY)),
    "8,000,000 empty lists": lambda model: sized(raw(model, b'"messages":[', b"[],", 8_000_000, b"[]]")),
    "30 MiB of escaped marks": lambda model: sized(raw(model, TEXT, b'\\"', 15 * MIB, END)),
    "7 MiB of escaped marks and commas": lambda model: sized(raw(model, TEXT, b'\\",', 7 * MIB // 3, END)),
    "30,000 parts": lambda model: sized(raw(model, PARTS, b'{"type":"text","text":""},', 30_000, PART + b"]}]")),
    "49,000 keys": lambda model: sized(
        raw(model, b'"x":{', b"".join(b'"%d":{},' % n for n in range(49_000)), 1, KEY + b"}," + TEXT + END)
    ),
    "a bomb of gzip, 32 MiB": lambda model: sized(gzip.compress(bytes(32 * MIB)), "Content-Encoding: gzip"),
}


class Other(threading.Thread):
    """Another caller; `wait`: its longest."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.wait = 0.0
        self.kib = 0
        self._port = port
        self._over = threading.Event()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as line:
            while not self._over.wait(ASKED):
                began = time.perf_counter()
                line.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                line.recv(4096)
                self.wait = max(self.wait, time.perf_counter() - began)

    def stop(self) -> None:
        """Ends it."""
        self._over.set()
        self.join()


def asked(port: int, request: bytes) -> int:
    """The status of the answer to `request`."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(60)
        try:
            line.sendall(request)
        except ConnectionError:
            return 0
        answer = b""
        try:
            while piece := line.recv(MIB):
                answer = (answer + piece)[:64]
        except ConnectionError:
            pass
    return int(answer.split(b" ")[1]) if answer else 0


def weigh(port: int, pid: int, kind: str, way: str) -> Weight:
    """Sends one such request."""
    request = KINDS[kind](WAYS[way])
    other = Other(port)
    other.start()
    before, cpu, most = memory_kib(pid), cpu_seconds(pid), [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            most[0] = max(most[0], memory_kib(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    status = asked(port, request)
    over.set()
    watcher.join()
    other.stop()
    return Weight(kind, way, status, len(request), cpu_seconds(pid) - cpu, other.wait, max(most[0] - before, 0))


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.weight", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds whose name holds TEXT")
    chosen = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
            for kind in [kind for kind in KINDS if chosen.only in kind]:
                for way in WAYS:
                    # Each by a fresh process: what one leaves behind would hide what the next one takes.
                    with ground.passing():
                        port = free_port()
                        settings = Path(place) / "dragoman.toml"
                        settings.write_text(SETTINGS.format(port=port, upstream=ground.upstream))
                        command = [str(HERE / "dragoman"), "serve", "--config", str(settings)]
                        print(weigh(port, ground.start(command, port, "dragoman"), kind, way), flush=True)
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
