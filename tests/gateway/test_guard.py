"""Who may call: keys, host names, sites, and where the gateway may listen."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from dragoman.config import Config, FrontConfig, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import Gateway
from dragoman.gateway.guard import check_exposure, exposed
from dragoman.wire import json
from tests.support.gateway import LOCAL, Got, ask, chat, chat_body, running_gateway

KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one", "key-two")))
GOOD = {"Authorization": "Bearer key-one"}


def error(got: Got) -> dict[str, object]:
    """What an answer in OpenAI's envelope says."""
    value: dict[str, object] = json.decode_event(got.body)["error"]
    return value


async def test_a_known_key_opens() -> None:
    known: list[dict[str, str]] = [
        {"Authorization": "Bearer key-one"},
        {"authorization": "bearer  key-two"},
        {"x-api-key": "key-one"},
        {"api-key": "key-two"},
        {"Authorization": "Bearer key-one", "x-api-key": "key-one"},
        {"Authorization": "Basic a2V5", "x-api-key": "key-one"},
    ]
    async with running_gateway(KEYED) as url:
        for headers in known:
            assert (await chat(url, "text: hi", headers=headers)).status == 200, headers


async def test_no_key_or_a_wrong_one_is_refused_in_openais_envelope() -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer key-on"},
        {"Authorization": "key-one"},
        {"x-api-key": "KEY-ONE"},
        {"Authorization": "Bearer "},
    ]
    async with running_gateway(KEYED) as url:
        for headers in wrong:
            got = await chat(url, "text: hi", headers=headers)
            assert got.status == 401, headers
            assert got.headers["www-authenticate"] == "Bearer"
            assert error(got)["code"] == "invalid_api_key"
            assert "key-on" not in got.text
        for method, path in [("GET", "/v1/models"), ("GET", "/v1/nothing"), ("DELETE", "/v1/models"), ("GET", "/")]:
            assert (await ask(url, method, path)).status == 401, path
        assert (await ask(url, "GET", "/v1/models", GOOD)).status == 200


async def test_a_keys_digest_is_no_key() -> None:
    async with running_gateway(KEYED) as url:
        digest = sha256(b"key-one").hexdigest()
        assert (await chat(url, "text: hi", headers={"x-api-key": digest})).status == 401


async def test_two_different_keys_are_refused() -> None:
    async with running_gateway(KEYED) as url:
        got = await chat(url, "text: hi", headers=GOOD | {"x-api-key": "key-two"})
    assert got.status == 400
    assert error(got)["code"] == "ambiguous_api_key"


async def test_health_needs_no_key() -> None:
    async with running_gateway(KEYED) as url:
        assert (await ask(url, "GET", "/health/live")).status == 200
        assert (await ask(url, "GET", "/health/ready")).status == 200


async def test_web_chats_without_a_password_of_their_own_need_a_key() -> None:
    question = b'{"message": "hi"}'
    async with running_gateway(KEYED) as url:
        refused = await ask(url, "POST", "/aibn/api/generate", body=b"{}")
        assert (refused.status, set(json.decode_event(refused.body)["error"])) == (401, {"message"})
        assert (await ask(url, "POST", "/aichatfree/api/generate", body=b"{}")).status == 401
        assert (await ask(url, "GET", "/aichatonline/api/v1/user/getUniqueId")).status == 401
        assert (await ask(url, "POST", "/cromicle/chat", body=question)).status == 401
        opened = await ask(url, "POST", "/aibn/api/generate", GOOD, b"{}")
        assert opened.text == '{"error":{"message":"No input text."}}'
        assert (await ask(url, "GET", "/aichatonline/api/v1/user/getUniqueId", GOOD)).status == 200


async def test_a_web_chats_own_password_or_a_key_opens() -> None:
    config = replace(KEYED, fronts={"aibn": FrontConfig(password="hunter2")})
    body = b'{"messages": [{"role": "user", "content": "x"}], "pass": "%b"}'
    async with running_gateway(config) as url:
        wrong = await ask(url, "POST", "/aibn/api/generate", body=body % b"no")
        right = await ask(url, "POST", "/aibn/api/generate", body=body % b"hunter2")
        keyed = await ask(url, "POST", "/aibn/api/generate", GOOD, body % b"no")
    assert "Invalid password." in wrong.text
    assert "Invalid signature." in right.text
    assert "Invalid signature." in keyed.text


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


async def test_a_page_of_another_site_is_refused_unless_it_shows_a_key() -> None:
    async with running_gateway(LOCAL) as url:
        own = await chat(url, "text: hi", headers={"Origin": url})
        foreign = [await chat(url, "text: hi", headers={"Origin": site}) for site in ("https://evil.example", "null")]
        form = await ask(url, "POST", "/cromicle/chat", {"Origin": "https://evil.example"}, b"{}")
    async with running_gateway(KEYED) as url:
        keyed = await chat(url, "text: hi", headers=GOOD | {"Origin": "https://evil.example"})
    assert own.status == keyed.status == 200
    assert [error(got)["code"] for got in foreign] == ["foreign_origin"] * 2
    assert [got.status for got in foreign] == [403, 403]
    assert form.status == 403
    assert not any(name.startswith("access-control") for name in keyed.headers)


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


async def test_no_secret_is_shown_or_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    canaries = ("canary-key-7261", "canary-prompt-9313")
    headers = {"Authorization": f"Bearer {canaries[0]}"}
    caplog.set_level("DEBUG")
    async with running_gateway(KEYED) as url:
        refused = await chat(url, canaries[1], headers=headers)
    async with running_gateway() as url:
        bad = await ask(url, "POST", "/v1/chat/completions", headers, b'{"model": 1, "%b": ' % canaries[1].encode())
        wrong = await ask(url, "POST", "/v1/chat/completions", headers, chat_body(canaries[1], temperature=canaries[1]))
        broken = await chat(url, f"text: {canaries[1]}\ncut", headers=headers)
    out = capfd.readouterr()
    seen = [caplog.text, out.out, out.err, *(got.text for got in (refused, bad, wrong, broken))]
    assert not [text for text in seen for canary in canaries if canary in text]


def test_a_front_that_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibm: there is no front 'aibm'; did you mean aibn"):
        Gateway(Config(fronts={"aibm": FrontConfig(password="hunter2")}))


def test_a_front_whose_model_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibn\.model: .*elisa.*eliza"):
        Gateway(Config(fronts={"aibn": FrontConfig(model="offline/elisa")}))
