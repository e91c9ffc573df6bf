"""What is counted of each request, and that a caller cannot make series."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dragoman.config import Config, ModelConfig, ProviderConfig
from dragoman.errors import Attempt
from dragoman.gateway.metrics.exposition import exposition
from dragoman.gateway.metrics.names import MAX_CODES
from dragoman.gateway.metrics.observer import Metrics, succeeded
from dragoman.gateway.metrics.regions import Region, Regions
from dragoman.gateway.metrics.table import CONNECTIONS, IN_FLIGHT, LOG_LOST, METRICS, labelled
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import Outcome, Usage

CONFIG = Config(
    models={"fast": ModelConfig(targets=("up/m", "down/m"))},
    providers={"up": ProviderConfig(models=("m", "n")), "down": ProviderConfig()},
)
SERVICES = {"up", "down", "offline"}


def made(region: Region | None = None) -> Metrics:
    return Metrics(CONFIG, SERVICES, region or Regions().region(0))


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The value of one series, as Prometheus reads it."""
    return samples(metrics).get((name, tuple(sorted(labels.items()))))


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    metrics.refresh()
    text = exposition(metrics.regions).decode()
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def outcome(**fields: Any) -> Outcome:
    usual: dict[str, Any] = {
        "front": "openai-chat",
        "model": "fast",
        "target": "up/m",
        "status": 200,
        "end": "whole",
        "stream": True,
        "complete_at": 10.0,
        "asked_at": 10.002,
        "came_at": 10.3,
        "first_byte_at": 10.301,
        "ended_at": 11.301,
        "usage": Usage(input_tokens=7, output_tokens=11, cache_read_tokens=5),
    }
    return Outcome("id", "POST", "/", 10.0, **(usual | fields))


def test_an_answer_is_counted_by_all_that_is_known_of_it() -> None:
    metrics = made()
    for _ in range(2):
        metrics.note(outcome())
    assert sample(metrics, "dragoman_requests_total", front="openai-chat", route="fast", status="2xx", end="whole") == 2
    assert sample(metrics, "dragoman_tokens_total", target="up/m", kind="input") == 14
    assert sample(metrics, "dragoman_tokens_total", target="up/m", kind="output") == 22
    assert sample(metrics, "dragoman_tokens_total", target="up/m", kind="cache_read") == 10
    for name, labels, low, high, total in (
        ("dragoman_added_latency_seconds", {"front": "openai-chat"}, "0.0025", "0.005", 0.006),
        ("dragoman_first_token_seconds", {"target": "up/m"}, "0.25", "0.5", 0.602),
        ("dragoman_token_gap_seconds", {"target": "up/m"}, "0.075", "0.1", 0.2),
        ("dragoman_request_duration_seconds", {"route": "fast"}, "1.0", "2.5", 2.602),
        ("dragoman_attempts", {"route": "fast"}, None, "1.0", 2.0),
    ):
        if low is not None:
            assert sample(metrics, f"{name}_bucket", le=low.removesuffix(".0"), **labels) == 0
        assert sample(metrics, f"{name}_bucket", le=high.removesuffix(".0"), **labels) == 2
        assert sample(metrics, f"{name}_bucket", le="+Inf", **labels) == 2
        assert sample(metrics, f"{name}_count", **labels) == 2
        assert sample(metrics, f"{name}_sum", **labels) == pytest.approx(total)


