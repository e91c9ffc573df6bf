"""Tables of results as pictures: bars of the columns that say most. Knows no measure."""

from math import ceil
from pathlib import Path

from msgspec import Struct

from bench.record import Record, tables
from bench.text import Rows


class Columns(Struct, frozen=True):
    """The columns of a table that are drawn. `labels`: how many cells of a row name a bar."""

    names: tuple[str, ...]
    labels: int = 1


CHARTS = {
    "speed": Columns(("a second",)),
    "paced": Columns(("µs an event", "late p99 ms"), labels=2),
    "dialects": Columns(("µs an event",)),
    "tails": Columns(("p99 of 1 ms", "p99 of 5 ms", "p99 of 10 ms", "p99 of 50 ms")),
    "held": Columns(("median",)),
    "workers": Columns(("1", "2"), labels=2),
}
WIDE, HIGH, BAR = 6.5, 1.2, 0.28
"""Inches: of a panel, around its bars, and of a bar."""


def draw(found: Record, place: Path, prefix: str) -> dict[str, Path]:
    """A picture `PREFIXPART.png` in the folder `place` for each part that was measured; none without matplotlib."""
    try:
        import matplotlib as mpl
        from matplotlib import pyplot
    except ImportError:
        return {}
    mpl.use("Agg")
    drawn: dict[str, Path] = {}
    for part, shown in tables(found).items():
        panels = {
            f"{title}: {name}": values
            for title, rows in shown.items()
            for name in CHARTS[part].names
            if (values := bars(rows, name, CHARTS[part].labels))
        }
        if not panels:
            continue
        lines = ceil(len(panels) / 2)
        high = HIGH + BAR * max(map(len, panels.values()))
        figure, axes = pyplot.subplots(
            lines,
            min(len(panels), 2),
            figsize=(WIDE * min(len(panels), 2), high * lines),
            layout="constrained",
            squeeze=False,
        )
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis, (title, values) in zip(axes.flat, panels.items(), strict=False):
            names = list(values)[::-1]
            drawn_bars = axis.barh(names, [values[name] for name in names])
            for bar, name in zip(drawn_bars, names, strict=True):
                bar.set_color("tab:orange" if name.startswith("dragoman") else "tab:gray")
            axis.bar_label(drawn_bars, [f"{values[name]:,g}" for name in names], padding=3)
            axis.set_title(title, fontsize="medium")
            axis.margins(x=0.18)
        drawn[part] = place / f"{prefix}{part}.png"
        figure.savefig(drawn[part], dpi=100)
        pyplot.close(figure)
    return drawn


def bars(rows: Rows, column: str, labels: int) -> dict[str, float]:
    """The numbers of a column by the names of their rows; a row without one is left out."""
    at = rows[0].index(column)
    full = [row for row in rows[1:] if len(row) > 1]
    return {", ".join(row[:labels]): float(row[at].replace(",", "")) for row in full if row[at] not in {"", "-"}}
