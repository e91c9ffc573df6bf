"""What a gateway did between two looks at its metrics, as tables. Knows no terminal."""

from collections.abc import Mapping, Sequence

from dragoman.cli.terminal.table import fitted_table
from dragoman.cli.top.scrape import Labels, Scrape

ROUTES = ("route", "requests/s", "errors", "attempts", "p50", "p95")
TARGETS = ("target", "failed/s", "tokens/s", "first token p50", "p95", "token gap p50", "breaker")

BREAKERS = {0.0: "closed", 1.0: "half-open", 2.0: "open"}

OWN = 1
"""Requests and connections of a look itself, which each look finds, and which are nobody's."""

NONE = "-"
"""In place of a number that is not known."""


class Span:
    """What was counted between two looks; with only one, since the gateway was started at `started`."""

    def __init__(self, now: Scrape, before: Scrape | None, seconds: float) -> None:
        self._now = now
        self._before = before
        self.seconds = max(seconds, 0.001)

    def counts(self, name: str, *by: str) -> dict[tuple[str, ...], float]:
        """How much each sample has grown, added up by these labels."""
        earlier: Mapping[Labels, float] = {} if self._before is None else self._before.named(name)
        found: dict[tuple[str, ...], float] = {}
        for labels, value in self._now.named(name).items():
            said = dict(labels)
            key = tuple(said.get(each, "") for each in by)
            # Less than before: the gateway was restarted.
            grown = value - earlier.get(labels, 0.0)
            found[key] = found.get(key, 0.0) + (grown if grown >= 0 else value)
        return found

    def quantile(self, name: str, label: str, value: str, share: float) -> float | None:
        """The upper bound of the bucket in which that share of a histogram's values ends; None if it is empty."""
        grown = self.counts(f"{name}_bucket", label, "le")
        buckets = sorted((float(bound), count) for (said, bound), count in grown.items() if said == value)
        if not buckets or not buckets[-1][1]:
            return None
        return next(bound for bound, count in buckets if count >= share * buckets[-1][1])


def overview(now: Scrape, before: Scrape | None, *, clock: float, width: int | None) -> str:
    """Tables of routes and targets; `clock`: the time now, in Unix time."""
    started = now.one("dragoman_start_time_seconds")
    seconds = clock - started if before is None else now.at - before.at
    span = Span(now, before, seconds)
    total = sum(span.counts("dragoman_requests_total").values())
    others = total if before is None else max(total - OWN, 0.0)
    in_flight, connections = (max(now.one(f"dragoman_{name}") - OWN, 0.0) for name in ("in_flight", "connections"))
    head = (
        f"up {_age(clock - started)}, {_rate(others, span.seconds)} requests/s, "
        f"{in_flight:.0f} in flight, {connections:.0f} connections"
    )
    lost = now.one("dragoman_request_log_lines_lost_total")
    lines = [head, *([f"lines of the request log that were lost: {lost:.0f}"] if lost else [])]
    for names, rows in ((ROUTES, _routes(span)), (TARGETS, _targets(now, span))):
        if rows:
            lines += ["", fitted_table(names, rows, width)]
    return "\n".join(lines)


def _routes(span: Span) -> list[Sequence[str]]:
    by_status = span.counts("dragoman_requests_total", "route", "status", "end")
    asked = span.counts("dragoman_attempts_count", "route")
    tries = span.counts("dragoman_attempts_sum", "route")
    rows: list[Sequence[str]] = []
    for (route,) in sorted(asked):
        mine = {key: count for key, count in by_status.items() if key[0] == route}
        total = sum(mine.values())
        bad = sum(count for (_, status, end), count in mine.items() if status[0] in "45" or end == "broken")
        duration = "dragoman_request_duration_seconds"
        rows.append(
            (
                route or NONE,
                _rate(total, span.seconds),
                f"{100 * bad / total:.1f} %" if total else NONE,
                f"{tries.get((route,), 0.0) / asked[route,]:.2f}" if asked[route,] else NONE,
                _time(span.quantile(duration, "route", route, 0.5)),
                _time(span.quantile(duration, "route", route, 0.95)),
            )
        )
    return rows


def _targets(now: Scrape, span: Span) -> list[Sequence[str]]:
    failed = span.counts("dragoman_attempts_failed_total", "target")
    tokens = span.counts("dragoman_tokens_total", "target", "kind")
    breakers = {dict(labels).get("target", ""): state for labels, state in now.named("dragoman_breaker_state").items()}
    names = {*(target for (target,) in failed), *(target for target, _ in tokens), *breakers}
    return [_target(name, failed, tokens, breakers, span) for name in sorted(filter(None, names))]


def _target(
    name: str,
    failed: Mapping[tuple[str, ...], float],
    tokens: Mapping[tuple[str, ...], float],
    breakers: Mapping[str, float],
    span: Span,
) -> Sequence[str]:
    first, gap = "dragoman_first_token_seconds", "dragoman_token_gap_seconds"
    return (
        name,
        _rate(failed.get((name,), 0.0), span.seconds),
        _rate(tokens.get((name, "output"), 0.0), span.seconds),
        _time(span.quantile(first, "target", name, 0.5)),
        _time(span.quantile(first, "target", name, 0.95)),
        _time(span.quantile(gap, "target", name, 0.5)),
        BREAKERS.get(breakers.get(name, -1.0), NONE),
    )


def _rate(count: float, seconds: float) -> str:
    return f"{count / seconds:,.1f}"


def _time(seconds: float | None) -> str:
    """The bound of a bucket; what is above the last one has none."""
    if seconds is None:
        return NONE
    if seconds == float("inf"):
        return "more"
    return f"{1000 * seconds:g} ms" if seconds < 1 else f"{seconds:g} s"


def _age(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
