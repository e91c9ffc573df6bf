"""The script: each directive, and what is wrong with a script."""

import asyncio
import sys

import pytest
from msgspec.structs import replace

from dragoman.errors import (
    AuthenticationError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.providers.offline.answers import MODELS, open_offline
from dragoman.providers.offline.directives import BATCH, Pause, Say
from dragoman.providers.offline.script import DIRECTIVES, parse
from dragoman.types import (
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    assistant,
    fold,
    user,
)
from tests.providers.offline.asking import batches, events, request, whole

START = ResponseStart(model="script")


async def until_error(script: str) -> tuple[list[StreamEvent], DragomanError]:
    """What comes, and the error it ends in."""
    answer = await open_offline("script", request(script))
    got: list[StreamEvent] = []
    try:
        while batch := await answer.read():
            got += batch
    except DragomanError as error:
        with pytest.raises(type(error)):
            await answer.read()
        return got, error
    finally:
        answer.close()
    raise AssertionError("expected an error, got a whole answer")


async def test_text_comes_word_by_word_with_its_escapes() -> None:
    assert await events("script", request("text: Hello\\nyou  \\\\n \\t\\u20AC\\ud83d\\ude00\\ud800 \\x")) == [
        START,
        PartStart(Text(text="")),
        PartDelta("Hello\n"),
        PartDelta("you  "),
        PartDelta("\\n \t"),
        PartDelta("€😀\ufffd "),
        PartDelta("\\x"),
        PartEnd(),
        ResponseEnd("stop", Usage(5, 5)),
    ]


async def test_lines_of_the_same_kind_are_one_part_and_others_their_own() -> None:
    answer = await whole("script", "text: a \ntext:b\n\n# a comment\nreasoning: hm hm\r\ntext: c")
    assert answer.parts == (Text(text="a b"), Reasoning(text="hm hm"), Text(text="c"))
    assert answer.usage == Usage(11, 5, reasoning_tokens=2)


async def test_an_empty_text_opens_nothing() -> None:
    assert (await whole("script", "text:\ntext: ")).parts == ()


async def test_a_refusal_has_its_own_finish_reason() -> None:
    answer = await whole("script", "refusal: I will not")
    assert (answer.parts, answer.finish_reason) == ((Refusal(text="I will not"),), "refusal")


async def test_tool_calls_are_parallel_and_keep_their_arguments() -> None:
    script = 'text: ok\ntool: get_weather {"city":  "Paris"}\ntool: now\ntool: bad {"a\nrefusal: no'
    answer = await whole("script", script)
    assert answer.tool_calls == (
        ToolCall(id="call_1", name="get_weather", arguments='{"city":  "Paris"}'),
        ToolCall(id="call_2", name="now", arguments="{}"),
        ToolCall(id="call_3", name="bad", arguments='{"a'),
    )
    assert answer.finish_reason == "tool_call"
    assert answer.usage == Usage(13, 6)


async def test_what_follows_tool_results_is_written_behind_a_line_of_dashes() -> None:
    script = "tool: f\n---\ntool: g\n---\ntext: done"
    first, second = (Message("assistant", (ToolCall(id=f"call_{i}", name="f"),)) for i in (1, 2))
    result = Message("tool", (ToolResult(id="call_1", parts=(Text(text="4"), Text(text="2"))),))
    assert (await whole("script", script)).tool_calls[0].id == "call_1"
    assert (await whole("script", script, first, result)).tool_calls == (
        ToolCall(id="call_2", name="g", arguments="{}"),
    )
    assert (await whole("script", script, first, result, second, result)).text == "done"


async def test_results_for_which_nothing_is_written_are_the_answer() -> None:
    call = Message("assistant", (ToolCall(id="call_1", name="f"), ToolCall(id="call_2", name="f")))
    old = Message("tool", (ToolResult(id="call_0", parts=(Text(text="old"),)),))
    results = [Message("tool", (ToolResult(id=f"call_{i}", parts=(Text(text=f"r{i}"),)),)) for i in (1, 2)]
    assert (await whole("script", "tool: f\ntool: f", old, call, *results)).text == "r1\nr2"


async def test_an_earlier_answer_without_calls_does_not_count_as_a_round() -> None:
    assert (await whole("script", "text: a\n---\ntext: b", assistant("prefill"))).text == "a"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("text: a\nlength", "length"),
        ("filter", "content_filter"),
        ("tool: f\nlength ", "length"),
        ("usage: 1 1", "stop"),
    ],
)
async def test_finish_reasons(script: str, reason: str) -> None:
    assert (await whole("script", script)).finish_reason == reason


@pytest.mark.parametrize(
    ("script", "usage"),
    [
        ("usage: 12 34\ntext: a", Usage(12, 34)),
        ("text: a\nlength\nusage: 0 0", Usage(0, 0)),
        ("usage: none", None),
        ("usage: none\nusage: 1 2", Usage(1, 2)),
        ("repeat: 3 a b", Usage(4, 6)),
    ],
)
async def test_usage_is_as_said_or_else_counted(script: str, usage: Usage | None) -> None:
    assert (await whole("script", script)).usage == usage


