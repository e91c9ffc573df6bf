"""A model that calls functions: what it is told, what the caller sees, and what is never run."""

import asyncio
import json
import sys
import threading
from typing import Any

import pytest

from dragoman import Client, SyncClient, function_tool
from dragoman.config import Config, ProviderConfig
from dragoman.errors import (
    InvalidRequestError,
    TimeoutError,
    TruncatedStreamError,
    TurnLimitError,
)
from dragoman.types import HostedTool, Image, PartDelta, Text, Tool, ToolEnd, ToolResult, ToolStart, tool_result, user
from tests.support.canned import CannedReply, CannedTransport

ASK = 'text: I look.\ntool: look {"at": 1}'


def look(at: int) -> str:
    """Looks at a place."""
    return f"{at} is empty"


def failing(at: int) -> str:
    raise KeyError(f"no {at}")


def results(messages: Any) -> list[ToolResult]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolResult)]


def said(result: ToolResult) -> str:
    return "".join(part.text for part in result.parts if isinstance(part, Text))


async def test_a_model_gets_the_results_of_its_calls_until_it_is_at_its_end() -> None:
    async with Client(Config()) as client:
        run = client.run("offline/script", ASK, tools=[look])
        events = [event async for event in run]
        reply = await run.response()
    assert reply.text == "1 is empty"
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "assistant"]
    assert [turn.finish_reason for turn in run.turns] == ["tool_call", "stop"]
    assert [type(event) for event in events if isinstance(event, ToolStart | ToolEnd)] == [ToolStart, ToolEnd]
    assert "".join(event.text for event in events if isinstance(event, PartDelta)) == 'I look.{"at": 1}1 is empty'


async def test_the_text_of_a_run_is_that_of_all_its_answers() -> None:
    async with Client(Config()) as client:
        texts = [text async for text in client.run("offline/script", ASK, tools=[look]).text]
    assert "".join(texts) == "I look.1 is empty"


async def test_a_loop_by_hand_gives_back_what_a_tool_gave() -> None:
    def picture() -> list[Any]:
        return [Text(text="seen"), Image(data="UE5H", media_type="image/png")]

    tool = function_tool(picture)
    async with Client(Config()) as client:
        reply = await client.chat("offline/script", "tool: picture {}", tools=[tool])
        (call,) = reply.tool_calls
        message = tool_result(call, await tool.call(call.arguments))
        (result,) = results([message])
        assert (result.id, said(result), len(result.parts)) == (call.id, "seen", 2)
        turns = [user("tool: picture {}"), reply.message, message, user("text: So.")]
        again = await client.chat("offline/script", turns, tools=[tool])
    assert again.text == "So."


async def test_a_run_goes_on_where_another_ended() -> None:
    async with Client(Config()) as client:
        run = client.run("offline/script", ASK, tools=[look], system="Be brief.")
        await run.response()
        further: list[Any] = [*run.messages, {"role": "user", "content": "text: bye"}]
        assert (await client.run("offline/script", further, tools=[look]).response()).text == "bye"


async def test_calls_of_one_answer_run_at_the_same_time_and_go_back_in_their_order() -> None:
    other = asyncio.Event()

    async def first() -> str:
        await other.wait()
        return "1"

    async def second() -> str:
        other.set()
        return "2"

    async with Client(Config()) as client:
        run = client.run("offline/script", "tool: first {}\ntool: second {}", tools=[first, second])
        assert len([event async for event in run if isinstance(event, ToolEnd)]) == 2
    assert [said(result) for result in results(run.messages)] == ["1", "2"]


async def test_many_plain_functions_run_at_the_same_time_too() -> None:
    together = threading.Barrier(80, timeout=10)

    def meet() -> str:
        together.wait()
        return "met"

    async with Client(Config()) as client:
        run = client.run("offline/script", "\n".join(["tool: meet {}"] * 80), tools=[meet])
        await run.response()
    assert {said(result) for result in results(run.messages)} == {"met"}


