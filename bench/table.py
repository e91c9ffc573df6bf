"""Measured turns as tables of medians and ratios, in plain text."""

from collections.abc import Callable, Sequence
from math import isnan, nan
from statistics import median

from bench.contenders import Contender, Ground
from bench.load import Kind, Sample
from bench.speed import KINDS, Held, Turn, good, middle

LIMIT = "nginx"
BASE = "upstream itself"
TITLES: dict[Kind, str] = {"json": "small JSON answers", "stream": "streams of 100 events, sent back to back"}


def speed_tables(turns: list[Turn], names: list[str]) -> str:
    """For each kind of answer: rates and ratios, processor time, latency."""
    return "\n".join(_table(turns, names, kind) for kind in KINDS)


def _table(turns: list[Turn], names: list[str], kind: Kind) -> str:
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
    head += ["half: p50", "p99", "one: p50", "p99", "first byte", "added p50"]
    rows = [head]
    base = _middle(turns, BASE, kind, "one", lambda sample: sample.whole.p50)
    for name in [BASE, *names]:
        mine = [turn for turn in turns if turn.contender == name and turn.kind == kind]
        if not mine:
            continue
        rate = middle(turns, name, kind, "full")
        full, half, one = ("full", "half", "one")

        def ms(case: str, of: Callable[[Sample], float], name: str = name) -> str:
            return _number(_middle(turns, name, kind, case, of) / 1000, 3)

        cpu = _middle(turns, name, kind, full, lambda sample: sample.cpu_us or nan)
        faults = sorted({turn.fault for turn in mine if turn.fault})
        rows.append(
            [
                name + (" [void]" if faults else ""),
                _number(rate, 0),
                _number(rate / limit if rate and limit else nan, 2),
                _number(rate / slow if rate and slow else nan, 0),
                _number(cpu, 1),
                f"{cpu * rate / 1e6:.0%}" if rate and not isnan(cpu) else "-",
                _number(cpu / each, 2) if each > 1 else "",
                *(ms(full, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                *(ms(half, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                *(ms(one, of) for of in (lambda sample: sample.whole.p50, lambda sample: sample.whole.p99)),
                ms(one, lambda sample: sample.first.p50),
                ms(one, lambda sample: sample.whole.p50 - base) if name != BASE else "",
            ]
        )
        rows += [[f"  {fault}"] for fault in faults]
    return f"\n{TITLES[kind]}; 64 connections, then half of that rate, then one connection\n{_aligned(rows)}"


def held_table(held: list[Held]) -> str:
    """Memory before and after the load."""
    rows = [["anonymous memory, MiB", "idle", "after"]]
    rows += [[each.contender, _number(each.idle / 1024, 1), _number(each.loaded / 1024, 1)] for each in held]
    return f"\n{_aligned(rows)}"


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
            rows.append([f"{contender.name}, {kind}", _number(ours, 0), _number(theirs, 0)])
    print(f"\n{_aligned(rows)}")
    return said


def _middle(turns: list[Turn], name: str, kind: Kind, case: str, of: Callable[[Sample], float]) -> float:
    found = [of(sample) for sample in good(turns, name, kind, case)]
    return median(found) if found else nan


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or isnan(value) else f"{value:,.{digits}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    full = [row for row in rows if len(row) > 1]
    widths = [max(len(row[column]) for row in full) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    )
