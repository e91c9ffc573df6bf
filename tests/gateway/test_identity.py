"""Who asks: keys, and what opens without one."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from dragoman.config import Config, FrontConfig, GatewayConfig
from dragoman.gateway.identity import Keys, shown_by
from dragoman.types import Identity, ServerRequest
from dragoman.wire import json
from tests.support.gateway import LOCAL, Got, ask, chat, chat_body, connect, running, running_gateway

CHAT = "/v1/chat/completions"
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one", "key-two")))
GOOD = {"Authorization": "Bearer key-one"}


def error(got: Got) -> dict[str, object]:
    """What an answer in OpenAI's envelope says."""
    value: dict[str, object] = json.decode_event(got.body)["error"]
    return value


def headed(*fields: tuple[bytes, bytes]) -> ServerRequest:
    return ServerRequest(method="POST", path=CHAT, headers=fields)


async def test_a_known_key_opens() -> None:
    known: list[dict[str, str]] = [
        {"Authorization": "Bearer key-one"},
        {"authorization": "bearer  key-two"},
        {"x-api-key": "key-one"},
        {"api-key": "key-two"},
        {"Authorization": "Bearer key-one", "x-api-key": "key-one"},
        {"Authorization": "Basic a2V5", "x-api-key": "key-one"},
        {"x-goog-api-key": "key-one"},
        {
            "Authorization": "Bearer ",
            "api-key": "key-one",
        },  # OpenAI's SDK with `api_key=""`, and a header of the user's
        {"Authorization": "Bearer key-one", "x-api-key": " "},
    ]
    async with running_gateway(KEYED) as url:
        for headers in known:
            assert (await chat(url, "text: hi", headers=headers)).status == 200, headers
        assert (await ask(url, "GET", "/v1/models?a=b&key=key-two")).status == 200
        assert (await ask(url, "GET", "/v1/models?key=key-one", GOOD)).status == 200
        for path in ("/v1/models?key=key-tw", "/v1/models?keys=key-two", "/v1/models?key="):
            assert (await ask(url, "GET", path)).status == 401, path
        assert (await ask(url, "GET", "/v1/models?key=key-two", GOOD)).status == 400


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


@pytest.mark.parametrize(
    ("header", "value"), [("Authorization", "Bearer shown"), ("X-Api-Key", "shown"), ("Api-Key", " shown")]
)
def test_a_key_is_told_by_its_fingerprint(header: str, value: str) -> None:
    assert shown_by(headed((header.lower().encode(), value.encode()))).fingerprint == sha256(b"shown").hexdigest()[:8]


@pytest.mark.parametrize("headers", [(), ((b"host", b"localhost"),), ((b"authorization", b"Basic eA=="),)])
def test_no_key_has_no_fingerprint(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert shown_by(headed(*headers)).fingerprint == ""


@pytest.mark.parametrize("first", [(b"authorization", b"Bearer "), (b"x-api-key", b""), (b"authorization", b"Basic a")])
def test_a_field_without_a_key_hides_no_other(first: tuple[bytes, bytes]) -> None:
    assert shown_by(headed(first, (b"api-key", b"key-one"))) == shown_by(headed((b"api-key", b"key-one")))


async def test_a_key_that_is_taken_away_is_refused_on_an_open_connection_too() -> None:
    async with running(KEYED) as up, connect(up.url) as wire:

        async def status(key: str) -> int:
            wire.send("POST", CHAT, {"x-api-key": key}, chat_body("text: hi"))
            return (await wire.answer()).status

        assert [await status("key-one") for _ in range(3)] == [200, 200, 200]
        up.gateway.keys.replace(("key-two",))
        assert [await status("key-one") for _ in range(2)] == [401, 401]
        assert [await status("key-two") for _ in range(3)] == [200, 200, 200]
        up.gateway.keys.replace(("key-one",))
        assert [await status("key-two"), await status("key-one")] == [401, 200]


async def test_without_the_last_key_nobody_may_call() -> None:
    async with running(KEYED) as up, connect(up.url) as wire:
        up.gateway.keys.replace(())
        for headers in ({}, GOOD):
            wire.send("POST", CHAT, headers, chat_body("text: hi"))
            assert (await wire.answer()).status == 401


async def test_a_first_key_shuts_connections_that_were_open_to_anybody() -> None:
    async with running(LOCAL) as up, connect(up.url) as wire:
        for expected in (200, 200, 401):
            if expected == 401:
                up.gateway.keys.replace(("key-one",))
            wire.send("POST", CHAT, {}, chat_body("text: hi"))
            assert (await wire.answer()).status == expected


def test_who_showed_a_key_of_ours_is_known() -> None:
    keys = Keys(("key-one",))
    call = ServerRequest(method="GET", path="/", headers=((b"x-api-key", b"key-one"),))
    assert shown_by(call).known is False
    assert keys.check(call) == keys.check(call) == Identity(sha256(b"key-one").hexdigest()[:8], known=True)