FAILED: list[tuple[str, type[Exception], str]] = [
    ('tool: failing {"at": 1}', KeyError, "KeyError: 'no 1'"),
    ('tool: failing {"at": "x"}', InvalidRequestError, "Expected `int`, got `str` - at `$.at`"),
    ("tool: fail {}", InvalidRequestError, "there is no tool 'fail'; did you mean failing? (failing)"),
]


@pytest.mark.parametrize(("ask", "kind", "words"), FAILED)
async def test_what_fails_is_told_to_the_model_and_to_the_caller(ask: str, kind: type[Exception], words: str) -> None:
    async with Client(Config()) as client:
        run = client.run("offline/script", ask, tools=[failing])
        (end,) = [event async for event in run if isinstance(event, ToolEnd)]
    assert isinstance(end.error, kind)
    assert end.result.is_error
    assert [said(result) for result in results(run.messages)] == [words]
    assert len(run.turns) == 2


CALL = (
    b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function",'
    b'"function":{"name":"look","arguments":"{\\"at\\": 1}"}}]}}]}\n\n'
)


WORD = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'


def ended(reason: str) -> bytes:
    end = {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode()


def up(*answers: list[bytes]) -> Client:
    """A client whose service gives these answers, one after another."""
    replies = [CannedReply([[piece] for piece in answer], media_type="text/event-stream") for answer in answers]
    config = Config(providers={"up": ProviderConfig(protocol="openai-chat", url="http://up/v1")})
    return Client(config, transport=CannedTransport(*replies), retries=0)


async def test_a_run_stops_at_its_limit_of_answers() -> None:
    ran: list[int] = []
    run = up(*[[CALL, ended("tool_calls")]] * 3).run("up/m", "x", tools=[noting(ran)], max_turns=3)
    for _ in range(2):
        with pytest.raises(TurnLimitError, match="within 3 answers"):
            await run.response()
    assert ran == [1, 1]
    assert len(run.turns) == 3


async def test_an_error_of_a_later_answer_ends_the_run() -> None:
    run = up([CALL, ended("tool_calls")], [CALL]).run("up/m", "x", tools=[noting([])])
    with pytest.raises(TruncatedStreamError):
        await run.response()
    assert len(run.turns) == 1


async def test_a_service_that_says_stop_after_a_call_is_understood() -> None:
    ran: list[int] = []
    run = up([CALL, ended("stop")], [WORD, ended("stop")]).run("up/m", "x", tools=[noting(ran)])
    assert (await run.response()).text == "hi"
    assert ran == [1]


async def test_a_call_of_an_answer_that_broke_off_is_never_run() -> None:
    ran: list[int] = []
    run = up([CALL]).run("up/m", "x", tools=[noting(ran)])
    with pytest.raises(TruncatedStreamError):
        await run.response()
    assert ran == []


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_a_call_of_an_answer_that_was_cut_is_never_run(reason: str) -> None:
    ran: list[int] = []
    run = up([CALL, ended(reason)]).run("up/m", "x", tools=[noting(ran)])
    assert (await run.response()).finish_reason == reason
    assert ran == []


def noting(ran: list[int]) -> Any:
    def look(at: int) -> str:
        ran.append(at)
        return "done"

    return look


async def test_closing_ends_the_functions_that_are_run() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Client(Config()) as client:
        run = client.run("offline/script", "tool: endless {}", tools=[endless])
        reading = asyncio.ensure_future(run.response())
        await begun.wait()
        await run.aclose()
        await asyncio.wait_for(ended.wait(), 5)
        with pytest.raises(TruncatedStreamError, match="the run was closed"):
            await reading
        with pytest.raises(TruncatedStreamError):
            await run.response()


async def test_the_time_of_a_run_covers_its_functions() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async with Client(Config()) as client:
        with pytest.raises(TimeoutError, match=r"within 0.05 s"):
            await client.run("offline/script", "tool: endless {}", tools=[endless], timeout=0.05).response()


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"tools": [Tool("f")]}, InvalidRequestError, "tools[0]: expected a function, got 'f' without one"),
    ({"tools": [look, look]}, InvalidRequestError, "tools[1]: expected another name, since 'look' is taken"),
    (
        {"tools": [look, Tool("look")]},
        InvalidRequestError,
        "tools[1]: expected another name, since 'look' is that of a function",
    ),
    (
        {"tools": [look, lambda: 1]},
        TypeError,
        "tools[1]: expected a function with a name, or function_tool(",
    ),
    ({"max_turns": 0}, InvalidRequestError, "max_turns: expected a number of 1 or more, got 0"),
    ({"tolls": []}, TypeError, "there is no option 'tolls'; did you mean tools?"),
]


