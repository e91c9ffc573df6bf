"""`python -m bench.page NAME...`: the tables and charts of docs/performance.md, from bench/results/NAME.json.

A part that several of these files hold is taken from the last. Parts that none holds stay as they are.
"""

import argparse
import re
import sys
from pathlib import Path

import msgspec

from bench.chart import draw
from bench.record import Record, read, tables
from bench.text import markdown

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
CHARTS = "charts"
"""A folder beside the page."""

SHOWN = ("processor", "kernel", "load before", "Python", "nginx", "dragoman", "rounds", "seconds", "events")
"""Of the machine and the parameters."""

REGION = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def fill(page: Path, records: dict[str, Record]) -> list[str]:
    """Writes what `records`, by their names, hold into the page's regions; the parts that were written."""
    text = page.read_text(encoding="utf-8")
    regions = {match[2] for match in REGION.finditer(text)}
    charts = page.parent / CHARTS
    bodies: dict[str, str] = {}
    for name, found in records.items():
        charts.mkdir(exist_ok=True)
        drawn = draw(found, charts, "")
        for part in regions & set(tables(found)):
            bodies[part] = body(found, name, part, drawn.get(part))
    page.write_text(
        REGION.sub(lambda match: f"{match[1]}{bodies[match[2]]}{match[3]}" if match[2] in bodies else match[0], text),
        encoding="utf-8",
    )
    return sorted(bodies)


def body(found: Record, name: str, part: str, chart: Path | None) -> str:
    """A region: whence it is, its tables, its chart."""
    given = {key: value for key, value in (found.machine | found.parameters).items() if key in SHOWN}
    lines = [f"`{name}`: {', '.join(f'{key} {value}' for key, value in given.items())}\n"]
    lines += [f"*{title}*\n\n{markdown(rows)}\n" for title, rows in tables(found)[part].items()]
    lines += [f"![{part}]({CHARTS}/{chart.name})\n"] if chart else []
    return "\n" + "\n".join(lines) + "\n"


def main(words: list[str]) -> str | None:
    """What kept it from being written, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="of files in bench/results")
    chosen = parser.parse_args(words)
    try:
        records = {name: read(RESULTS / f"{name}.json") for name in chosen.names}
    except (OSError, msgspec.MsgspecError) as exc:
        return f"page: {exc}"
    print(f"written: {', '.join(fill(PAGE, records)) or 'nothing: no region of the page is about these parts'}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