@pytest.mark.parametrize("times", [1, BATCH - 1, BATCH, BATCH + 1, 10 * BATCH, 1000])
async def test_repeats_come_in_full_batches_of_their_own(times: int) -> None:
    got = await batches(await open_offline("script", request(f"text: a \nrepeat: {times} b\\n")))
    flat = [event for batch in got for event in batch]
    assert flat.count(PartDelta("b\n")) == times
    assert fold(flat).text == "a " + times * "b\n"
    assert len(got) == 2 + -(-times // BATCH)
    assert len({id(batch) for batch in got}) == len(got)


async def test_a_bare_repeat_repeats_a_letter() -> None:
    assert (await whole("script", "repeat: 3")).text == "xxx"


MARKED = [
    "```offline-script\n{}\n```",
    "<environment>\ncut\nerror: 500\n</environment>\n\n~~~ offline-script \n{}\n~~~\nAnswer briefly.\n",
    "User: ````offline-script\r\n{}\r\n````",
    "1. the task\n   ```offline-script\n   {}\n   ```\n2. the rules",
    "```sh\nls\n```\n```offline-script\n{}\n",
]


@pytest.mark.parametrize("message", MARKED)
async def test_a_marked_block_is_the_script_wherever_it_stands(message: str) -> None:
    assert (await whole("script", message.format("text: found"))).text == "found"


async def test_marked_blocks_are_one_script() -> None:
    message = "a\n```offline-script\ntool: f\n---\n```\nb\n```offline-script\ntext: done\n```\nc"
    call = Message("assistant", (ToolCall(id="call_1", name="f"),))
    result = Message("tool", (ToolResult(id="call_1", parts=(Text(text="4"),)),))
    assert (await whole("script", message)).tool_calls[0].name == "f"
    assert (await whole("script", message, call, result)).text == "done"


async def test_a_tool_in_a_group_is_called_by_the_name_that_says_both() -> None:
    tools = (Tool("read"), Tool("read", namespace="mcp__files"), Tool("read", namespace="web_"))
    message = "tool: mcp__files__read {}\ntool: read\ntool: web_read\ntool: other__read"
    answered = fold(await events("script", replace(request(message), tools=tools)))
    called = [(call.namespace, call.name) for call in answered.tool_calls]
    assert called == [("mcp__files", "read"), (None, "read"), ("web_", "read"), (None, "other__read")]


async def test_a_marked_block_may_stand_in_a_message_before_the_last_one_since_the_answer() -> None:
    """As an agent's own words become a message behind the user's, where a protocol has no other place for them."""
    asked, more = "```offline-script\ntext: found\n```", user("<system>the rules</system>")
    assert (await whole("script", asked, more)).text == "found"
    assert (await whole("script", asked, assistant("found"), more)).text == "<system>the rules</system>"


async def test_a_marked_block_holds_directives_alone() -> None:
    assert (await whole("script", "```offline-script\n```\ntext")).parts == ()
    with pytest.raises(InvalidRequestError, match=r"script line 2: expected a directive, got 'words'"):
        await open_offline("script", request("around\n```offline-script\n# a note\nwords\n```"))


async def test_a_message_of_fences_alone_is_read_in_one_go() -> None:
    for text in ("`" * 300_000, "``` " * 100_000, "```offline-script" * 20_000, "```" + " " * 300_000):
        assert parse(text) is None


async def test_a_block_with_another_mark_is_text() -> None:
    for text in ("```offline-scripts\nx\n```", "``offline-script\nx", "offline-script\nx"):
        assert (await whole("script", text)).text == text


async def test_a_message_without_directives_is_repeated() -> None:
    for text in ("Hello\n text: indented", "textual: x", "length of it", "---", "# note", ""):
        assert (await whole("script", text)).text == text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, QuotaExhaustedError),
        (403, PermissionDeniedError),
        (404, EndpointNotFoundError),
        (429, RateLimitError),
        (500, UpstreamError),
        (503, OverloadedError),
        (529, OverloadedError),
        (599, UpstreamError),
    ],
)
async def test_an_error_before_any_content_is_raised_on_opening(status: int, kind: type[DragomanError]) -> None:
    for before in ("", "text:\nusage: 1 2\ndelay: 0\n"):
        with pytest.raises(DragomanError, match=r"^not today$") as caught:
            await open_offline("script", request(f"{before}error: {status} not today"))
        assert type(caught.value) is kind


