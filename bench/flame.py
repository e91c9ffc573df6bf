"""Where the gateway spends its time under load, seen by py-spy: `python -m bench.flame`, or `make profile`."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.contenders import HERE, Contender, Ground, dragoman
from bench.load import Kind
from bench.process import LOAD_CORE, BenchError, pinned

RESULTS = Path(__file__).parent / "results"
RATE = 500
"""Samples a second."""

NAMES: dict[str, tuple[int, Kind]] = {
    "relay-json": (0, "json"),
    "relay-stream": (0, "stream"),
    "to-web-chat": (1, "stream"),
    "from-web-chat": (3, "stream"),
}
"""What is profiled, to the place of its contender among dragoman's, and the kind of its answers."""

PLACE = re.compile(r"(.+) \((.+?)(?::\d+)?\)")
"""A frame: a function, its file, and perhaps a line."""


def record(
    ground: Ground, contender: Contender, kind: Kind, output: Path, *, form: str, seconds: float, native: bool
) -> None:
    """One recording of the gateway under load."""
    ask = contender.asks[kind]
    process = ground.load.start(contender.port, ask, seconds=seconds + 2)
    words = ["record", "--pid", str(contender.pid), "--duration", f"{seconds:g}", "--rate", str(RATE)]
    words += ["--format", form, "--output", str(output)]
    words += ["--native"] if native else []
    try:
        ran = subprocess.run(pinned([LOAD_CORE], [_spy(), *words]), capture_output=True, text=True, check=False)
        fault = ground.load.finish(process).fault(ask)
    finally:
        process.kill()
    if ran.returncode or fault:
        raise BenchError(f"py-spy: {ran.stderr.strip()[-400:]} {fault}")


def top(folded: Path, count: int) -> list[tuple[str, str, float, float]]:
    """Functions that take most time: name, file, and the parts of it in themselves and in all that they call."""
    alone: Counter[tuple[str, str]] = Counter()
    within: Counter[tuple[str, str]] = Counter()
    total = 0
    for line in folded.read_text().splitlines():
        frames, _, number = line.rpartition(" ")
        seen = [_place(frame) for frame in frames.split(";")]
        alone[seen[-1]] += int(number)
        for place in set(seen):
            within[place] += int(number)
        total += int(number)
    ranked = [(place, samples) for place, samples in alone.most_common(count)]
    return [(name, file, samples / total, within[name, file] / total) for (name, file), samples in ranked]


def _place(frame: str) -> tuple[str, str]:
    matched = PLACE.fullmatch(frame)
    return (matched[1], matched[2]) if matched else (frame, "")


def _spy() -> str:
    found = shutil.which("py-spy", path=f"{HERE}:{Path.home()}/.local/bin") or shutil.which("py-spy")
    if found is None:
        raise BenchError("the profile needs py-spy: scripts/setup bench")
    return found


def main(words: list[str]) -> str | None:
    """What kept it from being drawn, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.flame", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to profile: {', '.join(NAMES)} [all]")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--native", action="store_true", help="show the functions of C extensions too; slows it down")
    parser.add_argument("--top", type=int, default=25, help="functions to list [25]")
    chosen = parser.parse_args(words)
    if wrong := set(chosen.names) - set(NAMES):
        parser.error(f"nothing is called {', '.join(sorted(wrong))}; there are {', '.join(NAMES)}")
    RESULTS.mkdir(exist_ok=True)
    try:
        _spy()
        with tempfile.TemporaryDirectory(prefix="bench-") as place, Ground(Path(place)) as ground:
            contenders = dragoman(ground)
            for name in chosen.names or NAMES:
                number, kind = NAMES[name]
                picture, folded = RESULTS / f"profile-{name}.svg", Path(place) / f"{name}.folded"
                record(
                    ground, contenders[number], kind, folded, form="raw", seconds=chosen.seconds, native=chosen.native
                )
                record(
                    ground,
                    contenders[number],
                    kind,
                    picture,
                    form="flamegraph",
                    seconds=chosen.seconds,
                    native=chosen.native,
                )
                print(f"\n{name}: {picture}\n  alone  within")
                for function, file, alone, within in top(folded, chosen.top):
                    print(f"  {alone:5.1%}  {within:6.1%}  {function}  {file}")
    except BenchError as exc:
        return f"bench: {exc}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
