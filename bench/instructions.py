"""What a relayed request costs in instructions: `python -m bench.instructions [CHECKOUT …]`, beside earlier states.

A busy machine changes times by a third, and instructions hardly at all: two runs differ by half a percent. What they do
not show are caches, system calls and the kernel. Only what runs in the event loop is counted: a program takes
fifty times as long under valgrind, so that the thread that looks for a loop that stands finds it standing.
"""

import argparse
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.asks import every
from bench.contenders import BEARER, DRAGOMAN, HERE, KEY, ROUTE, Ground
from bench.load import Kind
from bench.process import BenchError, free_port

ROOT = Path(__file__).parent.parent
REQUESTS: dict[Kind, int] = {"json": 400, "stream": 100}
"""How many are counted; as many as CALLERS at a time."""
WARM = 64
"""Requests of each kind that come before, so that all that is made once is made."""
CALLERS = 8
LOOP = re.compile(r"^ *([0-9,]+) .*\bcore\.c:uv_run \[", re.MULTILINE)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def asked(port: int, request: bytes, count: int) -> None:
    """Sends so many, and reads the answers. Raises BenchError for a bad one."""
    callers = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CALLERS)]
    for _ in range(0, count, CALLERS):
        for caller in callers:
            caller.sendall(request)
        for caller in callers:
            data = b""
            while not whole(data):
                if not (read := caller.recv(1 << 18)):
                    raise BenchError("the connection was closed")
                data += read
            if not data.startswith(b"HTTP/1.1 200 "):
                raise BenchError(f"the answer was {data[:80]!r}")
    for caller in callers:
        caller.close()


def whole(data: bytes) -> bool:
    """Whether an answer is complete."""
    head, found, body = data.partition(b"\r\n\r\n")
    length = LENGTH.search(head + b"\r\n")
    return bool(found) and (body.endswith(b"0\r\n\r\n") if length is None else len(body) >= int(length[1]))


def counted(ground: Ground, checkout: Path, name: str) -> dict[str, float]:
    """Instructions a request, by kind, of the code in `checkout`."""
    port, out = free_port(), ground.place / name
    settings = ground.place / f"{name}.toml"
    text = DRAGOMAN.format(port=port, upstream=ground.upstream, key=KEY, log=ground.place / f"{name}.jsonl")
    settings.write_text(text + ROUTE.format(name="bench", target="bench"))
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, str(HERE / "dragoman")]
    environ = {"PYTHONPATH": str(checkout / "src"), "PYTHONHASHSEED": "1"}
    with ground.passing():
        pid = ground.start([*command, "serve", "--config", str(settings)], port, name, environ=environ)
        asks = every(port, ground.events, headers=BEARER)
        found: dict[str, float] = {}
        for kind, count in REQUESTS.items():
            asked(port, asks[kind].request, WARM)
            tell("--zero", pid)
            asked(port, asks[kind].request, count)
            tell(f"--dump={kind}", pid)
            found[kind] = in_loop(max(ground.place.glob(f"{name}.[0-9]*"), key=number)) / count
    return found


def tell(what: str, pid: int) -> None:
    """Tells callgrind to do something."""
    subprocess.run(["callgrind_control", what, str(pid)], check=True, capture_output=True)


def number(dump: Path) -> int:
    """Which dump it is."""
    return int(dump.suffix[1:])


def in_loop(dump: Path) -> int:
    """The instructions in the event loop, with all that it called."""
    said = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(dump)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = LOOP.search(said)
    if found is None:
        raise BenchError("the event loop is not among what was counted")
    return int(found[1].replace(",", ""))


def main(arguments: Sequence[str] | None = None) -> None:
    """Counts, and prints a line for each state; ratios are to the first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs="*", type=Path, metavar="CHECKOUT", help="default: this one")
    checkouts = parser.parse_args(arguments).checkouts or [ROOT]
    if shutil.which("valgrind") is None:
        raise SystemExit("it counts with valgrind (on Debian: apt-get install valgrind)")
    first: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place, Ground(Path(place)) as ground:
        for index, checkout in enumerate(checkouts):
            found = counted(ground, checkout.resolve(), f"state{index}")
            first = first or found
            told = (f"{kind} {count:9,.0f} ({count / first[kind]:.3f})" for kind, count in found.items())
            print(f"{checkout!s:40} {'   '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
