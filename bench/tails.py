"""Requests a second at a tail: the highest rate at which 99 of 100 JSON answers come within 1, 5, 10 and 50 ms.

Requests come at even times, and each is timed from when it was due: a rate that a contender cannot keep has a tail
without end. Beside it the processor time of a request with 8 connections, which other benchmarks publish.
"""

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from bench.contenders import LIMIT, Contender, Ground, direct
from bench.roster import contenders
from bench.speed import WARM, Turn, check, good, turn
from bench.steal import marked, shown
from bench.text import Rows, aligned, number

LIMITS = (1, 5, 10, 50)
"""Milliseconds."""

NEAR = 0.05
"""A rate is known well enough if one higher by this part of the full rate has failed."""

EIGHT = 8


class Tails(Struct, frozen=True):
    """One contender's search in one round: all that was tried, and what was found for each limit in milliseconds."""

    contender: str
    rates: dict[int, float]
    turns: list[Turn]


def search(ground: Ground, contender: Contender, seconds: float) -> Tails:
    """Halves the distance between what was kept and what was not, until it is small; each turn serves all limits."""
    full = turn(ground.load, contender, "json", "full", seconds=seconds)
    turns = [full, turn(ground.load, contender, "json", "eight", seconds=seconds, connections=EIGHT)]
    if full.fault:
        return Tails(contender.name, {}, turns)
    most = full.sample.rate
    tried: dict[float, int] = {}
    rates: dict[int, float] = {}
    for limit in LIMITS:
        kept, failed = 0.0, most
        while failed - kept > NEAR * most:
            for rate, p99 in tried.items():
                if p99 <= limit * 1000:
                    kept = max(kept, rate)
            failed = min([most, *(rate for rate, p99 in tried.items() if p99 > limit * 1000 and rate > kept)])
            if failed - kept <= NEAR * most:
                break
            rate = (kept + failed) / 2
            said = turn(ground.load, contender, "json", "rate", seconds=seconds, rate=rate)
            turns.append(said)
            tried[rate] = 10**9 if said.fault else said.sample.whole.p99
        rates[limit] = kept
    return Tails(contender.name, rates, turns)


def measure(ground: Ground, seconds: float, rounds: int, only: list[str]) -> list[Tails]:
    """All searches, in turns."""
    found: list[Tails] = []
    with ground.passing():
        able = [each for each in contenders(ground, only) if "json" in each.asks and check(each, "json")]
        able.insert(0, direct(ground))
        for each in able:
            turn(ground.load, each, "json", "warm", seconds=min(WARM, seconds))
        for _ in range(rounds):
            for each in able:
                found.append(search(ground, each, seconds))
                said = ", ".join(f"{limit} ms {rate:,.0f}/s" for limit, rate in found[-1].rates.items())
                worst = max((each.steal for each in found[-1].turns), key=max)
                print(f"  {each.name:32} {said or found[-1].turns[0].fault}   {shown(worst)}", flush=True)
    print(f"\n{aligned(rows(found))}")
    return found


def rows(found: Sequence[Tails]) -> Rows:
    """Medians of the rounds."""
    head = ["JSON answers a second", *(f"p99 of {limit} ms" for limit in LIMITS), "CPU µs at 8", f"of {LIMIT}", "steal"]
    turns = [each for search in found for each in search.turns]
    least = _cost(turns, LIMIT)
    table = [head]
    for name in dict.fromkeys(each.contender for each in found):
        mine = [each for each in found if each.contender == name]
        made = [each for each in turns if each.contender == name]
        cost = _cost(turns, name)
        table.append(
            [
                name if all(each.rates for each in mine) else f"{name} [void]",
                *(number(_median([each.rates[limit] for each in mine if each.rates]), 0) for limit in LIMITS),
                number(cost, 1),
                number(cost / least if cost and least else None, 2),
                f"{sum(marked(each.steal) for each in made)} of {len(made)}",
            ]
        )
    return table


def _cost(turns: list[Turn], name: str) -> float | None:
    return _median([each.cpu_us for each in good(turns, name, "json", "eight") if each.cpu_us is not None])


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
