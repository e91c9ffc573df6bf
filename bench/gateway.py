"""The gateway against nginx and other gateways: `python -m bench.gateway`, or `make bench`. See docs/performance.md."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.json import encode, format

from bench import exchanges, growth, memory, speed
from bench.chart import draw
from bench.contenders import Contender, Ground, direct, dragoman, litellm, nginx, portkey
from bench.machine import describe
from bench.process import BenchError, raise_descriptor_limit
from bench.table import held_table, second_opinion, speed_tables

RESULTS = Path(__file__).parent / "results"
PARTS = ("speed", "memory", "requests", "models", "prompts", "streams", "dialects")


def options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)}, all [speed]")
    parser.add_argument("--seconds", type=float, default=1.5, help="of one turn [1.5]")
    parser.add_argument("--rounds", type=int, default=9, help="of turns of all contenders [9]")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="contenders whose name holds TEXT")
    parser.add_argument("--wrk", action="store_true", help="let wrk count too, as a second opinion")
    parser.add_argument("--streams", type=int, default=8000, help="open at a time, for the part memory [8000]")
    parser.add_argument("--requests", type=int, default=200_000, help="for the part requests [200000]")
    parser.add_argument("--name", default=f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}", help="of the files of results")
    chosen = parser.parse_args(words)
    wrong = set(chosen.parts) - {*PARTS, "all"}
    if wrong:
        parser.error(f"no part {', '.join(sorted(wrong))}; there are {', '.join(PARTS)} and all")
    chosen.parts = PARTS if "all" in chosen.parts else tuple(chosen.parts) or ("speed",)
    return chosen


STARTERS: dict[tuple[str, ...], Callable[[Ground], list[Contender]]] = {
    ("nginx",): lambda ground: [nginx(ground)],
    ("nginx, access log",): lambda ground: [nginx(ground, log=True)],
    (
        "dragoman",
        "dragoman, OpenAI to web chat",
        "dragoman, the same by curl",
        "dragoman, web chat to OpenAI",
    ): dragoman,
    ("LiteLLM",): litellm,
    ("Portkey",): portkey,
}
"""The contenders that one process stands for, to what starts it: none where it is not installed."""


def contenders(ground: Ground, only: list[str]) -> list[Contender]:
    """Those that are wanted and installed, started. Raises BenchError where there are none."""
    found: list[Contender] = []
    for names, start in STARTERS.items():
        wanted = [name for name in names if not only or any(text in name for text in only)]
        started = start(ground) if wanted else []
        if wanted and not started:
            print(f"{wanted[0]} is left out: it is not installed (docs/performance.md says how to name it)")
        found += [contender for contender in started if contender.name in wanted]
    if not found:
        raise BenchError(
            f"no contender is called so; there are {', '.join(name for names in STARTERS for name in names)}"
        )
    return found


def measure_speed(ground: Ground, chosen: argparse.Namespace) -> dict[str, object]:
    """The turns, and what is printed of them."""
    with ground.passing():
        wanted = contenders(ground, chosen.only)
        turns, held = speed.measure(ground, wanted, direct(ground), seconds=chosen.seconds, rounds=chosen.rounds)
        print(speed_tables(turns, [each.name for each in wanted]))
        print(held_table(held))
        said: dict[str, object] = {"turns": turns, "held": held}
        if chosen.wrk:
            said["wrk"] = second_opinion(ground, wanted, turns, chosen.seconds)
    return said


def run(chosen: argparse.Namespace) -> None:
    """Measures the chosen parts one by one, prints them, and writes them down."""
    descriptors = raise_descriptor_limit()
    machine = describe()
    print(", ".join(f"{name}: {said}" for name, said in machine.items()))
    results: dict[str, object] = {"machine": machine, "parameters": {**vars(chosen), "descriptors": descriptors}}
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"{chosen.name}.json"
    with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
        measures: dict[str, Callable[[], object]] = {
            "speed": lambda: measure_speed(ground, chosen),
            "memory": lambda: memory.open_streams(ground, chosen.streams),
            "requests": lambda: memory.many_requests(ground, chosen.requests),
            "models": lambda: growth.models(ground, chosen.seconds, chosen.rounds),
            "prompts": lambda: growth.prompts(ground, chosen.seconds),
            "streams": lambda: growth.streams(ground, chosen.streams),
            "dialects": lambda: exchanges.measure(ground, chosen.seconds, chosen.rounds),
        }
        for part in chosen.parts:
            print(f"\n== {part}")
            results[part] = measures[part]()
            written.write_bytes(format(encode(results), indent=1) + b"\n")
    print(f"\nwritten: {written}")
    print(draw(written))


def main(words: list[str]) -> str | None:
    """What kept it from being run, if anything did."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(options(words))
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
