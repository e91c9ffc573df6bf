"""Streams whose events come alone, five a second each: what an event costs, how late it is, what a stream holds.

An event is late by the time between when the upstream's clock said that it was due and when the load read it, so the
upstream's and the load's own delays are in it: compare with the row without a proxy.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from statistics import median

from msgspec import Struct

from bench.contenders import LIMIT, PACE, Contender, Ground
from bench.load import Sample
from bench.process import cpu_seconds, memory_kib
from bench.roster import alone
from bench.steal import Watch, marked, shown
from bench.text import Rows, aligned, number

EACH_SECOND = 1000 / PACE
RAMP_SECONDS = 8.0
"""In which all streams are opened, if a stream lasts 20 s; 0.4 of what it lasts."""


class OpenStreams(Struct, frozen=True):
    """`kib`: before, and at most while all streams were open; `cpu_us`: of the contender, for each event meanwhile.

    `busy`: the part of its core that it took. Of no proxy at all the three are None.
    """

    contender: str
    streams: int
    kib: tuple[int, int] | None
    cpu_us: float | None
    busy: float | None
    sample: Sample
    fault: str
    steal: tuple[float, ...]

    @property
    def kib_each(self) -> float | None:
        """KiB that one open stream takes."""
        return None if self.kib is None else (self.kib[1] - self.kib[0]) / self.streams

    def __str__(self) -> str:
        if self.fault:
            return f"  {self.contender:32} [void] {self.sample.open:,} open at a time of {self.streams:,}: {self.fault}"
        late = self.sample.lateness
        return (
            f"  {self.contender:32} {self.sample.open:6,} open at a time: {number(self.cpu_us, 1):>6} µs an event, "
            f"{number(self.kib_each, 1):>6} KiB a stream; late p50 {late.p50 / 1000:.1f} ms, "
            f"p99 {late.p99 / 1000:.1f}, latest {late.most / 1000:.1f}; {shown(self.steal)}"
        )


def hold(ground: Ground, contender: Contender, streams: int) -> OpenStreams:
    """Opens `streams` paced streams, and watches until all have ended."""
    ask, pid = contender.asks["paced"], contender.pid
    lasts = ask.events / EACH_SECOND
    ramp = RAMP_SECONDS * lasts / 20
    ground.load.run(
        contender.port, contender.asks["stream"], seconds=min(0.5, lasts / 10)
    )  # else what is made once counts
    before = most = memory_kib(pid) if pid else 0
    watch, start = Watch(), time.monotonic()
    process = ground.load.start(
        contender.port, ask, seconds=600, connections=streams, rate=streams / ramp, count=streams
    )
    steady: list[tuple[float, float]] = []
    try:
        while process.poll() is None:
            now = time.monotonic()
            if pid and ramp + 0.05 * lasts < now - start < 0.95 * lasts:
                most = max(most, memory_kib(pid))
                steady.append((now, cpu_seconds(pid)))
            try:
                process.wait(min(0.25, lasts / 20))
            except subprocess.TimeoutExpired:
                continue
        sample = ground.load.finish(process)
    finally:
        process.kill()
    steal, fault = watch.seen(), sample.fault(ask)
    if not fault and sample.open < streams:
        fault = f"only {sample.open:,} of {streams:,} were open at one time"
    if len(steady) < 2:
        return OpenStreams(contender.name, streams, None, None, None, sample, fault, steal)
    (began, cpu_began), (ended, cpu_ended) = steady[0], steady[-1]
    busy = (cpu_ended - cpu_began) / (ended - began)
    cpu_us = 1e6 * busy / (streams * EACH_SECOND)
    return OpenStreams(contender.name, streams, (before, most), cpu_us, busy, sample, fault, steal)


def measure(ground: Ground, counts: Sequence[int], rounds: int, only: list[str]) -> list[OpenStreams]:
    """All contenders with all numbers of streams, in turns; each hold by a fresh process, so that its memory tells."""
    found: list[OpenStreams] = []
    starters = alone(ground, only)
    for _ in range(rounds):
        for streams in counts:
            for start in starters.values():
                with ground.passing():
                    found.append(hold(ground, start(ground)[0], streams))
                print(found[-1], flush=True)
    print(f"\n{aligned(rows(found))}")
    return found


def rows(holds: Sequence[OpenStreams], limit: str = LIMIT) -> Rows:
    """Medians of each contender and number of streams; `limit`: the one that costs are compared with."""
    head = [
        "paced streams",
        "open",
        "µs an event",
        f"of {limit}",
        "KiB a stream",
        "late p50 ms",
        "late p99 ms",
        "latest ms",
        "steal",
    ]
    found = [head]
    for streams in sorted({each.streams for each in holds}):
        names = dict.fromkeys(each.contender for each in holds if each.streams == streams)
        least = _middle(whole(holds, limit, streams), lambda each: each.cpu_us)
        for name in names:
            mine = [each for each in holds if (each.contender, each.streams) == (name, streams)]
            good = whole(holds, name, streams)
            cost = _middle(good, lambda each: each.cpu_us)
            found.append(
                [
                    name if good else f"{name} [void]",
                    f"{streams:,}",
                    number(cost, 1),
                    number(cost / least if cost and least else None, 2),
                    number(_middle(good, lambda each: each.kib_each), 1),
                    number(_middle(good, lambda each: each.sample.lateness.p50 / 1000), 1),
                    number(_middle(good, lambda each: each.sample.lateness.p99 / 1000), 1),
                    number(_middle(good, lambda each: each.sample.lateness.most / 1000), 1),
                    f"{sum(marked(each.steal) for each in mine)} of {len(mine)}",
                ]
            )
            found += [[f"  {fault}"] for fault in sorted({each.fault for each in mine if each.fault})]
    return found


def whole(holds: Sequence[OpenStreams], name: str, streams: int) -> list[OpenStreams]:
    """Those of one contender that count; none if any of them had a fault."""
    mine = [each for each in holds if (each.contender, each.streams) == (name, streams)]
    return [] if any(each.fault for each in mine) else mine


def _middle(holds: Sequence[OpenStreams], of: Callable[[OpenStreams], float | None]) -> float | None:
    found = [value for each in holds if (value := of(each)) is not None]
    return median(found) if found else None
