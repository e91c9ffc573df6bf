"""How long large bodies hold the loop: `python -m bench.turns`. What others wait, free of what else the machine does.

The gateway runs in this process, and a probe in each turn of its loop: the processor time of the longest turn, and that
of all turns for one request. A request is sent when the one before it was answered.
"""

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.bodies import SIZES, body
from bench.contenders import Ground
from bench.process import BenchError, free_port
from bench.weight import WAYS, asked, sized
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import Gateway
from dragoman.gateway.serving.server import Server


class Probe:
    """Runs in each turn of a loop, which therefore never sleeps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last = time.thread_time()
        self.longest = 0.0
        """Seconds of processor of the longest turn."""
        self.turn()

    def turn(self) -> None:
        """One turn begins."""
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._loop.call_soon(self.turn)


async def measured(upstream: int, count: int) -> None:
    """Prints a line for each size and way."""
    port = free_port()
    config = Config(
        providers={
            "up": ProviderConfig(protocol="openai-chat", url=f"http://127.0.0.1:{upstream}/v1"),
            "home": ProviderConfig(protocol="aichatfree", url=f"http://127.0.0.1:{upstream}"),
        },
        gateway=GatewayConfig(port=port),
    )
    loop = asyncio.get_running_loop()
    server = Server(Gateway(config))
    listener = socket.create_server(("127.0.0.1", port))
    ready = asyncio.Event()
    running = asyncio.ensure_future(server.run([listener], ready.set))
    await ready.wait()
    probe = Probe(loop)
    for way, model in WAYS.items():
        for millions in SIZES:
            request = sized(body(model, millions))
            turns = []
            for _ in range(count + 1):
                probe.longest = 0.0
                if await asyncio.to_thread(asked, port, request) != 200:
                    raise BenchError("expected 200")
                turns.append(probe.longest)
            turns = sorted(turns[1:])
            print(
                f"  {way:9} {millions:3.1f} MB: the longest turn {turns[count // 2] * 1000:5.1f} ms, "
                f"at most {turns[-1] * 1000:5.1f} ms",
                flush=True,
            )
    server.stop()
    await running


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="requests of each size [20]")
    chosen = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
            uvloop.run(measured(ground.upstream, chosen.count))
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
