"""What was counted, as text for Prometheus. https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""

from collections.abc import Callable
from itertools import accumulate
from math import isnan
from operator import add

from dragoman.gateway.metrics.regions import Regions
from dragoman.gateway.metrics.table import METRICS, Metric

TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type."""


def exposition(regions: Regions) -> bytes:
    """All series of all regions, together."""
    families: dict[str, dict[str, list[float]]] = {metric.name: {} for metric in METRICS}
    greatest = {metric.name for metric in METRICS if metric.greatest}
    for series, numbers in regions.read():
        name = series.partition("{")[0]
        if isnan(numbers[0]):
            continue
        family = families[name]
        before = family.get(series)
        if before is None:
            family[series] = numbers
        else:
            join: Callable[[float, float], float] = max if name in greatest else add
            family[series] = [join(one, two) for one, two in zip(before, numbers, strict=True)]
    lines: list[str] = []
    for metric in METRICS:
        if found := families[metric.name]:
            lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
            for series in sorted(found):
                lines += _lines(metric, series, found[series])
    return "\n".join([*lines, ""]).encode()


def _lines(metric: Metric, series: str, numbers: list[float]) -> list[str]:
    if metric.kind != "histogram":
        return [f"{series} {_number(numbers[0])}"]
    labels = series.removeprefix(metric.name).strip("{}")
    before = f"{labels}," if labels else ""
    *counts, total = numbers
    bounds = (*map(_number, metric.buckets), "+Inf")
    cumulative = list(accumulate(counts))
    buckets = [
        f'{metric.name}_bucket{{{before}le="{bound}"}} {_number(count)}'
        for bound, count in zip(bounds, cumulative, strict=True)
    ]
    rest = f"{{{labels}}}" if labels else ""
    return [
        *buckets,
        f"{metric.name}_sum{rest} {_number(total)}",
        f"{metric.name}_count{rest} {_number(cumulative[-1])}",
    ]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
