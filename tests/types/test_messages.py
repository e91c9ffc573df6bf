"""What values say of themselves: text, tool calls, headers, merged usage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.types import (
    ChatResponse,
    Image,
    Message,
    Reasoning,
    Refusal,
    ResponseHead,
    ServerRequest,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    assistant,
    system,
    tool_result,
    user,
)
from tests.types.values import PARTS, counts


def test_the_text_of_a_result_is_that_of_its_parts() -> None:
    assert ToolResult(id="1", parts=(Text("a"), Image(url="https://h/a.png"), Text("b"))).text == "ab"


def test_text_is_all_text_parts_joined_by_nothing() -> None:
    parts = (Text(text="a "), *PARTS[1:], Text(text=" b"))
    assert Message("user", parts).text == "a  b"
    assert ChatResponse(parts=parts).text == "a  b"
    assert Message("user", ()).text == ""


def test_an_answer_is_a_turn_of_the_assistants() -> None:
    response = ChatResponse(parts=PARTS)
    assert response.message == Message("assistant", PARTS)
    assert response.tool_calls == (ToolCall(id="call_1", name="f", arguments='{"a":1}'),)


def test_plain_messages_have_one_text() -> None:
    for make, role in ((system, "system"), (user, "user"), (assistant, "assistant")):
        message = make("hello")
        assert (message.role, message.parts) == (role, (Text(text="hello"),))


def test_a_question_may_have_pictures_beside_it() -> None:
    picture = Image(url="https://h/a.png")
    assert user("What is it?", picture) == Message("user", (Text(text="What is it?"), picture))


def test_a_result_belongs_to_a_call() -> None:
    with pytest.raises(TypeError, match="call: expected a ToolCall, got str"):
        tool_result("call_1", "x")  # type: ignore[arg-type]  # the point


def test_thinking_and_a_refusal_are_apart_from_the_text() -> None:
    answer = ChatResponse(parts=(Reasoning(text="h"), Text(text="So."), Reasoning(text="m"), Refusal(text="No.")))
    assert (answer.reasoning, answer.text, answer.refusal) == ("hm", "So.", "No.")
    assert (ChatResponse().reasoning, ChatResponse().refusal) == ("", "")


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(3, 4), 7),
        (Usage(3, 4, total_tokens=9), 9),
        (Usage(3), None),
        (Usage(), None),
    ],
)
def test_a_total_is_what_the_service_says_or_the_sum(usage: Usage, total: int | None) -> None:
    assert usage.total == total


def test_what_is_not_set_is_not_printed() -> None:
    answer = ChatResponse(id="a", parts=(Text(text="Hi"),), usage=Usage(3))
    assert repr(answer) == "ChatResponse(id='a', parts=(Text(text='Hi'),), usage=Usage(input_tokens=3))"


def test_equal_content_is_equal() -> None:
    assert user("a") == user("a")
    assert user("a") != assistant("a")
    assert Text(text="a") != Text(text="a", extra={"x": {}})


HEADERS = ((b"Content-Type", b" Text/HTML; charset=utf-8 "), (b"x", b"caf\xe9\xa0"), (b"X", b"later"))


def test_headers_are_found_whatever_their_case() -> None:
    head = ResponseHead(200, HEADERS)
    assert head.header("CONTENT-type") == "Text/HTML; charset=utf-8"
    assert head.header("x") == "café\u00a0"
    assert head.header("y") is None


@pytest.mark.parametrize(
    ("value", "media_type"),
    [(b"Text/HTML; charset=utf-8", "text/html"), (b"text/event-stream", "text/event-stream"), (b" ; x", ""), (b"", "")],
)
def test_the_media_type_is_said_without_parameters(value: bytes, media_type: str) -> None:
    assert ResponseHead(200, ((b"content-type", value),)).media_type == media_type
    assert ResponseHead(200).media_type == ""


def test_a_callers_headers_are_lower_case_already() -> None:
    call = ServerRequest(method="GET", path="/", headers=((b"x", b" a\t"), (b"x", b"b")))
    assert call.header(b"x") == "a"
    assert call.header(b"y") is None


usages = st.builds(Usage, counts, counts, counts, counts, counts, counts)


def test_the_last_word_on_each_count_holds() -> None:
    assert Usage(1, 2, 3).merge(Usage(None, 0, 5, 6)) == Usage(1, 0, 5, 6)


def test_a_total_is_that_of_its_own_report() -> None:
    assert Usage(10, None, total_tokens=10).merge(Usage(10, 5)) == Usage(10, 5)
    assert Usage(10, 5).merge(Usage(total_tokens=18)) == Usage(10, 5, total_tokens=18)


@given(usages, usages, usages)
def test_merging_reports_is_associative_and_forgets_nothing(a: Usage, b: Usage, c: Usage) -> None:
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(Usage()) == Usage().merge(a) == a.merge(a) == a
