"""`make fuzz`: every target, or those that are named, each in a process of its own; prints a table.

An input that breaks its target is added to its corpus, from which `make test` replays it until it is right.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from msgspec import Struct

from tests.fuzz.corpus import ROOT, keep, seeds
from tests.fuzz.targets.table import TARGETS

RUNS = 1_000_000
LARGEST = 4096
"""Bytes of an input that is made up; seeds may be larger."""
MEMORY = 512
"""MiB that a target may take."""
HANGS = 20
"""Seconds after which an input is said to hang, on a machine that does other things as well."""
DONE = re.compile(r"Done (\d+) (?:runs|in)|stat::number_of_executed_units: (\d+)")
RATE = re.compile(r"stat::average_exec_per_sec: +(\d+)")
PEAK = re.compile(r"stat::peak_rss_mb: +(\d+)")
COVER = re.compile(r"cov: (\d+)")


class Result(Struct, frozen=True):
    """What became of one target."""

    name: str
    code: int
    tried: int
    rate: int
    peak: int
    coverage: int
    report: str
    """Its last lines, if it failed."""

    def row(self) -> str:
        """Its row of the table."""
        verdict = "ok" if self.code == 0 else "FAILED"
        numbers = f"{self.tried:>10,} {self.rate:>7,}/s {self.peak:>5} MiB {self.coverage:>6}"
        return f"{self.name:<24} {numbers}  {verdict}"


def fuzz(name: str, runs: int, seconds: int) -> Result:
    """Tries inputs for one target."""
    with tempfile.TemporaryDirectory() as folder:
        begin, crashes, new = (Path(folder) / each for each in ("seeds", "crashes", "new"))
        for each in (begin, crashes, new):
            each.mkdir()
        for number, data in enumerate(seeds(name)):
            (begin / str(number)).write_bytes(data)
        options = [
            f"-runs={runs}",
            f"-max_len={LARGEST}",
            f"-rss_limit_mb={MEMORY}",
            f"-timeout={HANGS}",
            f"-max_total_time={seconds}",
            f"-artifact_prefix={crashes}/",
            "-print_final_stats=1",
            str(new),
            str(begin),
        ]
        words = [sys.executable, "-m", "tests.fuzz.driver", name, str(crashes), *options]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            found = max(crashes.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
            if found is not None:
                said += f"\nthe input is kept: {keep(name, found.read_bytes()).relative_to(ROOT.parent)}"
        return Result(
            name,
            done.returncode,
            last(re.compile(r"stat::number_of_executed_units: +(\d+)"), said),
            last(RATE, said),
            last(PEAK, said),
            last(COVER, said),
            "" if done.returncode == 0 else "\n".join(said.splitlines()[-40:]),
        )


def last(number: re.Pattern[str], said: str) -> int:
    """The last number of this kind; 0 if there is none."""
    return int((number.findall(said) or ["0"])[-1])


def main() -> int:
    """Runs the command; 1 if a target failed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzzes by coverage, with atheris.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--runs", type=int, default=RUNS, help="inputs for each target (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=0, help="no longer than this for each target; 0: no limit")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    failed = 0
    print(f"{'target':<24} {'inputs':>10} {'rate':>9} {'memory':>9} {'edges':>6}")
    for name in given.targets or TARGETS:
        result = fuzz(name, given.runs, given.seconds)
        print(result.row(), flush=True)
        if result.code:
            failed += 1
            print(result.report, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
