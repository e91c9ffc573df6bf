"""`make soak`: prints what a gateway holds on to under mixed traffic; the exit code is 1 if that is too much."""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import linear_regression

from tests.soak.process import Sample, WatchedGateway
from tests.soak.traffic import Callers, FlakyService
from tests.support.readings import RELAYED
from tests.support.server import Server, serve

MAX_SLOPE = 1.0
"""MiB for 100,000 requests, after the first half of the time."""
MAX_GROWTH = 0.05
"""The part by which memory may grow in that time."""
MAX_OBJECTS = 0.1
"""Objects that the collector knows, for each request."""
MAX_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""Threads of asyncio's own pool, for large bodies: it makes each when all others are busy, and keeps it."""
PERIOD = 1.0
"""Seconds between two samples."""
DRAIN = 15.0
"""Seconds in which what is over must be gone."""

CONFIG = """
[gateway]
port = 0
grace = 1
store_size = 1_048_576  # full before the measured half begins

{providers}
[models.route]
targets = ["openai-chat/m", "anthropic/m", "gemini/m"]
"""
PROVIDER = """
[providers.{name}]
protocol = "{name}"
url = "{url}/{name}"
api_key = "key"
"""


def config_of(url: str) -> str:
    """A provider for each dialect, and a route."""
    return CONFIG.format(providers="".join(PROVIDER.format(name=name, url=url) for name in RELAYED))


class Soak:
    """One run."""

    def __init__(self, gateway: WatchedGateway, service: Server, callers: Callers) -> None:
        self._gateway = gateway
        self._service = service
        self._callers = callers
        self._read = 0
        """Bytes of the request log that were read."""
        self.flaws: list[str] = []

    async def drained(self) -> Sample:
        """What is left when nobody calls, and the service has closed its connections."""
        for connection in self._service.connections:
            if not connection.lost.is_set():
                connection.end()
        self._service.connections.clear()
        self._service.requests.clear()
        before, steady = self._gateway.sample(), 0
        ends = time.monotonic() + DRAIN
        while time.monotonic() < ends and steady < 5:
            await asyncio.sleep(0.2)
            now = self._gateway.sample()
            steady = steady + 1 if now.descriptors == before.descriptors else 0
            before = now
        return before

    async def phase(self, seconds: float) -> list[tuple[int, float]]:
        """Traffic for so long, and then rest. Returns samples: requests so far, and MiB."""
        running = asyncio.create_task(self._callers.run())
        samples: list[tuple[int, float]] = []
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            await asyncio.sleep(PERIOD)
            samples.append((self._callers.sent, self._gateway.sample().memory))
            # What this process remembers must not hold it up.
            self._service.requests.clear()
            gone = [each for each in self._service.connections if each.lost.is_set()]
            self._service.connections[:] = [each for each in self._service.connections if each not in gone]
        self._callers.stop()
        await running
        return samples

    def rows(self) -> Counter[str]:
        """The requests in the log since the last call, by their ids."""
        with self._gateway.log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        return Counter(json.loads(line)["id"] for line in data.splitlines())

    def check(self, name: str, value: float, most: float, unit: str = "") -> None:
        """Prints a number, and notes if it is out of bounds."""
        good = value <= most
        print(f"{name:<44} {value:>10.3f} {unit:<22} at most {most:g}{'' if good else '   TOO MUCH'}")
        if not good:
            self.flaws.append(name)

    def check_log(self) -> None:
        """Whether each request that was answered has one row, and no request two."""
        seen, rows = self._callers.forget(), self.rows()
        self.check("answers without a row", sum(must and not rows[name] for name, must in seen.items()), 0)
        self.check("requests with two rows", sum(count > 1 for count in rows.values()), 0)
        self.check("rows of requests that nobody sent", sum(name not in seen for name in rows), 0)


async def soak(minutes: float, seed: int) -> int:
    """Runs it; 1 if anything is out of bounds."""
    rng = random.Random(seed)
    print(f"seed {seed}, {minutes:g} minutes")
    with tempfile.TemporaryDirectory() as folder:
        async with serve(FlakyService(rng)) as service:
            gateway = WatchedGateway(Path(folder), config_of(service.url))
            try:
                callers = Callers(gateway.url, rng)
                run = Soak(gateway, service, callers)
                await measured(run, gateway, callers, minutes * 60)
            finally:
                code, errors = gateway.stop()
        run.check("exit code", code, 0)
        run.check("lines that tell of a fault of ours", sum("Traceback" in line for line in errors.splitlines()), 0)
    print("out of bounds: " + ", ".join(run.flaws) if run.flaws else "all within bounds")
    return 1 if run.flaws else 0


async def measured(run: Soak, gateway: WatchedGateway, callers: Callers, seconds: float) -> None:
    """The first half, which warms it up, and the second, which is measured."""
    await run.phase(2)
    await run.drained()
    first, begun = gateway.sample(), gateway.held()
    await run.phase(seconds / 2)
    await run.drained()
    held, sent = gateway.held(), callers.sent
    samples = await run.phase(seconds / 2)
    last = await run.drained()
    ended = gateway.held()
    fresh = callers.sent - sent
    print(f"{callers.sent} requests, {callers.sent / seconds:.0f} a second: {dict(callers.outcomes.most_common())}")
    print(f"memory {first.memory:.1f} MiB at first, {samples[0][1]:.1f} warm, {samples[-1][1]:.1f} at the end")
    slope = linear_regression(*zip(*samples, strict=True)).slope * 100_000
    run.check("memory for 100,000 requests", slope, MAX_SLOPE, "MiB")
    run.check("growth of memory", (samples[-1][1] - samples[0][1]) / samples[0][1], MAX_GROWTH)
    run.check("objects for each request", (ended.objects - held.objects) / fresh, MAX_OBJECTS)
    run.check("descriptors more than at first", last.descriptors - first.descriptors, 0)
    run.check("threads more than at first", last.threads - first.threads, MAX_THREADS)
    run.check("tasks more than at first", ended.tasks - begun.tasks, 0)
    run.check_log()


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="make soak", description="Mixed traffic, with faults and callers that leave.")
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="default: by chance")
    given = parser.parse_args()
    return asyncio.run(soak(given.minutes, given.seed))


if __name__ == "__main__":
    sys.exit(main())
