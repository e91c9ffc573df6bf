"""Cassettes in files: the modes, what is written, what is missing, and that chat sites' requests are found again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.client import Client, SyncClient
from dragoman.errors import ConfigurationError, ConnectError, DragomanError
from dragoman.transport.base import Route, read_all
from dragoman.transport.replay import Cassette, RecordMode, TapedTransports
from dragoman.transport.replay.matching import shown
from dragoman.types import ChatResponse, HttpRequest
from tests.support.server import Exchange, serve

CHUNK = 'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}\n\n'
KEY = "sk-0123456789"


async def answer(exchange: Exchange) -> None:
    await exchange.head(200, {"content-type": "text/event-stream"})
    await exchange.chunk((CHUNK % ("one ", "null")).encode())
    await exchange.chunk((CHUNK % (f"two {KEY}", '"stop"')).encode())
    await exchange.chunk(b"data: [DONE]\n\n")
    await exchange.end()


def config(url: str) -> dict[str, Any]:
    return {"providers": {"up": {"protocol": "openai-chat", "url": f"{url}/v1", "api_key": KEY}}}


async def ask(path: Path, url: str, mode: RecordMode = "once", said: str = "hi", **options: Any) -> str:
    async with Client.record(path, config(url), mode=mode) as client:
        reply: ChatResponse = await client.chat("up/m", said, **options)
        return reply.text


async def test_records_once_and_then_plays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "tape.json"
    async with serve(answer) as server:
        assert await ask(path, server.url) == f"one two {KEY}"
        assert len(server.requests) == 1
    hidden = "REDACTED" + "*" * (len(KEY) - 8)
    for mode in ("once", "none"):
        assert await ask(path, "http://127.0.0.1:1", mode) == f"one two {hidden}"
    assert KEY not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_mode_is_refused_whether_there_is_a_file_or_not(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="mode: expected none, once, all, got 'new_episodes'"):
            Client.record(path, mode="new_episodes")  # type: ignore[arg-type]
        Cassette().save(path)


def test_a_client_without_a_loop_plays_what_another_recorded(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    with SyncClient.record(path, config("http://127.0.0.1:1")) as client, pytest.raises(ConnectError):
        client.chat("up/m", "hi")
    with SyncClient.record(path, config("http://127.0.0.1:1"), mode="none") as client:
        with pytest.raises(ConnectError) as again:
            client.chat("up/m", "hi")
        assert again.value.code != "not_in_cassette"
        with pytest.raises(ConnectError, match="all that it held was played") as missing:
            client.chat("up/m", "hi")
        assert missing.value.__notes__ == ["The mode `all` records anew, as does `pytest --dragoman-record=all`."]


async def test_records_anew_if_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    async with serve(answer) as server:
        for said in ("first", "second"):
            await ask(path, server.url, "all", said)
        assert len(server.requests) == 2
    assert len(Cassette.load(path).exchanges) == 1
    with pytest.raises(ConnectError):
        await ask(path, server.url, "none", "first")


@pytest.mark.parametrize("mode", ["once", "all"])
async def test_writes_nothing_if_nothing_was_asked(tmp_path: Path, mode: RecordMode) -> None:
    path = tmp_path / "tape.json"
    async with Client.record(path, {}, mode=mode) as client:
        assert (await client.chat("offline/echo", "hi")).text == "hi"
    assert not path.exists()


async def test_without_a_file_each_call_is_an_error_and_all_else_is_well(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    async with Client.record(path, config("http://127.0.0.1:1"), mode="none") as client:
        assert (await client.chat("offline/echo", "hi")).text == "hi"
        with pytest.raises(ConnectError, match="there is no cassette with POST /v1/chat/completions: record one first"):
            await client.chat("up/m", "hi")
    assert not path.exists()


async def test_what_is_not_in_the_cassette_is_asked_for_once_and_of_no_other_target(tmp_path: Path) -> None:
    tables = config("http://127.0.0.1:1") | {"models": {"fast": {"targets": ["up/m", "offline/echo"]}}}
    async with Client.record(tmp_path / "tape.json", tables, mode="none") as client:
        with pytest.raises(ConnectError) as caught:
            await client.chat("fast", "hi", retries=100)
    assert (caught.value.code, caught.value.retryable) == ("not_in_cassette", False)
    assert len(caught.value.attempts) == 1


def test_what_is_no_cassette_is_said(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    path.write_text("{}}")
    with pytest.raises(ConfigurationError, match="expected a cassette"):
        Client.record(path, {})


@pytest.mark.parametrize(
    ("said", "options", "places"),
    [
        ("other words", {}, "body.messages[0].content"),
        ("other words", {"temperature": 0.5}, "body.messages[0].content, body.temperature"),
        ([{"role": "user", "content": "hi"}, {"role": "user", "content": "more"}], {}, "body.messages[1]"),
        ("hi", {"seed": 2, "top_p": 1}, "body.top_p, body.seed"),
        ("hi", {"stop": ["a", "x", "b"], "seed": 1}, "body.stop[0], body.stop[2]"),
    ],
)
async def test_a_request_that_is_not_there_says_where_the_nearest_differs(
    tmp_path: Path, said: Any, options: dict[str, Any], places: str
) -> None:
    path = tmp_path / "tape.json"
    async with serve(answer) as server:
        async with Client.record(path, config(server.url)) as client:
            await client.chat("up/m", "far away", max_tokens=7, user="u")
            usual: Any = {"stop": ["x"] * 3, "seed": 1} if "stop" in options else {}
            await client.chat("up/m", "hi", **usual)
        with pytest.raises(ConnectError) as caught:
            await ask(path, server.url, "none", said, **options)
    assert caught.value.code == "not_in_cassette"
    expected = f"the cassette holds no further POST /v1/chat/completions; the nearest differs in {places}"
    assert caught.value.message.startswith(expected)
    assert "other words" not in str(caught.value)


async def test_a_request_to_another_path_is_the_farthest(tmp_path: Path) -> None:
    path = tmp_path / "tape.json"
    taped = TapedTransports(path, "once")
    async with serve(answer) as server:
        for place, body in (("/a?x=1", b"[1]"), ("/b", b'{"a": 1}')):
            await read_all(await taped.pick().send(HttpRequest(url=server.url + place, body=body), Route()))
        taped.close()
    played = TapedTransports(path, "none").pick()
    for method, place, body, found in (
        ("POST", "/a?x=2", b"[1, 2]", "query.x, body[1]"),
        ("POST", "/b", b"no JSON", "body"),
        ("GET", "/c", b'{"a": true}', "method, path, body.a"),
    ):
        with pytest.raises(ConnectError, match="the nearest differs in") as caught:
            await played.send(HttpRequest(method=method, url=f"http://elsewhere{place}", body=body), Route())
        assert caught.value.message.endswith(f"the nearest differs in {found}")


def test_many_places_are_counted() -> None:
    assert shown([f"body.{i}" for i in range(6)]) == "body.0, body.1, body.2, body.3, body.4, body.5"
    assert shown([f"body.{i}" for i in range(8)]) == "body.0, body.1, body.2, body.3, body.4, body.5 and 2 more"


SITES: Mapping[str, bytes] = {
    "aibn": b"hello",
    "aichatfree": b"hello",
    "aichatonline": b'{"data":{"message":"hello"}}\n',
    "cromicle": b"hello",
}


@pytest.mark.parametrize("kind", SITES)
async def test_requests_of_chat_sites_are_found_again_and_hold_no_credential(tmp_path: Path, kind: str) -> None:
    async def site(exchange: Exchange) -> None:
        if "getUniqueId" in exchange.request.path:
            await exchange.reply(headers={"content-type": "application/json"}, body=b'{"data":"a-unique-id"}')
        else:
            await exchange.reply(headers={"content-type": "text/plain"}, body=SITES[kind])

    path = tmp_path / "tape.json"
    async with serve(site) as server:
        entry = {"type": kind, "url": server.url}
        entry |= {"password": "a long password"} if kind in {"aibn", "aichatfree"} else {}
        async with Client.record(path, {"providers": {"site": entry}}) as client:
            live = await client.chat("site/gpt-3.5-turbo", "hi")
        count = len(server.requests)
    async with Client.record(path, {"providers": {"site": entry}}, mode="none") as client:
        try:
            played = await client.chat("site/gpt-3.5-turbo", "hi")
        except DragomanError as exc:
            pytest.fail(str(exc))
    assert played.text == live.text
    text = path.read_text()
    exchanges = Cassette.load(path).exchanges
    assert len(exchanges) == count
    pieces = [piece.content.data for each in exchanges for piece in each.pieces]
    bodies = b"".join(pieces) + exchanges[-1].request.body.data
    for hidden in ("a long password", "a-unique-id"):
        assert hidden not in text
        assert hidden.encode() not in bodies
