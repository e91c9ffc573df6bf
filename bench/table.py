"""Measured turns as tables of medians and ratios."""

from collections.abc import Callable
from math import isnan, nan
from statistics import median

from bench.contenders import BASE, LIMIT, Contender, Ground
from bench.load import Kind, Sample
from bench.speed import KINDS, Held, Turn, good, middle
from bench.steal import marked
from bench.text import Rows, aligned, number

TITLES: dict[Kind, str] = {"json": "small JSON answers", "stream": "streams of 100 events, sent back to back"}
CASES = "64 connections, then half of that rate, then one connection"


def speed_tables(turns: list[Turn], names: list[str]) -> str:
    """For each kind of answer: rates and ratios, processor time, latency."""
    return "\n".join(f"\n{TITLES[kind]}; {CASES}\n{aligned(speed_rows(turns, names, kind))}" for kind in KINDS)


def speed_rows(turns: list[Turn], names: list[str], kind: Kind) -> Rows:
    """Of one kind of answer."""
    each = 100 if kind == "stream" else 1
    limit = middle(turns, LIMIT, kind, "full")
    slow = middle(turns, "LiteLLM", kind, "full")
    head = [
        "",
        "a second",
        "of nginx",
        "x LiteLLM",
        "CPU µs",
        "busy",
        "µs an event" if each > 1 else "",
        "p50 ms",
        "p99 ms",
    ]
    head += ["half: p50", "p99", "one: p50", "p99", "first byte", "added p50", "steal"]
    rows = [head]
    base = _middle(turns, BASE, kind, "one", lambda sample: sample.whole.p50)
    for name in [BASE, *names]:
        mine = [turn for turn in turns if turn.contender == name and turn.kind == kind]
        if not mine:
            continue
        rate = middle(turns, name, kind, "full")
        full, half, one = ("full", "half", "one")

        def ms(case: str, of: Callable[[Sample], float], name: str = name) -> str:
            return number(_middle(turns, name, kind, case, of) / 1000, 3)

        cpu = _middle(turns, name, kind, full, lambda sample: sample.cpu_us or nan)
        faults = sorted({turn.fault for turn in mine if turn.fault})
        rows.append(
            [
                name + (" [void]" if faults else ""),
                number(rate, 0),
                number(rate / limit if rate and limit else nan, 2),
                number(rate / slow if rate and slow else nan, 0),
                number(cpu, 1),
                f"{cpu * rate / 1e6:.0%}" if rate and not isnan(cpu) else "-",
                number(cpu / each, 2) if each > 1 else "",
                *(ms(full, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                *(ms(half, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                *(ms(one, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                ms(one, lambda sample: sample.first.p50),
                ms(one, lambda sample: sample.whole.p50 - base) if name != BASE else "",
                f"{sum(marked(turn.steal) for turn in mine)} of {len(mine)}",
            ]
        )
        rows += [[f"  {fault}"] for fault in faults]
    return rows


def held_table(held: list[Held]) -> str:
    """Memory before and after the load."""
    rows = [["anonymous memory, MiB", "idle", "after"]]
    rows += [[each.contender, number(each.idle / 1024, 1), number(each.loaded / 1024, 1)] for each in held]
    return f"\n{aligned(rows)}"


def second_opinion(
    ground: Ground, contenders: list[Contender], turns: list[Turn], seconds: float
) -> dict[str, dict[str, float]]:
    """The full rates as wrk counts them, beside ours."""
    rows = [["full rates", "ours", "wrk"]]
    said: dict[str, dict[str, float]] = {}
    for contender in contenders:
        for kind, ask in contender.asks.items():
            theirs = ground.load.wrk(contender.port, ask, seconds)
            said.setdefault(contender.name, {})[kind] = theirs
            ours = middle(turns, contender.name, kind, "full")
            rows.append([f"{contender.name}, {kind}", number(ours, 0), number(theirs, 0)])
    print(f"\n{aligned(rows)}")
    return said


def _middle(turns: list[Turn], name: str, kind: Kind, case: str, of: Callable[[Sample], float]) -> float:
    found = [of(sample) for sample in good(turns, name, kind, case)]
    return median(found) if found else nan
