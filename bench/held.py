"""How many paced streams a contender holds without a lost event: twice as many each time, until one is lost.

A stream is held if it comes to its end with all its events, none a second late: a caller who waits longer takes it for
dead. What the machine allows (descriptors, two for a stream) is the most that is tried.
"""

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from bench.contenders import Ground
from bench.paced import OpenStreams, hold
from bench.roster import Start, alone
from bench.steal import marked
from bench.text import Rows, aligned, number

LATE = 1.0
"""Seconds."""

SPARE = 500
"""Descriptors that a contender needs beside its streams."""


class Held(Struct, frozen=True):
    """The most streams that one contender held in one round, and all that was tried. 0: not even the first."""

    contender: str
    streams: int
    tried: list[OpenStreams]


def steps(first: int, descriptors: int) -> list[int]:
    """`first`, twice as many, and so on; at last what the machine allows."""
    most = (descriptors - SPARE) // 2
    found = [min(first, most)]
    while found[-1] < most:
        found.append(min(2 * found[-1], most))
    return found


def kept(each: OpenStreams) -> bool:
    """Whether all streams were held."""
    return not each.fault and each.sample.lateness.most < LATE * 1e6


def climb(ground: Ground, name: str, start: Start, counts: Sequence[int]) -> Held:
    """One contender, by a fresh process each time."""
    tried: list[OpenStreams] = []
    for streams in counts:
        with ground.passing():
            tried.append(hold(ground, start(ground)[0], streams))
        print(tried[-1], flush=True)
        if not kept(tried[-1]):
            break
    return Held(name, max((each.streams for each in tried if kept(each)), default=0), tried)


def measure(ground: Ground, counts: Sequence[int], rounds: int, only: list[str]) -> list[Held]:
    """All contenders in turns."""
    starters = alone(ground, only)
    found = [climb(ground, name, start, counts) for _ in range(rounds) for name, start in starters.items()]
    print(f"\n{aligned(rows(found))}")
    return found


def rows(found: Sequence[Held]) -> Rows:
    """Medians of the rounds, and what stopped a contender."""
    table = [["streams held", "median", "least", "most", "stopped by", "steal"]]
    for name in dict.fromkeys(each.contender for each in found):
        mine = [each for each in found if each.contender == name]
        tried = [hold for each in mine for hold in each.tried]
        table.append(
            [
                name,
                *(number(of([each.streams for each in mine]), 0) for of in (median, min, max)),
                next((_stop(each) for each in tried if not kept(each)), "the machine's descriptors"),
                f"{sum(marked(each.steal) for each in tried)} of {len(tried)}",
            ]
        )
    return table


def _stop(each: OpenStreams) -> str:
    return f"a lost event at {each.streams:,}" if each.fault else f"an event later than {LATE:g} s at {each.streams:,}"
