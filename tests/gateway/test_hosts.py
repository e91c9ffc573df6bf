"""The names under which the gateway is called, and where it may listen."""

import pytest
from msgspec.structs import replace

from dragoman.config import Config, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway.hosts import check_exposure, exposed
from tests.support.gateway import ask, running_gateway
from tests.support.raw import talk

KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one", "key-two")))
GOOD = {"Authorization": "Bearer key-one"}


async def test_answers_only_under_its_own_names() -> None:
    hosts = {
        "127.0.0.1:{port}": 200,
        "localhost": 200,
        "LOCALHOST.:{port}": 200,
        "[::1]:{port}": 200,
        "gate.example": 200,
        "evil.example:{port}": 421,
        "127.0.0.1.evil.example": 421,
        "[::2]": 421,
        "127.0.0.1:": 200,
        "127.0.0.1:x": 421,
        "127.0.0.1:80@evil.example": 421,
        "127.0.0.1:80/health?a=": 421,
        "127.0.0.1:{port}#": 421,
        "me@127.0.0.1": 421,
        "127.0.0.1:80:80": 421,
        "[::1]evil.example": 421,
        "[::1]:80@evil.example": 421,
        "[::1": 421,
        "::1": 421,
        "": 400,
    }
    config = Config(gateway=GatewayConfig(port=0, allowed_hosts=("Gate.example",)))
    async with running_gateway(config) as url:
        for host, status in hosts.items():
            said = host.format(port=url.rpartition(":")[2])
            assert (await ask(url, "GET", "/v1/models", {"Host": said})).status == status, host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "8.8.8.8", "fe80::1", "10.0.0.1"])
def test_other_machines_are_not_let_in_without_a_key(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no key is asked.*gateway\.api_keys.*127\.0\.0\.1") as caught:
        check_exposure(Config(gateway=GatewayConfig(host=host)))
    assert "gateway.host" in str(caught.value)
    check_exposure(Config(gateway=GatewayConfig(host=host, api_keys=("key",))))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_itself_is_let_in_without_a_key(host: str) -> None:
    assert not exposed(host)
    check_exposure(Config(gateway=GatewayConfig(host=host)))


def test_a_host_that_is_none_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"expected an address of this machine, got 'a\.\.b'"):
        check_exposure(Config(gateway=GatewayConfig(host="a..b")))


async def test_other_machines_names_are_free_where_keys_are_asked() -> None:
    config = Config(gateway=GatewayConfig(host="0.0.0.0", port=0, api_keys=("key-one",)))
    async with running_gateway(config) as url:
        assert (await ask(url, "GET", "/v1/models", GOOD | {"Host": "any.example"})).status == 200
    named = replace(config, gateway=replace(config.gateway, allowed_hosts=("one.example",)))
    async with running_gateway(named) as url:
        assert (await ask(url, "GET", "/v1/models", GOOD | {"Host": "any.example"})).status == 421
        assert (await ask(url, "GET", "/v1/models", GOOD | {"Host": "one.example"})).status == 200


async def test_health_is_told_to_probes_that_ask_by_an_address_or_by_no_name_and_nothing_else_is() -> None:
    config = Config(gateway=GatewayConfig(port=0, api_keys=("key-one",), allowed_hosts=("one.example",)))
    async with running_gateway(config) as url:
        for path, status in (("live", 200), ("ready", 200), ("other", 421), ("live/x", 421)):
            got = [await ask(url, "GET", f"/health/{path}", {"Host": "10.1.2.3:8642"})]
            got += await talk(url, f"GET /health/{path} HTTP/1.0\r\n\r\n".encode())
            assert [each.status for each in got] == [status, status], path
        for path in ("/v1/models", "/metrics", "/"):
            assert (await ask(url, "GET", path, GOOD | {"Host": "10.1.2.3:8642"})).status == 421
