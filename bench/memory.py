"""What the gateway holds: with thousands of open streams, and after many requests."""

import subprocess
import time

from msgspec import Struct

from bench.asks import chat
from bench.contenders import BEARER, Contender, Ground, dragoman, nginx
from bench.load import Ask, Sample
from bench.process import cpu_seconds, memory_kib

EACH_SECOND = 5
STREAM_SECONDS = 20.0
"""The upstream's paced answer: 100 events, one each 200 ms, then its end."""

RAMP_SECONDS = 8.0
SLICES = 10


class OpenStreams(Struct, frozen=True):
    """`kib`: before, and at most; `cpu_us`: of the gateway, for each event passed on while all streams were open.

    `busy`: the part of its core that the gateway took meanwhile. A whole answer takes 20 s where nothing is late.
    """

    contender: str
    streams: int
    kib: tuple[int, int]
    cpu_us: float
    busy: float
    sample: Sample
    fault: str

    @property
    def kib_each(self) -> float:
        """KiB that one open stream takes."""
        return (self.kib[1] - self.kib[0]) / self.streams

    def __str__(self) -> str:
        if self.fault:
            return f"  {self.contender:10} [void] {self.sample.open:,} open at a time of {self.streams:,}: {self.fault}"
        late = self.sample.whole.p99 / 1e6 - STREAM_SECONDS
        return (
            f"  {self.contender:10} {self.sample.open:6,} open at a time, {self.sample.answers:,} whole; "
            f"{self.kib[0] / 1024:.1f} MiB before, {self.kib[1] / 1024:.1f} at most: {self.kib_each:.1f} KiB each; "
            f"{self.cpu_us:.1f} µs an event, "
            f"{self.busy:.0%} of the core; p99 {late * 1000:+.0f} ms late"
        )


def hold(ground: Ground, contender: Contender, ask: Ask, streams: int) -> OpenStreams:
    """Opens `streams` paced streams within 8 s, and watches until all have ended."""
    ground.load.run(contender.port, contender.asks["stream"], seconds=0.5)
    before = most = memory_kib(contender.pid)
    start = time.monotonic()
    process = ground.load.start(
        contender.port, ask, seconds=600, connections=streams, rate=streams / RAMP_SECONDS, count=streams
    )
    steady: list[tuple[float, float]] = []
    try:
        while process.poll() is None:
            most = max(most, memory_kib(contender.pid))
            now = time.monotonic()
            if RAMP_SECONDS + 1 < now - start < STREAM_SECONDS - 1:
                steady.append((now, cpu_seconds(contender.pid)))
            try:
                process.wait(0.25)
            except subprocess.TimeoutExpired:
                continue
        sample = ground.load.finish(process)
    finally:
        process.kill()
    (began, cpu_began), (ended, cpu_ended) = steady[0], steady[-1]
    busy = (cpu_ended - cpu_began) / (ended - began)
    cpu_us = 1e6 * busy / (streams * EACH_SECOND)
    return OpenStreams(contender.name, streams, (before, most), cpu_us, busy, sample, sample.fault(ask))


def open_streams(ground: Ground, streams: int) -> list[OpenStreams]:
    """Through one worker of the gateway, and through nginx to compare."""
    found: list[OpenStreams] = []
    for start in (nginx, lambda where: dragoman(where)[0]):
        with ground.passing():
            contender = start(ground)
            ask = chat("stream", contender.port, model="paced", headers=BEARER)
            found.append(hold(ground, contender, ask, streams))
        print(found[-1], flush=True)
    return found


def many_requests(ground: Ground, requests: int) -> dict[str, object]:
    """Memory after each tenth of `requests` JSON answers and as many streams' tenth: it must not grow."""
    with ground.passing():
        contender = dragoman(ground)[0]
        kib = [memory_kib(contender.pid)]
        faults: list[str] = []
        for _ in range(SLICES):
            for kind, part in (("json", 0.9), ("stream", 0.1)):
                ask = contender.asks["json" if kind == "json" else "stream"]
                sample = ground.load.run(contender.port, ask, seconds=3600, count=int(requests / SLICES * part))
                faults += [fault] if (fault := sample.fault(ask)) else []
            kib.append(memory_kib(contender.pid))
    print("  MiB before, and after each tenth:", " ".join(f"{each / 1024:.1f}" for each in kib), *faults)
    print(f"  growth from the first tenth to the last: {(kib[-1] - kib[1]) / 1024:+.2f} MiB")
    return {"requests": requests, "kib": kib, "faults": faults}
