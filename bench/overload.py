"""Twice as many requests as the gateway can bear: what becomes of them. `python -m bench.overload`, within a minute.

First as many streams of 100 events as the gateway can bear, then twice as many a second, without a limit and with each
of the limits. Who is refused must know it soon, and the others must get their answers as before: goodput is what was
answered whole, and is nothing if one in ten of these came later than LATE. Ratios are those of one run; on a machine
that others use at the same time they mean nothing, which the part of a core that the gateway got shows.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from bench.asks import chat
from bench.contenders import BEARER, HERE, KEY, Ground
from bench.load import Sample
from bench.process import BenchError, cpu_seconds, free_port, raise_descriptor_limit

OVER = 2.0
"""How many times as many requests as it can bear."""

FULL = 64
"""Streams at a time that show what it can bear."""

CALLERS = 4000
"""The most at a time in overload."""

LATE = 1.0
"""Seconds after which nobody waits any more for such an answer."""

WAYS = {"no limit": "", "max_in_flight": "max_in_flight = {most}", "max_lag": "max_lag = {lag}"}

CONFIG = """
[gateway]
port = {port}
api_keys = ["{key}"]
{way}

[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:{upstream}/v1"

[models.bench]
targets = ["up/bench"]
"""


class Overload(Struct, frozen=True):
    """`peak`: answers a second that it can bear. `sample`: of twice as many. `busy`: the part of a core it got then."""

    peak: float
    sample: Sample
    busy: float

    def __str__(self) -> str:
        sample, whole, shed = self.sample, self.sample.whole, self.sample.shed
        kept = sample.rate / self.peak if whole.p90 < LATE * 1e6 else 0
        return (
            f"goodput {kept:5.0%} of {self.peak:,.0f}/s; answers p50 {whole.p50 / 1e3:,.0f} ms, "
            f"p90 {whole.p90 / 1e3:,.0f} ms; refused {sample.turned_away:,} of {sample.begun:,}, p50 "
            f"{shed.p50 / 1e3:.1f} ms, p99 {shed.p99 / 1e3:.1f} ms; failed {sum(sample.errors.values())}; "
            f"{self.busy:.0%} of a core"
        )


def overload(ground: Ground, way: str, seconds: float) -> Overload:
    """One gateway with the settings `way`: its peak, and then too much."""
    with ground.passing():
        port = free_port()
        settings = ground.place / "overload.toml"
        settings.write_text(CONFIG.format(port=port, key=KEY, upstream=ground.upstream, way=way))
        pid = ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, "overload")
        ask = chat("stream", port, headers=BEARER)
        ground.load.run(port, ask, seconds=0.2)
        peak = ground.load.run(port, ask, seconds=seconds, connections=FULL).rate
        spent, start = cpu_seconds(pid), time.monotonic()
        sample = ground.load.run(port, ask, seconds=seconds, connections=CALLERS, rate=OVER * peak)
        return Overload(peak, sample, (cpu_seconds(pid) - spent) / (time.monotonic() - start))


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn (default 5)")
    parser.add_argument("--lag", type=float, default=0.025, help="max_lag in its turn (default 0.025)")
    given = parser.parse_args()
    raise_descriptor_limit()
    try:
        with tempfile.TemporaryDirectory() as place, Ground(Path(place)) as ground:
            for name, way in WAYS.items():
                settings = way.format(most=FULL, lag=given.lag)
                print(f"{name:14}{overload(ground, settings, given.seconds)}", flush=True)
    except BenchError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
