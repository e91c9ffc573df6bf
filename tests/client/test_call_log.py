"""The lines of the logger `dragoman`: who failed and why, who answers, and no word of what was said."""

import logging

import pytest

from dragoman import Client
from dragoman.config import from_tables
from dragoman.errors import OverloadedError

ROUTE = {"models": {"fast": {"targets": ["offline/script", "offline/echo"]}}}
FAILED = ("INFO", "offline/script failed: overloaded (status 503)")


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "dragoman"]


async def test_who_failed_before_the_one_that_answers_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dragoman")
    async with Client(from_tables(ROUTE)) as client:
        await client.chat("fast", "error: 503 a secret")
        await client.stream("fast", "error: 503 a secret").response()
    assert lines(caplog) == [FAILED, ("DEBUG", "offline/echo answers (status none)")] * 2


async def test_each_attempt_and_each_wait_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman")
    async with Client(from_tables({}), random=lambda: 0.0, retries=1) as client:
        with pytest.raises(OverloadedError):
            await client.chat("offline/script", "error: 503 a secret")
    assert lines(caplog) == [FAILED, ("INFO", "asking again in 0.0 s"), FAILED]


async def test_what_is_no_chat_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman")
    up = {"protocol": "openai-chat", "url": "http://127.0.0.1:9/v1", "api_key": "canary-0f-a-key"}
    tables = {"providers": {"up": up}, "models": {"fast": {"targets": ["up/m", "offline/echo"]}}}
    async with Client(from_tables(tables)) as client:
        await client.embed("fast", "a secret")
    assert lines(caplog) == [("INFO", "up/m failed: connect_error (status 502)")]


async def test_nothing_is_printed_if_nobody_asks_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    async with Client(from_tables(ROUTE)) as client:
        await client.chat("fast", "error: 503 a secret")
    assert capfd.readouterr() == ("", "")


async def test_that_a_tool_failed_is_said_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def fails(what: str) -> str:
        raise ValueError(what)

    caplog.set_level(logging.INFO, "dragoman")
    script = 'tool: fails {"what": "a secret"}\ntool: a_secret {}\n---\ntext: done'
    async with Client(from_tables({})) as client:
        await client.run("offline/script", script, tools=[fails]).response()
    assert sorted(lines(caplog)) == [
        ("INFO", "the tool fails failed: ValueError"),
        ("INFO", "the tool of an unknown name failed: InvalidRequestError"),
    ]
