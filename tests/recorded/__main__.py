"""`python -m tests.recorded FOLDER`: runs all checks over all recorded exchanges, and prints a table."""

import sys
import traceback
from collections import Counter
from pathlib import Path

from dragoman.protocols.registry import DIALECTS
from tests.recorded.checks import CHECKS
from tests.recorded.exchanges import Recorded, exchanges


def main(folder: str) -> int:
    """Prints what failed, and for each dialect and vendor how many passed; returns the exit code."""
    found = [each for each in exchanges(Path(folder)) if each.dialect in DIALECTS]
    if not found:
        print(f"{folder}: no recorded exchanges")
        return 1
    passed: Counter[tuple[str, str, str]] = Counter()
    counts = Counter((each.dialect, each.vendor) for each in found)
    failures = 0
    for each in found:
        for name in CHECKS:
            wrong = _tried(each, name)
            if wrong:
                failures += 1
                print(f"{each.dialect}  {each.name}  {name}: {wrong}")
            else:
                passed[each.dialect, each.vendor, name] += 1
    width = max(len(f"{dialect} {vendor}") for dialect, vendor in counts)
    print(f"\n{'':{width}}  " + "  ".join(CHECKS))
    for (dialect, vendor), count in counts.items():
        cells = (f"{passed[dialect, vendor, name]}/{count}".rjust(len(name)) for name in CHECKS)
        print(f"{f'{dialect} {vendor}':{width}}  " + "  ".join(cells))
    print(f"\n{len(found)} exchanges, {failures} failures")
    return 1 if failures else 0


def _tried(each: Recorded, name: str) -> str:
    try:
        return CHECKS[name](each)
    except Exception as exc:  # noqa: BLE001  # a bug in one exchange must not hide what the others show
        where = traceback.extract_tb(exc.__traceback__)[-1]
        return f"{type(exc).__name__} {exc} at {Path(where.filename).name}:{where.lineno}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