def test_failures_are_counted_by_code_and_target() -> None:
    metrics = made()
    failed = Attempt("up/m", "connect_error", 502, "refused")
    metrics.note(outcome(target="down/m", attempts=(failed,)))
    assert sample(metrics, "dragoman_attempts_failed_total", code="connect_error", target="up/m") == 1
    assert sample(metrics, "dragoman_attempts_sum", route="fast") == 2
    assert not any(name == "dragoman_errors_total" for name, _ in samples(metrics))
    gone: dict[str, Any] = {"usage": None, "came_at": None, "first_byte_at": None}
    for _ in range(2):
        metrics.note(outcome(target="", status=502, error="connect_error", attempts=(failed, failed), **gone))
    assert sample(metrics, "dragoman_errors_total", code="connect_error", target="up/m") == 2
    assert sample(metrics, "dragoman_attempts_failed_total", code="connect_error", target="up/m") == 5
    assert sample(metrics, "dragoman_attempts_sum", route="fast") == 6
    metrics.note(Outcome("id", "GET", "/health/live", 0.0, front="openai-chat", status=200, end="whole"))
    assert sample(metrics, "dragoman_requests_total", front="openai-chat", route="", status="2xx", end="whole") == 1


def test_a_whole_answer_has_no_time_between_tokens() -> None:
    metrics = made()
    metrics.note(outcome(stream=False))
    metrics.note(outcome(usage=Usage(output_tokens=1)))
    assert sample(metrics, "dragoman_token_gap_seconds_count", target="up/m") == 0
    assert sample(metrics, "dragoman_first_token_seconds_count", target="up/m") == 1


def test_what_callers_make_up_makes_no_series() -> None:
    metrics = made()
    metrics.note(outcome(model="up/n", target="up/n"))
    metrics.note(outcome(model="up/made-up", target="up/made-up"))
    metrics.note(outcome(model="nobody", target="", usage=None, error="model_not_found", status=404))
    before = set(samples(metrics))
    for number in range(3000):
        metrics.note(outcome(model=f"up/{number}", target=f"up/{number}"))
        metrics.note(outcome(model=f"nobody {number}", target="", usage=None, error="model_not_found", status=404))
    assert set(samples(metrics)) == before
    assert sample(metrics, "dragoman_tokens_total", target="up/n", kind="input") == 7
    assert sample(metrics, "dragoman_tokens_total", target="up/other", kind="input") == 7 * 3001
    for number in range(2 * MAX_CODES):
        metrics.note(outcome(error=f"code {number}"))
    codes = {dict(labels)["code"] for name, labels in samples(metrics) if name == "dragoman_errors_total"}
    assert len(codes) == MAX_CODES + 1
    assert "other" in codes


def test_several_workers_are_one_and_one_that_died_is_not_forgotten() -> None:
    regions = Regions(2)
    first, second = made(regions.region(0)), made(regions.region(1))
    for metrics, open_ in ((first, 3), (second, 4)):
        metrics.watch(CONNECTIONS, partial(int, open_))
        metrics.note(outcome())
    second.turned(BreakerChange("up/m", State.OPEN))
    second.refresh()
    assert sample(first, "dragoman_connections") == 7
    assert sample(first, "dragoman_breaker_state", target="up/m") == 2
    requests = {"front": "openai-chat", "route": "fast", "status": "2xx", "end": "whole"}
    assert sample(first, "dragoman_requests_total", **requests) == 2
    third = made(succeeded(regions.region(1)))
    assert sample(first, "dragoman_connections") == 3
    assert sample(first, "dragoman_breaker_state", target="up/m") == 0
    third.note(outcome())
    third.refresh()
    assert sample(first, "dragoman_requests_total", **requests) == 3
    assert sample(first, "dragoman_start_time_seconds") == sample(third, "dragoman_start_time_seconds")


def test_what_is_counted_elsewhere_goes_on_in_another_gateway_of_the_process() -> None:
    region = Regions().region(0)
    one, two = made(region), made(region)
    counts = {"one": 3, "two": 2}
    one.watch(LOG_LOST, lambda: counts["one"])
    one.watch(IN_FLIGHT, lambda: counts["one"])
    two.watch(IN_FLIGHT, lambda: counts["two"])
    one.refresh()
    two.refresh()
    assert sample(one, "dragoman_in_flight") == 5
    counts["one"] = 0
    one.close()
    assert sample(one, "dragoman_in_flight") == 2


