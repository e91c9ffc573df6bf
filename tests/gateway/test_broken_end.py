"""How an answer that broke off ends: with its failure, with no end mark, and then as the setting says."""

import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.config import BrokenEnd, FrontConfig, load
from dragoman.errors import ConfigurationError
from dragoman.protocols.webchat.cromicle import digest
from dragoman.protocols.webchat.signature import sign
from dragoman.wire import javascript, json
from tests.support.gateway import ask, running_gateway
from tests.support.raw import post as http
from tests.support.raw import talk
from tests.support.relaying import DONE, EVENTS, GATEWAY, PATH, Script, all_paths, configured, post, question, turn
from tests.support.server import Exchange, serve

BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
ERROR = b'data: {"error":{"message":"It broke.","type":"server_error","code":null}}\n\n'


def broken(*data: bytes, end: str) -> Script:
    """These pieces, then a clean end of the transfer, FIN or RST."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for piece in data:
            await exchange.chunk(piece)
            await turn()
        if end == "clean":
            await exchange.end()
        elif end == "reset":
            exchange.reset()

    return script


@pytest.mark.parametrize("end", ["clean", "fin", "reset"])
@pytest.mark.parametrize("data", [(BEGUN,), (BEGUN, ERROR), (BEGUN + ERROR,)])
@pytest.mark.parametrize("setting", [None, "clean", "cut"])
async def test_a_failure_is_said_and_the_transfer_ends_as_set(
    setting: BrokenEnd | None, data: tuple[bytes, ...], end: str
) -> None:
    async with all_paths(gateway=replace(GATEWAY, broken_end=setting)) as all_ways:
        said = await all_ways.compare(broken(*data, end=end), stream=True)
        assert (said.status, said.clean, said.marked) == (200, setting != "cut", False)
        assert (said.parts, said.finish_reason) == ((("Text", "half"),), None)
        assert said.error is not None
        for url in (all_ways.relay, all_ways.translate, all_ways.asgi):
            got = await post(url, question(stream=True))
            assert got.body.count(b'"error"') == 1
            assert b'"finish_reason":"' not in got.body


async def test_a_clean_end_leaves_no_complaint_in_the_servers_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with all_paths() as all_ways:
        await all_ways.compare(broken(BEGUN, end="reset"), stream=True)
    assert [record for record in caplog.records if not record.name.startswith("dragoman.")] == []


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("setting", ["clean", "cut"])
async def test_the_request_log_calls_it_broken_however_it_ends(
    tmp_path: Path, setting: BrokenEnd, stream: bool
) -> None:
    where = tmp_path / "log"
    async with all_paths(gateway=replace(GATEWAY, broken_end=setting, request_log=str(where))) as all_ways:
        await all_ways.compare(broken(BEGUN, end="reset"), stream=stream)
    lines = [json.decode_event(line) for line in where.read_bytes().splitlines()]
    assert [(line["end"], line["error"]) for line in lines] == [("broken" if stream else "whole", "truncated")] * 3


async def test_a_connection_serves_on_after_a_clean_end() -> None:
    async with serve(broken(BEGUN, end="fin")) as service, running_gateway(configured(service.url)) as url:
        body = question(stream=True)
        ask_twice = (http(body, PATH), http(body, PATH, b"Connection: close"))
        got = await talk(url, b"".join(ask_twice))
    assert [each.clean for each in got] == [True, True]
    assert all(b'"truncated"' in each.body and DONE not in each.body for each in got)


QUESTIONS: dict[str, tuple[str, dict[str, object]]] = {
    "cromicle": ("/cromicle/chat", {"message": "hi", "token": "abc", "hash": digest("hi")}),
    "aibn": (
        "/aibn/api/generate",
        {"messages": [{"role": "user", "content": "hi"}], "time": 1, "sign": sign(1, "hi", ""), "pass": None},
    ),
    "aichatonline": ("/aichatonline/aichatonline/api/chat/gpt", {"prompt": "hi"}),
}


@pytest.mark.parametrize(
    ("name", "gateway", "front", "clean"),
    [
        ("cromicle", None, None, False),
        ("cromicle", "clean", "clean", False),  # it has no words: only the cut tells
        ("aibn", None, None, True),
        ("aibn", "cut", None, False),
        ("aibn", "cut", "clean", True),
        ("aibn", None, "cut", False),
        ("aichatonline", None, None, False),
        ("aichatonline", "clean", None, True),
    ],
)
async def test_each_front_has_its_own_end(
    name: str, gateway: BrokenEnd | None, front: BrokenEnd | None, clean: bool
) -> None:
    path, asked = QUESTIONS[name]
    async with serve(broken(BEGUN, end="reset")) as service:
        config = configured(service.url, gateway=replace(GATEWAY, broken_end=gateway))
        fronts = {name: FrontConfig(model="up/m", broken_end=front, secret="")}
        async with running_gateway(replace(config, fronts=fronts)) as url:
            got = await ask(url, "POST", path, {"UniqueId": "x"}, javascript.stringify(asked))
    assert (got.status, got.clean) == (200, clean)
    assert b"half" in got.body


def test_another_word_for_the_end_is_refused(tmp_path: Path) -> None:
    where = tmp_path / "dragoman.toml"
    where.write_text('[gateway]\nbroken_end = "cleen"\n')
    with pytest.raises(ConfigurationError, match=r"broken_end.*did you mean clean"):
        load(where)
