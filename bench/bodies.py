"""Large bodies, as coding agents send them, relayed by dragoman and passed by nginx: `python -m bench.bodies`.

For each size so many requests one after another: processor time of one, and the memory at its most in bodies. Then as
many while another caller asks for nothing much: its longest wait. Ratios are those of one run.
"""

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.contenders import HERE, Ground, nginx
from bench.process import BenchError, cpu_seconds, free_port, memory_kib
from bench.weight import SETTINGS, Other, asked, history, question, sized

SIZES = (0.5, 1.0, 2.0, 3.5)
"""Millions of bytes: what agents send in a long session."""


class Cost(Struct, frozen=True):
    """Of one request: seconds of processor, the longest wait of another, and the memory in bodies."""

    cpu: float
    wait: float
    copies: float


def body(model: str, millions: float) -> bytes:
    """A conversation of an agent of about so many bytes."""
    turn = len(question(model, messages=history(1)))
    return question(model, messages=history(round(millions * 1e6 / turn)))


def cost(port: int, pid: int, request: bytes, count: int) -> Cost:
    """Of `count` requests, on the average; the wait and the memory are the most."""
    asked(port, request)
    other, over, most = Other(port), threading.Event(), [0]
    before = memory_kib(pid)

    def watch() -> None:
        while not over.wait(0.002):
            most[0] = max(most[0], memory_kib(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    asked(port, request)
    over.set()
    watcher.join()
    began = cpu_seconds(pid)
    ask(port, request, count)
    spent = cpu_seconds(pid) - began
    other.start()
    ask(port, request, count)
    other.stop()
    return Cost(spent / count, other.wait, max(most[0] - before, 0) * 1024 / len(request))


def ask(port: int, request: bytes, count: int) -> None:
    """So many requests one after another."""
    for _ in range(count):
        if asked(port, request) != 200:
            raise BenchError("expected 200")


@contextmanager
def dragoman(ground: Ground) -> Iterator[tuple[int, int]]:
    """The gateway's port and process."""
    port = free_port()
    settings = ground.place / "dragoman.toml"
    settings.write_text(SETTINGS.format(port=port, upstream=ground.upstream))
    with ground.passing():
        yield port, ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, "dragoman")


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="requests of each size [40]")
    chosen = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
            limit = nginx(ground)
            with dragoman(ground) as (port, pid):
                for millions in SIZES:
                    ours = cost(port, pid, sized(body("up/bench", millions)), chosen.count)
                    theirs = cost(limit.port, limit.pid, sized(body("bench", millions)), chosen.count)
                    print(
                        f"  {millions:3.1f} MB: {ours.cpu * 1000:5.1f} ms of processor, nginx {theirs.cpu * 1000:5.1f} "
                        f"({ours.cpu / max(theirs.cpu, 1e-9):.1f} times); another waits {ours.wait * 1000:5.1f} ms, "
                        f"nginx {theirs.wait * 1000:5.1f}; {ours.copies:.1f} bodies of memory",
                        flush=True,
                    )
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