def test_a_breaker_that_is_no_longer_configured_is_told_no_more() -> None:
    regions = Regions(2)
    one, other = made(regions.region(0)), made(regions.region(1))
    for metrics in (one, other):
        metrics.breakers({"up/m": State.OPEN, "up/n": State.OPEN})
    two = made(regions.region(0))
    two.breakers({"up/n": State.CLOSED})
    two.follow(one)
    assert sample(two, "dragoman_breaker_state", target="up/m") == 2  # the other worker has it still
    third = made(succeeded(regions.region(1)))
    third.breakers({"up/n": State.CLOSED})
    third.follow(other)
    told = [dict(labels)["target"] for name, labels in samples(two) if name == "dragoman_breaker_state"]
    assert told == ["up/n"]
    made(succeeded(regions.region(0))).breakers({"up/n": State.CLOSED})
    assert ("dragoman_breaker_state", "up/m") not in [(name, dict(at).get("target")) for name, at in samples(two)]


def test_what_a_gateway_still_answers_that_was_replaced_is_seen() -> None:
    region = Regions().region(0)
    one, two = made(region), made(region)
    under_way = [2]
    one.watch(IN_FLIGHT, lambda: under_way[0])
    one.refresh()
    two.follow(one)
    one.note(outcome())
    under_way[0] = 1
    assert sample(two, "dragoman_in_flight") == 1
    requests = {"front": "openai-chat", "route": "fast", "status": "2xx", "end": "whole"}
    assert sample(two, "dragoman_requests_total", **requests) == 1
    under_way[0] = 0
    one.close()
    assert sample(two, "dragoman_in_flight") == 0


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=40))
def test_many_together_are_counted_as_one_by_one(seconds: list[float]) -> None:
    together, alone = made(), made()
    for each in seconds:
        told = outcome(ended_at=10.0 + each, first_byte_at=10.0 + each, came_at=10.0, usage=None)
        together.note(told)
        alone.note(told)
        alone.refresh()
    one, other = samples(together), samples(alone)
    counts = {key for key in one if not key[0].endswith(("_sum", "_seconds"))}
    assert {key: one[key] for key in counts} == {key: other[key] for key in counts}
    assert one.keys() == other.keys()
    longer = sum(each > 0.5 for each in ((10.0 + each) - 10.0 for each in seconds))
    above = sample(together, "dragoman_request_duration_seconds_bucket", route="fast", le="0.5")
    assert above == len(seconds) - longer


def test_a_breaker_is_seen_before_it_has_changed() -> None:
    metrics = made()
    metrics.breakers({"up/m": State.CLOSED, "up/n": State.OPEN})
    assert sample(metrics, "dragoman_breaker_state", target="up/m") == 0
    assert sample(metrics, "dragoman_breaker_state", target="up/n") == 2
    for state, number in ((State.OPEN, 2), (State.TRYING, 1), (State.CLOSED, 0)):
        metrics.turned(BreakerChange("up/m", state))
        assert sample(metrics, "dragoman_breaker_state", target="up/m") == number


def test_the_text_says_of_each_family_what_it_is() -> None:
    metrics = made()
    metrics.note(outcome(attempts=(Attempt("down/m", "timeout", 504, ""),), error="truncated"))
    metrics.breakers({"up/m": State.CLOSED})
    for metric in (CONNECTIONS, IN_FLIGHT, LOG_LOST):
        metrics.watch(metric, lambda: 1)
    metrics.refresh()
    text = exposition(metrics.regions).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(families) == len(METRICS)
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        assert family.samples
        for each in family.samples:
            assert set(each.labels) - {"le"} == set(metric.labels)


def test_a_label_is_escaped() -> None:
    (metric,) = (each for each in METRICS if each.name == "dragoman_attempts")
    assert labelled(metric, 'a"b\\c\nd') == r'dragoman_attempts{route="a\"b\\c\nd"}'
