"""The echo: exact, and in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.providers.offline.answers import open_offline
from dragoman.providers.offline.words import PIECE, count_words, first_words, words
from dragoman.types import (
    ChatRequest,
    Image,
    LostField,
    LostPart,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    assistant,
    fold,
    system,
    user,
)
from tests.providers.offline.asking import batches, events, request, whole

EXACT = [
    "Hello",
    "  two  spaces ",
    "\n\ttabs\r\nand lines\n",
    "שלום עולם ",
    "a\u2028b\u0085c\x0bd",
    "👩‍👩‍👧 family",
    "x" * 3 * PIECE,
    " ",
]


@pytest.mark.parametrize("text", EXACT)
async def test_gives_the_text_back_exactly(text: str) -> None:
    assert (await whole("echo", text)).text == text


async def test_half_a_character_is_what_utf8_makes_of_it() -> None:
    assert (await whole("echo", "a\ud83db")).text == "a\ufffdb"


async def test_streams_a_word_with_its_space_at_a_time() -> None:
    got = await batches(await open_offline("echo", request("one  two\nthree")))
    assert got == [
        [ResponseStart(model="echo"), PartStart(Text(text="")), PartDelta("one  ")],
        [PartDelta("two\n")],
        [PartDelta("three")],
        [PartEnd(), ResponseEnd("stop", Usage(3, 3))],
    ]


async def test_an_empty_message_is_an_empty_answer() -> None:
    assert await events("echo", request("")) == [ResponseStart(model="echo"), ResponseEnd("stop", Usage(0, 0))]
    assert await events("echo", request()) == [ResponseStart(model="echo"), ResponseEnd("stop", Usage(0, 0))]


async def test_only_the_last_user_message_is_repeated_and_all_are_counted() -> None:
    answer = await whole("echo", system("be kind"), "first one", assistant("yes"), "second", assistant("prefill"))
    assert answer.text == "second"
    assert answer.usage == Usage(7, 1)


async def test_a_message_of_nothing_but_tool_results_is_not_the_users() -> None:
    call = Message("assistant", (ToolCall(id="1", name="f"),))
    result = Message("user", (ToolResult(id="1", parts=(Text(text="seven words"),)),))
    assert (await whole("echo", "the question", call, result)).text == "the question"
    assert (await whole("echo", "the question", call, result)).usage == Usage(4, 2)


async def test_an_answer_stops_at_the_asked_length_and_says_so() -> None:
    answer = fold(await events("echo", request("one  two three", max_output_tokens=2)))
    assert (answer.text, answer.finish_reason, answer.usage) == ("one  two", "length", Usage(3, 2))
    exact = fold(await events("echo", request("one  two ", max_output_tokens=2)))
    assert (exact.text, exact.finish_reason) == ("one  two ", "stop")


async def test_what_no_offline_model_heeds_is_listed_as_lost() -> None:
    picture = Message("user", (Text(text="look"), Image(url="https://example.org/a.png")))
    asked = ChatRequest(model="echo", messages=(user("hi"), picture), stop=("x",), temperature=0.5, seed=1)
    lost = (LostField("stop"), LostPart("messages[1].parts[1] (image)"))
    for model, losses in (("echo", lost), ("script", ())):
        answer = await open_offline(model, asked)
        start = (await batches(answer))[0][0]
        assert start == ResponseStart(model=model, losses=losses)


@given(st.text())
def test_words_joined_are_the_text(text: str) -> None:
    pieces = list(words(text))
    assert "".join(pieces) == text
    assert all(pieces)
    assert len(pieces) <= count_words(text) + 1


@given(st.text(), st.integers(0, 5))
def test_the_first_words_begin_the_text(text: str, most: int) -> None:
    first = first_words(text, most)
    assert text.startswith(first)
    assert count_words(first) == min(most, count_words(text))


@given(st.text(alphabet="ab \n", max_size=40), st.integers(0, 5))
def test_nothing_is_cut_that_has_few_enough_words(text: str, most: int) -> None:
    if count_words(text) <= most:
        assert first_words(text, most) == text
