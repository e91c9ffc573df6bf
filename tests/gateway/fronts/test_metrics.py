"""`/metrics`: who may read it, and that what callers did is in it."""

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from dragoman.config import Config, GatewayConfig
from dragoman.config.values import MetricsAccess
from tests.gateway.test_attempts import good
from tests.support.gateway import ask, connect, running, running_gateway
from tests.support.relaying import PATH, Translating, configured, question
from tests.support.server import serve

KEYED = GatewayConfig(port=0, api_keys=("key-one",))


@pytest.mark.parametrize(
    ("access", "key", "status"),
    [
        ("keys", "key-one", 200),
        ("keys", "key-two", 401),
        ("keys", "", 401),
        ("open", "", 200),
        ("none", "key-one", 404),
    ],
)
async def test_who_may_read_it(access: MetricsAccess, key: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with running_gateway(Config(gateway=replace(KEYED, metrics=access))) as url:
        got = await ask(url, "GET", "/metrics", headers)
    assert got.status == status
    if status == 200:
        assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "key" not in got.text


async def test_what_balancers_and_prometheus_ask_is_no_request_in_a_protocol() -> None:
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        for path in ("/health/live", "/health/ready", "/", "/metrics"):
            await ask(url, "GET", path)
        await ask(url, "POST", "/explain", {"content-type": "application/json"}, b"{}")
        await ask(url, "GET", "/v1/models")
        text = (await ask(url, "GET", "/metrics")).text
    families = text_string_to_metric_families(text)
    (requests,) = [family for family in families if family.name == "dragoman_requests"]
    counted = {each.labels["front"]: each.value for each in requests.samples if each.name.endswith("_total")}
    assert counted == {"health": 2, "root": 1, "metrics": 1, "explain": 1, "openai-chat": 1}


@pytest.mark.parametrize("translating", [True, False])
async def test_what_callers_did_is_in_it(translating: bool) -> None:
    async with serve(good) as service:
        config = configured(service.url, "down/m", "up/m")
        client = Translating(config) if translating else None
        async with running(config, client=client) as up, connect(up.url):
            for stream in (True, False):
                await ask(up.url, "POST", PATH, {}, question("route", stream=stream))
            text = (await ask(up.url, "GET", "/metrics")).text
    found = {
        (each.name, *sorted(each.labels.values())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }
    assert found["dragoman_requests_total", "2xx", "openai-chat", "route", "whole"] == 2
    assert found["dragoman_attempts_failed_total", "connect_error", "down/m"] == 2
    assert found["dragoman_attempts_sum", "route"] == 4
    assert found["dragoman_added_latency_seconds_count", "openai-chat"] == 2
    assert 0 < found["dragoman_added_latency_seconds_sum", "openai-chat"] < 60
    assert found["dragoman_first_token_seconds_count", "up/m"] == 1
    assert found["dragoman_breaker_state", "up/m"] == 0
    assert found["dragoman_connections",] >= 2
    assert found["dragoman_in_flight",] == 1
