"""A file of results as a picture."""

from pathlib import Path
from statistics import median
from typing import Any

import msgspec

KINDS = {"json": "JSON answers a second", "stream": "streams of 100 events a second"}


def draw(results: Path) -> str:
    """Draws the rates beside their file; what was done, in words."""
    try:
        import matplotlib as mpl
        from matplotlib import pyplot
    except ImportError:
        return "no chart: matplotlib is not installed (scripts/setup bench)"
    found: dict[str, Any] = msgspec.json.decode(results.read_bytes())
    turns = found.get("speed", {}).get("turns", [])
    if not turns:
        return "no chart: no speed was measured"
    mpl.use("Agg")
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    for axis, (kind, title) in zip(axes, KINDS.items(), strict=True):
        rates = _medians(turns, kind)
        names = list(rates)[::-1]
        bars = axis.barh(names, [rates[name] for name in names])
        for bar, name in zip(bars, names, strict=True):
            bar.set_color("tab:orange" if name.startswith("dragoman") else "tab:gray")
        axis.bar_label(bars, [f"{rates[name]:,.0f}" for name in names], padding=3)
        axis.set_title(f"{title}, one core")
        axis.margins(x=0.15)
    picture = results.with_suffix(".png")
    figure.savefig(picture, dpi=110)
    return f"drawn: {picture}"


def _medians(turns: list[dict[str, Any]], kind: str) -> dict[str, float]:
    rates: dict[str, list[float]] = {}
    void = {turn["contender"] for turn in turns if turn["kind"] == kind and turn["fault"]}
    for turn in turns:
        if (turn["kind"], turn["case"]) == (kind, "full") and turn["contender"] not in void:
            sample = turn["sample"]
            rates.setdefault(turn["contender"], []).append(sample["answers"] / sample["seconds"])
    return {name: median(found) for name, found in rates.items()}
