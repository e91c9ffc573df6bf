"""The gateway against nginx and other gateways: `python -m bench.gateway`, or `make bench`. See docs/performance.md."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.json import encode, format

from bench import exchanges, growth, held, memory, paced, speed, tails, workers
from bench.chart import draw
from bench.contenders import Ground, direct
from bench.machine import describe
from bench.process import BenchError, raise_descriptor_limit
from bench.record import read
from bench.roster import contenders
from bench.table import held_table, second_opinion, speed_tables

RESULTS = Path(__file__).parent / "results"
PARTS = (
    "speed",
    "paced",
    "dialects",
    "tails",
    "held",
    "workers",
    "requests",
    "models",
    "prompts",
    "streams",
)
PUBLISHED = PARTS[:6]
"""What docs/performance.md shows."""


def options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or all [the first six]")
    parser.add_argument("--seconds", type=float, default=1.5, help="of one turn [1.5]")
    parser.add_argument("--rounds", type=int, default=3, help="of turns of all contenders [3]")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="contenders whose name holds TEXT")
    parser.add_argument("--wrk", action="store_true", help="let wrk count too, as a second opinion")
    parser.add_argument(
        "--streams",
        type=int,
        action="append",
        metavar="N",
        help="open at a time: each N in `paced`, the first in `dialects`, `held`; the last in `streams` [2000, 8000]",
    )
    parser.add_argument("--events", type=int, default=100, help="of a paced stream, five a second [100]")
    parser.add_argument("--requests", type=int, default=200_000, help="for the part requests [200000]")
    parser.add_argument("--name", default=f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}", help="of the files of results")
    chosen = parser.parse_args(words)
    wrong = set(chosen.parts) - {*PARTS, "all"}
    if wrong:
        parser.error(f"no part {', '.join(sorted(wrong))}; there are {', '.join(PARTS)} and all")
    chosen.streams = chosen.streams or [2000, 8000]
    if min(chosen.streams) < 1 or chosen.events < 5 or chosen.rounds < 1:
        parser.error("expected one stream or more, five events or more, and one round or more")
    chosen.parts = PARTS if "all" in chosen.parts else tuple(chosen.parts) or PUBLISHED
    return chosen


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


def run(chosen: argparse.Namespace, folder: Path) -> None:
    """Measures the chosen parts one by one, prints them, and writes them down in `folder`."""
    folder.mkdir(exist_ok=True)
    written = folder / f"{chosen.name}.json"
    if not written.parent.is_dir():
        raise BenchError(f"--name: there is no folder {written.parent}")
    descriptors = raise_descriptor_limit()
    machine = describe()
    print(", ".join(f"{name}: {said}" for name, said in machine.items()))
    results: dict[str, object] = {"machine": machine, "parameters": {**vars(chosen), "descriptors": descriptors}}
    with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place), chosen.events) as ground:
        measures: dict[str, Callable[[], object]] = {
            "speed": lambda: measure_speed(ground, chosen),
            "paced": lambda: paced.measure(ground, chosen.streams, chosen.rounds, chosen.only),
            "tails": lambda: tails.measure(ground, chosen.seconds, chosen.rounds, chosen.only),
            "held": lambda: held.measure(
                ground, held.steps(chosen.streams[0], descriptors), chosen.rounds, chosen.only
            ),
            "workers": lambda: workers.measure(ground, chosen.seconds, chosen.rounds, chosen.only),
            "requests": lambda: memory.many_requests(ground, chosen.requests),
            "models": lambda: growth.models(ground, chosen.seconds, chosen.rounds),
            "prompts": lambda: growth.prompts(ground, chosen.seconds),
            "streams": lambda: growth.streams(ground, chosen.streams[-1]),
            "dialects": lambda: exchanges.measure(
                ground, chosen.seconds, chosen.rounds, chosen.streams[0], chosen.only
            ),
        }
        for part in chosen.parts:
            print(f"\n== {part}")
            results[part] = measures[part]()
            written.write_bytes(format(encode(results), indent=1) + b"\n")
    print(f"\nwritten: {written}")
    pictures = draw(read(written), folder, f"{chosen.name}-")
    print(
        "drawn:",
        *(pictures.values() or ["nothing: no part has a chart, or matplotlib is missing (scripts/setup bench)"]),
    )


def main(words: list[str], folder: Path = RESULTS) -> str | None:
    """What kept it from being run, if anything did."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(options(words), folder)
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
