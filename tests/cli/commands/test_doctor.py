"""`dragoman doctor`: each service tried, and what is wrong in plain words."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest
import trustme

from dragoman import errors
from dragoman.cli.remedies import CODES, PHASES, remedy
from dragoman.errors import DragomanError, TimeoutError
from tests.cli.shell import DONE, SSE, chunk, configure, run, run_beside
from tests.support.server import Exchange, serve

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DragomanError)][1:]


async def well(exchange: Exchange) -> None:
    await exchange.reply(headers=SSE, body=chunk("OK") + chunk(finish="stop") + DONE)


async def refuses(exchange: Exchange) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}).encode()
    await exchange.reply(401, {"content-type": "application/json"}, body)


async def busy(exchange: Exchange) -> None:
    await exchange.reply(
        429, {"content-type": "application/json", "retry-after": "7"}, b'{"error": {"message": "Slow!"}}'
    )


async def breaks_off(exchange: Exchange) -> None:
    await exchange.head(headers=SSE)
    await exchange.chunk(chunk("O"))


async def silent(exchange: Exchange) -> None:
    await exchange.head(headers=SSE)
    await exchange.chunk(chunk("O"))
    await exchange.closed()


async def wordless(exchange: Exchange) -> None:
    await exchange.reply(headers=SSE, body=chunk(finish="stop") + DONE)


async def moved(exchange: Exchange) -> None:
    await exchange.reply(301, {"location": "https://service.example/v1"})


async def test_a_service_that_sends_elsewhere_is_a_matter_of_the_url(tmp_path: Path) -> None:
    async with serve(moved) as service:
        configure(tmp_path, {"up": service.url})
        ran = await run_beside(tmp_path, "doctor")
    assert b"got a redirect (301)" in ran.out
    assert CODES["upstream_redirect"].encode() in ran.out


def test_with_nothing_configured_it_tries_the_offline_model(tmp_path: Path) -> None:
    ran = run(tmp_path, "doctor")
    assert ran.code == 0
    assert ran.out.startswith(b"ok    offline  eliza")
    assert b"[providers.up]" in ran.out


async def test_with_nothing_configured_it_tries_those_whose_key_is_in_the_environment(tmp_path: Path) -> None:
    async with serve(well) as service:
        found = {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": service.url}
        ran = await run_beside(tmp_path, "doctor", env=found)
        named = await run_beside(tmp_path, "doctor", "openai", env=found)
    assert ran.code == named.code == 0
    assert ran.out.startswith(b"ok    openai  " + service.url.encode())
    assert b"offline" not in ran.out
    assert b"`dragoman init` writes" in ran.out
    assert named.out.count(b"\n") == 1


async def test_says_of_each_service_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    async with (
        serve(well) as good,
        serve(refuses) as locked,
        serve(breaks_off) as broken,
        serve(wordless) as empty,
    ):
        urls = {"good": good.url, "locked": locked.url, "broken": broken.url, "empty": empty.url}
        configure(tmp_path, urls | {"nobody": "http://127.0.0.1:1"})
        ran = await run_beside(tmp_path, "doctor")
        as_json = await run_beside(tmp_path, "doctor", "--json")
    assert (ran.code, as_json.code) == (1, 1)
    lines = ran.out.decode().splitlines()
    assert lines[0] == f"configuration: {tmp_path / 'dragoman.toml'}"
    assert lines[1].startswith("ok    good    test  http://127.0.0.1:")
    assert "first text after" in lines[1]
    assert lines[2].startswith("FAIL  locked")
    assert "Incorrect API key" in lines[3]
    assert "api_key" in lines[4]
    assert b"sk-very-secret" not in ran.out + as_json.out
    found = {checkup["provider"]: checkup for checkup in json.loads(as_json.out)["providers"]}
    assert list(found) == ["good", "locked", "broken", "empty", "nobody"]
    assert [checkup["ok"] for checkup in found.values()] == [True, False, False, False, False]
    assert [checkup["error"] for checkup in found.values()] == [
        None,
        "AuthenticationError",
        "TruncatedStreamError",
        "UpstreamError",
        "ConnectError",
    ]
    assert found["nobody"]["problem"] == "127.0.0.1:1: no connection: Connection refused"
    assert [checkup["reachable"] for checkup in found.values()] == [True, True, True, True, False]
    assert found["broken"]["first_text"] > 0
    assert found["broken"]["whole"] is None
    assert found["empty"]["problem"] == "expected an answer, got one with neither content nor a tool call"
    assert found["empty"]["remedy"] == "Name a model that chats (`default_model`)."


async def test_names_the_proxy_without_its_password(tmp_path: Path) -> None:
    configure(tmp_path, {"far": "http://service.example", "near": "http://127.0.0.1:1"})
    async with serve(well) as proxy:
        env = {"HTTP_PROXY": f"http://ada:lovelace@127.0.0.1:{proxy.port}"}
        ran = await run_beside(tmp_path, "doctor", env=env)
        as_json = await run_beside(tmp_path, "doctor", "--json", env=env)
    name = f"http://127.0.0.1:{proxy.port}"
    _, far, near, *_ = ran.out.decode().splitlines()
    assert far.startswith("ok")
    assert f"through {name}" in far
    assert "through" not in near
    assert b"lovelace" not in ran.out + as_json.out
    found = {each["provider"]: each["proxy"] for each in json.loads(as_json.out)["providers"]}
    assert found == {"far": name, "near": None}


async def test_a_certificate_that_nobody_here_trusts_leads_to_ca_file(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with serve(well, context) as server:
        configure(tmp_path, {"up": server.url})
        ran = await run_beside(tmp_path, "doctor")
    assert b"CERTIFICATE_VERIFY_FAILED" in ran.out
    assert b"`ca_file`" in ran.out


async def test_says_when_to_try_again(tmp_path: Path) -> None:
    async with serve(busy) as server:
        configure(tmp_path, {"up": server.url})
        ran = await run_beside(tmp_path, "doctor")
        as_json = await run_beside(tmp_path, "doctor", "--json")
    assert b"      429, rate limited, try again in 7 s: Slow!\n" in ran.out
    (checkup,) = json.loads(as_json.out)["providers"]
    assert (checkup["error"], checkup["status"], checkup["retry_after"]) == ("RateLimitError", 429, 7)


async def test_a_service_that_falls_silent_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    async with serve(silent) as server:
        configure(tmp_path, {"up": server.url})
        ran = await run_beside(tmp_path, "doctor", "--timeout", "0.5")
        await server.peer_closed()
    assert ran.code == 1
    assert b"no whole answer within 0.5 s" in ran.out


async def test_all_services_are_asked_at_the_same_time(tmp_path: Path) -> None:
    asked: set[str] = set()
    both = asyncio.Event()

    async def waits_for_the_other(exchange: Exchange) -> None:
        asked.add(exchange.request.headers["host"])
        if len(asked) == 2:
            both.set()
        await both.wait()
        await well(exchange)

    async with serve(waits_for_the_other) as one, serve(waits_for_the_other) as two:
        configure(tmp_path, {"one": one.url, "two": two.url})
        ran = await run_beside(tmp_path, "doctor")
    assert ran.code == 0


async def test_without_a_known_model_it_says_to_name_one(tmp_path: Path) -> None:
    async def unknown(exchange: Exchange) -> None:
        body = b'{"error": {"message": "you must provide a model parameter"}}'
        await exchange.reply(400, {"content-type": "application/json"}, body)

    async with serve(unknown) as server:
        entry = f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}"\n'
        (tmp_path / "dragoman.toml").write_text(entry)
        ran = await run_beside(tmp_path, "doctor")
        assert b"No model of it is known to try: name one with `default_model`." in ran.out
        (tmp_path / "dragoman.toml").write_text(entry + '[models.fast]\ntargets = ["up/routed"]\n')
        await run_beside(tmp_path, "doctor")
        assert [json.loads(request.body)["model"] for request in server.requests if request.body] == ["", "routed"]


async def test_without_a_known_model_the_first_that_chats_is_tried_of_those_that_the_service_lists(
    tmp_path: Path,
) -> None:
    async def lists(exchange: Exchange) -> None:
        if not exchange.request.body:
            body = json.dumps({"data": [{"id": "text-embedding-1"}, {"id": "chat-1"}, {"id": "chat-2"}]}).encode()
            await exchange.reply(200, {"content-type": "application/json"}, body)
        else:
            await well(exchange)

    async with serve(lists) as server:
        (tmp_path / "dragoman.toml").write_text(f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}"\n')
        ran = await run_beside(tmp_path, "doctor")
    assert b"ok    up  chat-1  " in ran.out


def test_only_the_named_services_are_tried(tmp_path: Path) -> None:
    configure(tmp_path, {"nobody": "http://127.0.0.1:1"})
    assert run(tmp_path, "doctor", "offline").code == 0
    ran = run(tmp_path, "doctor", "ofline")
    assert ran.code == 2
    assert "did you mean offline?" in ran.err


def test_what_a_wrong_setting_kept_from_being_tried_is_not_called_unreachable(tmp_path: Path) -> None:
    ran = run(tmp_path, "doctor", "openaicompatible")
    assert ran.code == 1
    assert b"expected a `url`, for instance" in ran.out
    assert b"not reachable" not in ran.out
    (checkup,) = json.loads(run(tmp_path, "doctor", "openaicompatible", "--json").out)["providers"]
    assert (checkup["error"], checkup["reachable"]) == ("ConfigurationError", None)


async def test_a_wait_that_was_too_long_is_named(tmp_path: Path) -> None:
    async def deaf(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(deaf) as server:
        entry = f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}"\ntimeouts = {{ first_byte = 0.1 }}\n'
        (tmp_path / "dragoman.toml").write_text(entry)
        ran = await run_beside(tmp_path, "doctor")
    assert PHASES["first_byte"].encode() in ran.out


async def test_a_certificate_of_nobody_known_asks_for_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with serve(well, context) as server:
        configure(tmp_path, {"up": server.url})
        ran = await run_beside(tmp_path, "doctor")
    assert CODES["tls_error"].encode() in ran.out


@pytest.mark.parametrize("kind", [DragomanError, *KINDS])
def test_there_is_something_to_do_about_every_error(kind: type[DragomanError]) -> None:
    words = remedy(TimeoutError("x", phase="tls") if kind is TimeoutError else kind("x"))
    assert words.endswith((".", "?"))
    assert (kind is DragomanError) == (words == remedy(DragomanError("x")))
