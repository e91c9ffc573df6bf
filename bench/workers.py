"""What a second core brings: one worker and two, while the load and its upstream use a part of a core themselves.

A lone worker has a core for itself. Two have what the load, the upstream and the host leave of both cores, so rates
alone would be too low: `of two cores` is the rate for each core's time that was left, beside that of the lone worker.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median

from msgspec import Struct

from bench.contenders import LIMIT, Contender, Ground, dragoman, nginx
from bench.load import Kind
from bench.process import CORES, cpu_seconds, tree
from bench.roster import wanted
from bench.speed import WARM, Turn, check, turn
from bench.steal import marked, shown
from bench.text import Rows, aligned, number

WORKERS = (1, 2)
KINDS: tuple[Kind, ...] = ("json", "stream")
STARTERS: dict[str, Callable[[Ground, int], Contender]] = {
    LIMIT: lambda ground, workers: nginx(ground, workers=workers),
    "dragoman": lambda ground, workers: dragoman(ground, workers=workers)[0],
}


class Shared(Struct, frozen=True):
    """A turn of so many workers.

    `others`: cores that the load and the upstream used. `spread`: seconds of processor of each worker.
    """

    workers: int
    turn: Turn
    others: float
    spread: list[float]

    @property
    def left(self) -> float:
        """Cores that were there for the workers."""
        return min(self.workers, len(CORES) - self.others - sum(self.turn.steal))

    @property
    def even(self) -> float:
        """The least busy worker's part of what the busiest did."""
        most = max(self.spread)
        return min(self.spread) / most if most else float("nan")


def share(ground: Ground, contender: Contender, kind: Kind, workers: int, seconds: float) -> Shared:
    """One turn at full rate."""
    pids = _workers(contender.pid)
    before, upstream, began = [cpu_seconds(pid) for pid in pids], cpu_seconds(ground.upstream_pid), time.monotonic()
    said = turn(ground.load, contender, kind, f"{workers} workers", seconds=seconds)
    lasted = time.monotonic() - began
    others = said.sample.own + cpu_seconds(ground.upstream_pid) - upstream
    return Shared(
        workers, said, others / lasted, [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
    )


def measure(ground: Ground, seconds: float, rounds: int, only: list[str]) -> list[Shared]:
    """All in turns; those that are not measured stand idle meanwhile."""
    found: list[Shared] = []
    with ground.passing():
        started = [
            (workers, STARTERS[name](ground, workers)) for name in wanted(tuple(STARTERS), only) for workers in WORKERS
        ]
        for _, contender in started:
            for kind in KINDS:
                check(contender, kind)
                turn(ground.load, contender, kind, "warm", seconds=min(WARM, seconds))
        for _ in range(rounds):
            for kind in KINDS:
                for workers, contender in started:
                    found.append(share(ground, contender, kind, workers, seconds))
                    rate = found[-1].turn.fault or f"{found[-1].turn.sample.rate:10,.0f}/s"
                    print(
                        f"  {kind:7} {contender.name:10} {workers} workers {rate}   {shown(found[-1].turn.steal)}",
                        flush=True,
                    )
    print(f"\n{aligned(rows(found))}")
    return found


def rows(found: Sequence[Shared]) -> Rows:
    """Medians of the rounds."""
    head = ["answers a second", "kind", *map(str, WORKERS), "times", "others' cores", "of two cores", "even", "steal"]
    table = [head]
    keys = dict.fromkeys((each.turn.contender, each.turn.kind) for each in found)
    for name, kind in keys:
        mine = [each for each in found if (each.turn.contender, each.turn.kind) == (name, kind)]
        one, two = ([each for each in mine if each.workers == workers] for workers in WORKERS)
        void = any(each.turn.fault for each in mine) or not one or not two
        rates = [median(each.turn.sample.rate for each in of) for of in (one, two)] if not void else []
        each_core = [median(each.turn.sample.rate / each.left for each in of) for of in (one, two)] if not void else []
        table.append(
            [
                f"{name} [void]" if void else name,
                kind,
                *(number(rate, 0) for rate in rates or (float("nan"),) * len(WORKERS)),
                number(rates[1] / rates[0] if rates else None, 2),
                number(median(each.others for each in two) if two else None, 2),
                number(2 * each_core[1] / each_core[0] if each_core else None, 2),
                number(median(each.even for each in two) if two else None, 2),
                f"{sum(marked(each.turn.steal) for each in mine)} of {len(mine)}",
            ]
        )
    return table


def _workers(pid: int) -> list[int]:
    """The processes that answer: the children of a parent that only watches them, or it itself."""
    return tree(pid)[1:] or [pid]