async def test_an_error_says_how_long_to_wait_and_what_kind_it_is() -> None:
    with pytest.raises(RateLimitError, match=r"^Slow down!$") as caught:
        await open_offline("script", request("error: 429 retry_after=7.5 Slow down!"))
    assert caught.value.retry_after == 7.5
    with pytest.raises(QuotaExhaustedError, match=r"^the script answers with status 429$"):
        await open_offline("script", request("error: 429 code=insufficient_quota retry_after=1"))
    with pytest.raises(ContextLengthError):
        await open_offline("script", request("error: 400 code=context_length_exceeded too long"))
    with pytest.raises(RateLimitError, match=r"^the script") as caught:
        await open_offline("script", request("error:429"))
    assert caught.value.retry_after is None


async def test_an_error_behind_content_is_raised_in_mid_stream() -> None:
    got, error = await until_error("text: two words\nerror: 503 busy")
    assert got == [START, PartStart(Text(text="")), PartDelta("two "), PartDelta("words")]
    assert isinstance(error, OverloadedError)


@pytest.mark.parametrize("script", ["text: a", "tool: f", "reasoning: a", "repeat: 1"])
async def test_a_cut_follows_what_came(script: str) -> None:
    got, error = await until_error(f"{script}\ncut")
    assert isinstance(error, TruncatedStreamError)
    assert isinstance(got[-1], PartDelta)


async def test_a_cut_before_any_content_is_one_of_the_stream_too() -> None:
    assert (await until_error("cut"))[0] == []


@pytest.mark.parametrize("word", ["hang", "silent", "delay: 3600"])
async def test_closing_ends_a_silence_at_once(word: str) -> None:
    answer = await open_offline("script", request(f"text: a\n{word}"))
    assert len(await answer.read()) == 3
    waiting = asyncio.create_task(answer.read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.close()
    answer.close()
    with pytest.raises(TruncatedStreamError):
        await waiting
    with pytest.raises(TruncatedStreamError):
        await answer.read()


async def test_a_whole_answer_that_is_closed_stays_whole() -> None:
    answer = await open_offline("script", request("usage: 1 1"))
    assert await answer.read()
    assert await answer.read() == []
    answer.close()
    assert await answer.read() == []


async def test_a_reader_that_is_cancelled_leaves_nothing_behind() -> None:
    answer = await open_offline("script", request("hang"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await answer.read()
    answer.close()


async def test_a_delay_comes_before_what_follows() -> None:
    answer = await open_offline("script", request("text: a\ndelay: 0.02\ntext: b"))
    await answer.read()
    waiting = asyncio.create_task(answer.read())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert await waiting == [PartDelta("b")]
    answer.close()


async def test_a_delay_at_the_beginning_keeps_the_first_word_and_not_the_opening() -> None:
    assert parse("delay: 0.5\ntext: a") == [[Pause(0.5), Say(Text(text=""), "a")]]
    answer = await open_offline("script", request("delay: 3600\ntext: a"))
    answer.close()
    with pytest.raises(TruncatedStreamError):
        await answer.read()


async def test_others_get_their_turn_while_a_model_talks() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await whole("script", "text: " + "a " * 50)
    task.cancel()
    assert turns >= 50


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("text: a\nand more", "script line 2: expected a directive, got 'and more'"),
        ("text: a\ntext b", "script line 2: expected a directive"),
        ("tool:", "script line 1: expected `tool: NAME ARGUMENTS`, got 'tool:'"),
        ("repeat: many x", "expected `repeat: N TEXT` with N from 1 to 1000000"),
        ("repeat: 0 x", "expected `repeat"),
        ("repeat: 1000001 x", "expected `repeat"),
        ("repeat: ² x", "expected `repeat"),
        ("delay: soon", "expected `delay: SECONDS` from 0 to 3600"),
        ("delay: -1", "expected `delay"),
        ("delay: nan", "expected `delay"),
        ("delay: 1e9", "expected `delay"),
        ("usage: 1", "expected `usage: INPUT OUTPUT` or `usage: none`"),
        ("usage: a b", "expected `usage"),
        ("usage: 1 " + "9" * 20, "expected `usage"),
        ("error: 200 fine", "expected `error: STATUS"),
        ("error: x", "expected `error: STATUS"),
        ("error: 4290", "expected `error: STATUS"),
        ("length\ntext: a", "script line 2: expected only `usage` after the end of the answer"),
        ("cut\ncut", "expected only `usage` after the end"),
        ("hang\ndelay: 1", "expected only `usage` after the end"),
        ("error: 500\ntext: a", "expected only `usage` after the end"),
    ],
)
async def test_a_wrong_line_is_refused_by_its_number(script: str, complaint: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await open_offline("script", request(script))
    assert complaint in str(caught.value)


def test_each_round_ends_for_itself() -> None:
    assert parse("length\n---\ntext: a") is not None


def test_every_directive_is_documented() -> None:
    documented = sys.modules[parse.__module__].__doc__ or ""
    for word in DIRECTIVES:
        assert word in documented


async def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError, match=r"eliza, echo, script.*'elisa'.*eliza"):
        await open_offline("elisa", request("hi"))
    with pytest.raises(ModelNotFoundError, match=r"got ''"):
        await open_offline("", request("hi"))
    assert MODELS == ("eliza", "echo", "script")