@pytest.mark.parametrize(("options", "kind", "words"), WRONG)
async def test_what_is_wrong_with_a_run_is_said_at_once(options: Any, kind: type[Exception], words: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(kind) as caught:
            client.run("offline/script", "x", **options)
    assert str(caught.value).startswith(words)


async def test_tools_of_the_service_may_stand_among_functions() -> None:
    async with Client(Config()) as client:
        run = client.run("offline/script", ASK, tools=[HostedTool(tool="web_search"), function_tool(look)])
        assert (await run.response()).text == "1 is empty"


async def test_a_function_may_be_told_of_in_a_chat_too() -> None:
    async with Client(Config()) as client:
        reply = await client.chat("offline/script", ASK, tools=[look])
        assert reply.tool_calls[0].name == "look"
        assert (await client.count_tokens("offline/echo", "x", tools=[look])).input_tokens > 0


def test_without_a_loop() -> None:
    with SyncClient(Config()) as client:
        run = client.run("offline/script", ASK, tools=[look])
        assert "".join(run.text) == "I look.1 is empty"
        assert run.response().text == "1 is empty"
        assert len(run.messages) == 4
        assert len(run.turns) == 2


def finding() -> str:
    return next(each for each in ("a", "b") if each == "c")


def half() -> str:
    return "\ud800"


def half_a_part() -> list[Text]:
    return [Text(text="\ud800")]


def failing_by_half() -> str:
    raise ValueError("\ud800")


def leaving() -> None:
    sys.exit(3)


async def leaving_too() -> None:
    sys.exit(3)


async def cancelled() -> None:
    raise asyncio.CancelledError("a task of mine")


class SilentError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def silent() -> None:
    raise SilentError


HALF = r"UnicodeEncodeError: 'utf-8' codec can't encode character '\ud800' in position 0: surrogates not allowed"

ENDS: list[tuple[Any, str]] = [
    (finding, "RuntimeError: function raised StopIteration"),
    (leaving, "SystemExit: 3"),
    (leaving_too, "SystemExit: 3"),
    (cancelled, "CancelledError: a task of mine"),
    (silent, "SilentError"),
    (half, HALF),
    (half_a_part, HALF),
    (failing_by_half, r"ValueError: \ud800"),
]
"""Functions that fail in a way that ends more than themselves, or that nobody hears of."""


@pytest.mark.parametrize(("function", "words"), ENDS)
async def test_no_way_to_fail_ends_more_than_the_function(function: Any, words: str) -> None:
    async with Client(Config()) as client, asyncio.timeout(5):
        run = client.run("offline/script", f"tool: {function.__name__} {{}}", tools=[function])
        (end,) = [event async for event in run if isinstance(event, ToolEnd)]
    assert end.error is not None
    assert [(said(result), result.is_error) for result in results(run.messages)] == [(words, True)]


@pytest.mark.parametrize("function", [finding, leaving, leaving_too])
def test_without_a_loop_it_ends_no_more_either(function: Any) -> None:
    with SyncClient(Config(), timeout=5) as client:
        run = client.run("offline/script", f"tool: {function.__name__} {{}}", tools=[function])
        assert run.response().finish_reason == "stop"
        assert client.chat("offline/echo", "still here").text == "still here"
