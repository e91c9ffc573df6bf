"""Twice as many requests as the gateway can bear: what becomes of them. `python -m bench.overload`, some three minutes.

Two kinds of answers: `bursts`, 100 events at once, of which a refusal costs a sixth; and `tokens`, 50 events one each
20 ms after 60 ms, as models answer. First as many streams as the gateway can bear, then twice as many a second, without
a limit and with each of the limits. Who is refused must know it soon, and the others must get their answers as before:
goodput is what was answered whole, and is nothing if one in ten of these came late. Ratios are those of one run; on a
machine that others use at the same time they mean nothing, which the part of a core that the gateway got shows.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from bench.asks import EVENTS, chat, paced
from bench.contenders import BEARER, HERE, KEY, Ground
from bench.load import Ask, Sample
from bench.process import BenchError, cpu_seconds, free_port, raise_descriptor_limit

OVER = 2.0
"""How many times as many requests as it can bear."""

CALLERS = 4000
"""The most at a time in overload."""

FEWEST = 64
"""Streams at a time that are tried first, then half as many again, until it answers no more of them a second."""

GAIN = 1.05
"""How many times as many answers a second are more, and not chance."""


class Traffic(Struct, frozen=True):
    """A kind of answers. `late`: seconds after which one is. `events`, `pace`, `wait`: of a paced one (see Ground)."""

    model: str
    late: float
    events: int = 0
    pace: int = 1
    wait: int = 0

    def ask(self, port: int) -> Ask:
        """The request for one."""
        if self.events:
            return paced(port, self.events, headers=BEARER)
        return chat("stream", port, headers=BEARER)


TRAFFICS: Mapping[str, Traffic] = {
    "bursts": Traffic("bench", late=1.0),
    "tokens": Traffic("paced", late=1.5, events=50, pace=20, wait=3),
}

WAYS = {"no limit": "", "max_in_flight": "max_in_flight = {most}", "max_lag": "max_lag = {lag}"}

CONFIG = """
[gateway]
port = {port}
api_keys = ["{key}"]
{way}

[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:{upstream}/v1"

[models.{model}]
targets = ["up/{model}"]
"""


class Peak(Struct, frozen=True):
    """What it can bear: `rate` answers a second, of `open` streams at a time."""

    rate: float
    open: int


class Overload(Struct, frozen=True):
    """`sample`: of too many requests. `late`: microseconds. `busy`: the part of a core that the gateway got then."""

    peak: Peak
    sample: Sample
    late: float
    busy: float

    def __str__(self) -> str:
        sample, whole, shed = self.sample, self.sample.whole, self.sample.shed
        kept = sample.rate / self.peak.rate if whole.p90 < self.late else 0
        return (
            f"goodput {kept:5.0%} of {self.peak.rate:,.0f}/s with {self.peak.open:,}; answers p50 "
            f"{whole.p50 / 1e3:,.0f} ms, p90 {whole.p90 / 1e3:,.0f} ms; refused {sample.turned_away:,} of "
            f"{sample.begun:,}, p50 {shed.p50 / 1e3:.1f} ms, p99 {shed.p99 / 1e3:.1f} ms; failed "
            f"{sum(sample.errors.values())}; {self.busy:.0%} of a core"
        )


def start(ground: Ground, traffic: Traffic, way: str) -> tuple[int, int]:
    """Port and process of a gateway with the settings `way`."""
    port = free_port()
    settings = ground.place / "overload.toml"
    settings.write_text(CONFIG.format(port=port, key=KEY, upstream=ground.upstream, model=traffic.model, way=way))
    return port, ground.start([str(HERE / "dragoman"), "serve", "--config", str(settings)], port, "overload")


def peak_of(ground: Ground, traffic: Traffic, seconds: float) -> Peak:
    """The most answers a second of which nine in ten are not late, of the fewest streams that give as many."""
    best, streams = Peak(0, FEWEST), FEWEST
    with ground.passing():
        port, _ = start(ground, traffic, "")
        while streams <= CALLERS:
            sample = ground.load.run(port, traffic.ask(port), seconds=seconds, connections=streams)
            if sample.whole.p90 >= traffic.late * 1e6 or sample.rate < GAIN * best.rate:
                break
            best = Peak(sample.rate, streams)
            streams = streams * 3 // 2
    return best


def overload(ground: Ground, traffic: Traffic, peak: Peak, way: str, seconds: float) -> Overload:
    """What becomes of too many."""
    with ground.passing():
        port, pid = start(ground, traffic, way)
        ask = traffic.ask(port)
        ground.load.run(port, ask, seconds=0.2)
        spent, began = cpu_seconds(pid), time.monotonic()
        sample = ground.load.run(port, ask, seconds=seconds, connections=CALLERS, rate=OVER * peak.rate)
        busy = (cpu_seconds(pid) - spent) / (time.monotonic() - began)
        return Overload(peak, sample, traffic.late * 1e6, busy)


def main() -> None:
    """Prints a line for each kind of answers and each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffics", nargs="*", metavar="KIND", help=f"of {', '.join(TRAFFICS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn (default 5)")
    parser.add_argument("--lag", type=float, default=0.025, help="max_lag in its turn (default 0.025)")
    given = parser.parse_args()
    if unknown := set(given.traffics) - set(TRAFFICS):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}")
    raise_descriptor_limit()
    try:
        for kind in given.traffics or TRAFFICS:
            traffic = TRAFFICS[kind]
            with (
                tempfile.TemporaryDirectory() as place,
                Ground(Path(place), traffic.events or EVENTS, pace=traffic.pace, wait=traffic.wait) as ground,
            ):
                peak = peak_of(ground, traffic, given.seconds)
                for name, way in WAYS.items():
                    found = overload(ground, traffic, peak, way.format(most=peak.open, lag=given.lag), given.seconds)
                    print(f"{kind:8}{name:14}{found}", flush=True)
    except BenchError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
