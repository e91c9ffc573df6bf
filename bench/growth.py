"""Whether a request costs more where there is more: models configured, bytes in the prompt, streams open."""

from statistics import median

from bench.asks import chat
from bench.contenders import BEARER, Contender, Ground, dragoman, nginx
from bench.paced import OpenStreams, hold
from bench.process import memory_kib
from bench.speed import Turn, turn

MODELS = (10, 10_000)
PROMPTS = (1 << 10, 10 << 10, 100 << 10, 1 << 20, 10 << 20)
STREAMS = (100, 10)
"""Parts of the most streams that are open at a time."""


def models(ground: Ground, seconds: float, rounds: int) -> dict[str, object]:
    """JSON answers with few and with many models configured, in turns."""
    with ground.passing():
        found = {count: dragoman(ground, models=count, name=f"{count} models")[0] for count in MODELS}
        turns: list[Turn] = []
        for contender in found.values():
            turn(ground.load, contender, "json", "warm", seconds=0.5)
        for _ in range(rounds):
            turns += [turn(ground.load, each, "json", "full", seconds=seconds) for each in found.values()]
        kib = {count: memory_kib(each.pid) for count, each in found.items()}
    cost = {
        count: median(each.sample.cpu_us or 0 for each in turns if each.contender == found[count].name)
        for count in MODELS
    }
    for count in MODELS:
        print(f"  {count:6,} models: {cost[count]:7.1f} µs of processor a request, {kib[count] / 1024:.1f} MiB")
    print(f"  ratio {cost[MODELS[1]] / cost[MODELS[0]]:.2f}", *sorted({each.fault for each in turns if each.fault}))
    return {"cpu_us": cost, "kib": kib, "turns": turns}


def prompts(ground: Ground, seconds: float) -> dict[str, object]:
    """JSON answers to prompts of 1 KiB to 10 MiB over one connection."""
    costs: dict[str, dict[int, float]] = {}
    faults: set[str] = set()
    with ground.passing():
        for contender in (nginx(ground), dragoman(ground)[0]):
            costs[contender.name] = mine = {}
            for size in PROMPTS:
                said = asked_at_length(ground, contender, size, seconds)
                mine[size] = said.sample.cpu_us or 0
                faults |= {said.fault} - {""}
                each = mine[size] / size * 1024
                print(f"  {contender.name:10} {size >> 10:7,} KiB: {mine[size]:11,.0f} µs a request, {each:8.2f} a KiB")
    print(*sorted(faults))
    return {"cpu_us": costs, "faults": sorted(faults)}


def asked_at_length(ground: Ground, contender: Contender, size: int, seconds: float) -> Turn:
    """One turn of questions of `size` bytes."""
    ask = chat("json", contender.port, headers=BEARER, text="word " * (size // 5))
    longer = Contender(contender.name, contender.port, contender.pid, {"json": ask})
    return turn(ground.load, longer, "json", f"{size} bytes", seconds=seconds, connections=1)


def streams(ground: Ground, most: int) -> list[OpenStreams]:
    """What an event costs with few and with many streams open."""
    found: list[OpenStreams] = []
    for part in (*STREAMS, 1):
        with ground.passing():
            found.append(hold(ground, dragoman(ground)[0], most // part))
        print(found[-1], flush=True)
    return found
