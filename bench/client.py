"""Clients reading the same streams: dragoman and the vendor's SDK. `python -m bench.client`, or `make bench-client`."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.contenders import Ground
from bench.machine import describe
from bench.process import SERVER_CORE, BenchError, bare_environ, pinned

RESULTS = Path(__file__).parent / "results"
STREAMS = {"bench": 100, "long": 20_000}
"""The upstream's model to the events of its answer: the role, the words, the end, the usage, the end mark."""

UNSPOKEN = 4
AT_ONCE = 8
"""Streams read at a time, so that the reader's core never waits for the upstream's."""

Read = Callable[[str], Awaitable[int]]
"""Reads one whole stream of a model; how many characters of text it brought."""


class Reading(Struct, frozen=True):
    """What one reader read in its turn. `events`: as the upstream sends them, whatever the client makes of them."""

    reader: str
    model: str
    events: int
    seconds: float
    cpu: float


@asynccontextmanager
async def dragoman(port: int) -> AsyncIterator[Read]:
    """`client.stream`."""
    from dragoman import Client
    from dragoman.config import Config, ProviderConfig
    from dragoman.types import PartDelta

    up = ProviderConfig(protocol="openai-chat", url=f"http://127.0.0.1:{port}/v1", api_key="key")
    async with Client(Config(providers={"up": up})) as client:

        async def read(model: str) -> int:
            size = 0
            async for event in client.stream(f"up/{model}", "Hello"):
                if isinstance(event, PartDelta):
                    size += len(event.text)
            return size

        yield read


@asynccontextmanager
async def openai(port: int) -> AsyncIterator[Read]:
    """OpenAI's own SDK."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="key", max_retries=0) as client:

        async def read(model: str) -> int:
            size = 0
            stream = await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
            )
            async for chunk in stream:
                for choice in chunk.choices:
                    size += len(choice.delta.content or "")
            return size

        yield read


READERS = {"dragoman": dragoman, "openai SDK": openai}


async def read_for(reader: str, port: int, model: str, seconds: float) -> Reading:
    """Reads whole streams, some at a time, for about `seconds`; each is checked."""
    expected = len("word ") * (STREAMS[model] - UNSPOKEN)
    streams = 0
    async with READERS[reader](port) as read:
        await read(model)

        async def work() -> None:
            nonlocal streams
            while time.perf_counter() < ends:
                size = await read(model)
                if size != expected:
                    raise BenchError(f"{reader} read {size} characters of {expected}")
                streams += 1

        began, cpu = time.perf_counter(), time.process_time()
        ends = began + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
        taken, used = time.perf_counter() - began, time.process_time() - cpu
    return Reading(reader, model, streams * STREAMS[model], taken, used)


def turn(port: int, reader: str, model: str, loop: str, seconds: float) -> Reading:
    """One turn, in a process and on a core of its own."""
    words = ["--read", reader, "--port", str(port), "--model", model, "--loop", loop, "--seconds", str(seconds)]
    ran = subprocess.run(
        pinned([SERVER_CORE], [sys.executable, "-m", "bench.client", *words]),
        env=bare_environ(),
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        raise BenchError(f"{reader} failed: {ran.stderr.decode()[-800:]}")
    return msgspec.json.decode(ran.stdout, type=Reading)


def compare(seconds: float, rounds: int) -> dict[str, list[Reading]]:
    """All turns, by the loop that they ran on; prints medians and ratios."""
    found: dict[str, list[Reading]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
        for _ in range(rounds):
            for loop in ("asyncio", "uvloop"):
                for model in STREAMS:
                    said = [turn(ground.upstream, reader, model, loop, seconds) for reader in READERS]
                    found.setdefault(loop, []).extend(said)
    for loop, readings in found.items():
        for model, events in STREAMS.items():
            print(f"\nstreams of {events:,} events, {AT_ONCE} at a time, on {loop}")
            rates = {name: _median(readings, name, model, lambda each: each.events / each.seconds) for name in READERS}
            for name, rate in rates.items():
                cost = _median(readings, name, model, lambda each: 1e6 * each.cpu / each.events)
                ratio = rate / rates["openai SDK"]
                print(f"  {name:12} {rate:10,.0f} events/s  {cost:8.2f} µs of processor an event  {ratio:6.1f} x")
    return found


def _median(readings: list[Reading], reader: str, model: str, of: Callable[[Reading], float]) -> float:
    return median(of(each) for each in readings if (each.reader, each.model) == (reader, model))


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.client", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of one turn [3]")
    parser.add_argument("--rounds", type=int, default=3, help="of turns of all clients [3]")
    parser.add_argument("--name", default="client", help="of the file of results [client]")
    parser.add_argument("--read", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--model", choices=STREAMS, help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.read:
        import uvloop

        make = uvloop.new_event_loop if chosen.loop == "uvloop" else None
        with asyncio.Runner(loop_factory=make) as runner:
            reading = runner.run(read_for(chosen.read, chosen.port, chosen.model, chosen.seconds))
        print(msgspec.json.encode(reading).decode())
        return None
    machine = describe()
    print(", ".join(f"{name}: {said}" for name, said in machine.items()))
    try:
        readings = compare(chosen.seconds, chosen.rounds)
    except BenchError as exc:
        return f"bench: {exc}"
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"{chosen.name}.json"
    written.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine, "readings": readings}), indent=1))
    print(f"\nwritten: {written}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
