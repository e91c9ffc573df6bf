"""An answer that broke off after text, and goes on at another target: what is asked, what comes out, and when not."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.engine.answer import Answer
from dragoman.errors import (
    BadEventError,
    ConnectError,
    ContentFilterError,
    DragomanError,
    OverloadedError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.speech import OURS
from dragoman.routing.attempts import translated
from dragoman.routing.breaker import State
from dragoman.routing.candidate import Candidate
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.retry import RetryPolicy
from dragoman.routing.route import Route
from dragoman.routing.unfinished import MAX_TEXT
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Citation,
    ContinuedAnswer,
    Image,
    LostField,
    Message,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ReasoningConfig,
    ResponseEnd,
    ResponseFormat,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
    assistant,
    fold,
    user,
)
from tests.support.cancelling import cancelled_everywhere
from tests.support.paused import paused
from tests.support.routes import route
from tests.support.timed import END, Step, TimedService, target, text

REQUEST = ChatRequest(model="fast", messages=(user("hi"),))
CUT = TruncatedStreamError("cut")
BROKEN: Step = (0.0, CUT)


def service(*steps: Step, **said: Any) -> TimedService:
    return TimedService(*steps, **said)


def between(*services: TimedService, able: Sequence[bool] = (), **said: Any) -> Route:
    """A route of these services; `able`: which of them take the beginning of an answer."""
    takes = (*able, *(True for _ in services))
    targets = [target(f"s{n}/m", each, continues=takes[n]) for n, each in enumerate(services)]
    return route(targets, continues=True, **said)


async def read(asked: Route, request: ChatRequest = REQUEST) -> tuple[Answer, list[StreamEvent]]:
    """An answer, and all its events."""
    answer = await translated(asked)(request)
    events: list[StreamEvent] = []
    try:
        while batch := await answer.read():
            events += batch
    finally:
        answer.close()
    return answer, events


def told(asked: Route, request: ChatRequest = REQUEST) -> ChatResponse:
    """The whole answer."""
    return fold(paused(read(asked, request))[1])


def failure(asked: Route, request: ChatRequest = REQUEST) -> DragomanError:
    """What the answer raises."""
    with pytest.raises(DragomanError) as caught:
        paused(read(asked, request))
    return caught.value


def health(asked: Route, place: int) -> Any:
    member = asked.members[place]
    assert isinstance(member, Candidate)
    return member.health


def check_settled(asked: Route) -> None:
    assert [health(asked, place).in_flight for place in range(len(asked.members))] == [0] * len(asked.members)


def start(part: Any, *more: StreamEvent) -> Step:
    return (0.0, [ResponseStart(), PartStart(part), *more])


def test_the_next_target_goes_on_from_the_text_so_far() -> None:
    first, second = service(*text("Hello, ", "wor"), BROKEN), service(*text("ld", "!"), END)
    asked = between(first, second)
    answer, events = paused(read(asked))
    assert fold(events).text == "Hello, world!"
    assert second.asked == [replace(REQUEST, messages=(user("hi"), assistant("Hello, wor")))]
    kinds = [type(event) for event in events]
    assert [kinds.count(kind) for kind in (ResponseStart, PartStart, PartEnd, ResponseEnd)] == [1, 1, 1, 1]
    assert (answer.target, [(each.target, each.code) for each in answer.attempts]) == ("s1/m", [("s0/m", "truncated")])
    assert first.open + second.open == 0
    check_settled(asked)


def test_its_model_is_that_of_the_service_that_goes_on() -> None:
    named: Step = (0.0, [ResponseStart(model="m-2"), PartStart(Text(text="d"))])
    answer, _ = paused(read(between(service(*text("Wor"), BROKEN), service(named, END))))
    assert answer.model == "m-2"


def test_it_is_marked_where_it_goes_on_and_at_the_end() -> None:
    _, events = paused(read(between(service(*text("Hello"), BROKEN), service(*text("!"), END))))
    (place,) = [n for n, event in enumerate(events) if isinstance(event, Metadata)]
    assert events[place - 1] == PartDelta("Hello")
    mark = {"target": "s1/m", "broken": "s0/m", "code": "truncated", "used_tokens": 2, "estimated": True}
    assert events[place] == Metadata(extra={OURS: {"continued": mark}})
    assert fold(events).losses == (ContinuedAnswer("answer.continued"),)


def test_an_answer_that_does_not_break_off_is_as_it_was() -> None:
    first, second = service(*text("Hello"), END), service()
    answer, events = paused(read(between(first, second)))
    assert events == [*first.steps[0][1], *END[1]]  # type: ignore[misc]  # it is no error
    assert (answer.target, answer.attempts, second.asked) == ("s0/m", (), [])


WHITE = [
    ("Hello \n", "Hello", " \nworld", "Hello \nworld"),
    ("Hello", "Hello", " world", "Hello world"),
    ("a\n", "a", "\n    b", "a\n    b"),
    ("a\n\n", "a", "\nb", "a\n\nb"),
    ("a\n", "a", "b", "a\nb"),
    ("a ", "a", "\nb", "a \nb"),
    ("a ", "a", "b c", "a b c"),
    ("a \n ", "a", "", "a \n "),
]
"""What has come, what is sent of it, what the next one says, and what the caller gets."""


@pytest.mark.parametrize(("come", "sent", "rest", "all_of_it"), WHITE)
def test_white_space_at_the_joint_comes_once(come: str, sent: str, rest: str, all_of_it: str) -> None:
    second = service(*text(*rest), END)
    assert told(between(service(*text(come), BROKEN), second)).text == all_of_it
    assert second.asked[0].messages[-1] == assistant(sent)


@given(st.text("a \n👍é", max_size=30), st.data())
def test_whatever_the_text_and_the_cuts_nothing_is_doubled_and_nothing_missing(whole: str, data: st.DataObject) -> None:
    marks = st.integers(0, len(whole))
    cut = data.draw(marks)
    begun = whole[:cut].rstrip()

    def pieces(part: str) -> list[str]:
        mark = data.draw(st.integers(0, len(part)))
        return [part[:mark], part[mark:]]

    first, second = service(*text(*pieces(whole[:cut])), BROKEN), service(*text(*pieces(whole[len(begun) :])), END)
    assert told(between(first, second)).text == whole
    (asked,) = second.asked
    assert asked.messages[1:] == ((assistant(begun),) if begun else ())


def test_text_that_repeats_itself_is_left_alone() -> None:
    first, second = service(*text("ha ha ha"), BROKEN), service(*text(" ha ha ha"), END)
    assert told(between(first, second)).text == "ha ha ha ha ha ha"


def test_what_the_caller_wrote_of_the_answer_stands_before_it() -> None:
    second = service(*text("c"), END)
    request = replace(REQUEST, messages=(user("hi"), assistant("a")))
    assert told(between(service(*text("b"), BROKEN), second), request).text == "bc"
    assert second.asked[0].messages[-1] == Message("assistant", (Text(text="a"), Text(text="b")))


def test_of_several_texts_all_are_sent() -> None:
    closed: Step = (0.0, [PartEnd(), PartStart(Text(text="")), PartDelta("b")])
    second = service(*text("c"), END)
    response = told(between(service(*text("a"), closed, BROKEN), second))
    assert [part.text for part in response.parts if isinstance(part, Text)] == ["a", "bc"]
    assert second.asked[0].messages[-1] == assistant("ab")


def test_after_a_text_that_is_complete_there_may_be_nothing_more() -> None:
    empty: Step = (0.0, [ResponseStart(), ResponseEnd("stop")])
    for ended in ((), ((0.0, [PartEnd()]),)):
        response = told(between(service(*text("a"), *ended, BROKEN), service(empty)))
        assert (response.text, response.finish_reason) == ("a", "stop")


def test_after_a_text_that_is_complete_more_text_is_a_part_of_its_own() -> None:
    response = told(between(service(*text("a \n"), (0.0, [PartEnd()]), BROKEN), service(*text(" \nb"), END)))
    assert [part.text for part in response.parts if isinstance(part, Text)] == ["a \n", "b"]


def test_the_next_target_may_call_a_tool() -> None:
    call = ToolCall(id="c1", name="weather", arguments="")
    second = service(start(call, PartDelta("{}"), PartEnd(), ResponseEnd("tool_call")))
    response = told(between(service(*text("Let me look."), BROKEN), second))
    assert response.text == "Let me look."
    assert [each.arguments for each in response.tool_calls] == ["{}"]
    assert response.finish_reason == "tool_call"


def test_the_reason_to_stop_and_the_losses_are_those_of_the_last() -> None:
    ended = ResponseEnd("length", native_finish_reason="cap", losses=(LostField("later"),))
    second = service(
        (0.0, [ResponseStart(losses=(LostField("seed"),)), PartStart(Text(text="b"))]), (0.0, [PartEnd(), ended])
    )
    response = told(between(service(*text("a"), BROKEN), second))
    assert (response.finish_reason, response.native_finish_reason) == ("length", "cap")
    assert [loss.name for loss in response.losses] == ["seed", "later", "answer.continued"]


def test_usage_is_that_of_the_last_attempt_and_never_a_sum_or_a_mixture() -> None:
    counts = Usage(input_tokens=100, cache_read_tokens=90, output_tokens=1)
    first = service((0.0, [ResponseStart(usage=counts), PartStart(Text(text="a"))]), BROKEN)
    second = service(
        (0.0, [ResponseStart(usage=Usage(input_tokens=7)), PartStart(Text(text="b"))]),
        (0.0, [PartEnd(), ResponseEnd("stop", Usage(output_tokens=5))]),
    )
    assert told(between(first, second)).usage == Usage(input_tokens=7, output_tokens=5)


def test_the_usage_of_an_answer_in_one_piece_is_complete() -> None:
    first = service(
        (0.0, [ResponseStart(usage=Usage(input_tokens=7, cache_read_tokens=3)), PartStart(Text(text="b"))]),
        (0.0, [Metadata(usage=Usage(output_tokens=1)), PartEnd(), ResponseEnd("stop", Usage(output_tokens=5))]),
    )
    assert told(between(first, service())).usage == Usage(input_tokens=7, output_tokens=5, cache_read_tokens=3)


LIMITED = [
    (text("12345678"), 98, 2, True),
    ([*text("12345678"), (0.0, [Metadata(usage=Usage(output_tokens=30))])], 70, 30, False),
    ([*text("1234"), (0.0, [Metadata(usage=Usage(output_tokens=3000))])], 1, 3000, False),
    ([start(Reasoning(text="12345678"), PartEnd(), PartStart(Text(text="1234")))], 97, 3, True),
]
"""What has come, the limit that is left of 100, the tokens so far, and whether they were estimated."""


@pytest.mark.parametrize(("come", "left", "used", "estimated"), LIMITED)
def test_the_limit_of_tokens_is_what_is_left_of_it(come: list[Step], left: int, used: int, estimated: bool) -> None:
    second = service(*text("b"), END)
    _, events = paused(read(between(service(*come, BROKEN), second), replace(REQUEST, max_output_tokens=100)))
    assert second.asked[0].max_output_tokens == left
    (mark,) = [event.extra[OURS]["continued"] for event in events if isinstance(event, Metadata) and event.extra]
    assert (mark["used_tokens"], mark["estimated"]) == (used, estimated)


def test_the_rest_is_asked_for_without_reasoning() -> None:
    for mode, sent in (("on", None), ("off", ReasoningConfig(mode="off"))):
        second = service(*text("b"), END)
        told(between(service(*text("a"), BROKEN), second), replace(REQUEST, reasoning=ReasoningConfig(mode=mode)))  # type: ignore[arg-type]  # one of its words
        assert second.asked[0].reasoning == sent


def test_it_may_go_on_more_than_once() -> None:
    second, third = service(*text("b "), BROKEN), service(*text(" c"), END)
    asked = between(service(*text("a"), BROKEN), second, third)
    answer, events = paused(read(asked, replace(REQUEST, max_output_tokens=100)))
    response = fold(events)
    assert response.text == "ab c"
    assert [each.messages[-1] for each in (*second.asked, *third.asked)] == [assistant("a"), assistant("ab")]
    assert third.asked[0].max_output_tokens == 98
    assert [(each.target, each.code) for each in answer.attempts] == [("s0/m", "truncated"), ("s1/m", "truncated")]
    assert [loss.name for loss in response.losses] == ["answer.continued"]
    check_settled(asked)


def test_a_target_that_cannot_go_on_is_passed_over() -> None:
    second, third = service(*text("x"), END), service(*text("b"), END)
    assert told(between(service(*text("a"), BROKEN), second, third, able=(True, False))).text == "ab"
    assert second.asked == []


def test_the_target_that_broke_off_need_not_take_a_beginning() -> None:
    assert told(between(service(*text("a"), BROKEN), service(*text("b"), END), able=(False,))).text == "ab"


@pytest.mark.parametrize("able", [True, False])
def test_the_same_target_is_asked_again_only_if_it_takes_a_beginning(able: bool) -> None:
    first, second = service(*text("a"), BROKEN), service(*text("b"), END)
    asked = between(first, second, able=(able, True), retry=RetryPolicy(2, 3))
    assert told(asked).text == ("aab" if able else "ab")
    assert len(first.asked) == (2 if able else 1)


def test_if_only_white_space_has_come_any_target_may_answer() -> None:
    second = service(*text("\nb"), END)
    assert told(between(service(*text("\n"), BROKEN), second, able=(True, False))).text == "\nb"
    assert second.asked == [REQUEST]


def test_a_target_that_fails_is_followed_by_the_next() -> None:
    refused = service(refusal=ConnectError("no"))
    late = service((0.0, [ResponseStart()]), (0.0, OverloadedError("full")))
    asked = between(service(*text("a"), BROKEN), refused, late, service(*text("b"), END))
    answer, events = paused(read(asked))
    assert fold(events).text == "ab"
    assert [each.code for each in answer.attempts] == ["truncated", "connect_error", "overloaded"]
    assert late.open == 0
    check_settled(asked)


def test_if_nobody_can_go_on_the_error_is_that_of_the_break_with_all_attempts() -> None:
    first, second = service(*text("a"), BROKEN), service(refusal=ConnectError("no"))
    asked = between(first, second)
    error = failure(asked)
    assert isinstance(error, TruncatedStreamError)
    assert str(error) == "cut"
    assert [(each.target, each.code) for each in error.attempts] == [("s0/m", "truncated"), ("s1/m", "connect_error")]
    assert first.open + second.open == 0
    check_settled(asked)


def test_the_breaker_counts_the_break() -> None:
    asked = between(service(*text("a"), BROKEN), service(*text("b"), END))
    for _ in range(3):
        told(asked)
    assert health(asked, 0).breaker.state is State.OPEN
    assert health(asked, 1).breaker.state is State.CLOSED


SIGNED = OpaqueState("gemini", "sig")
LOGPROB = TokenLogprob("a", -0.1)
CALL = ToolCall(id="c1", name="weather")
STUCK: dict[str, list[Step]] = {
    "a tool call": [start(CALL, PartDelta('{"a"'))],
    "after a tool call": [start(CALL, PartDelta("{}"), PartEnd(), PartStart(Text(text="b")))],
    "a call after text": [*text("a"), (0.0, [PartEnd(), PartStart(CALL)])],
    "open reasoning": [start(Reasoning(text="hm"))],
    "reasoning with opaque state": [start(Reasoning(text=""), PartEnd(SIGNED), PartStart(Text(text="a")))],
    "text with opaque state": [*text("a"), (0.0, [PartEnd(SIGNED)])],
    "a signed start": [start(Text(text="a", opaque=SIGNED))],
    "a picture": [start(Image(url="https://pictures.example/1"), PartEnd(), PartStart(Text(text="a")))],
    "log probabilities": [start(Text(text=""), PartDelta("a", (LOGPROB,)))],
    "very much text": text("a" * MAX_TEXT, "b"),
}


@pytest.mark.parametrize("what", STUCK)
def test_after_some_parts_nobody_goes_on(what: str) -> None:
    second = service(*text("b"), END)
    asked = between(service(*STUCK[what], BROKEN), second)
    assert failure(asked) is CUT
    assert second.asked == []
    check_settled(asked)


REQUESTS: dict[str, dict[str, Any]] = {
    "a form": {"response_format": ResponseFormat("json_object")},
    "a schema": {"response_format": ResponseFormat("json_schema", schema={})},
    "log probabilities": {"top_logprobs": 0},
    "several answers": {"candidate_count": 2},
    "a summary": {"compact": True},
}


@pytest.mark.parametrize("what", REQUESTS)
def test_of_some_requests_nothing_is_continued(what: str) -> None:
    second = service(*text("b"), END)
    assert failure(between(service(*text("a"), BROKEN), second), replace(REQUEST, **REQUESTS[what])) is CUT
    assert second.asked == []


@pytest.mark.parametrize(
    ("stop", "goes_on"), [("END", False), ("a E\n|", False), ("E", True), ("\n\n", True), ("a", True)]
)
def test_where_a_stop_sequence_may_have_begun_nobody_goes_on(stop: str, goes_on: bool) -> None:
    second = service(*text("b"), END)
    asked, request = between(service(*text("a E\n"), BROKEN), second), replace(REQUEST, stop=(stop,))
    if goes_on:
        assert told(asked, request).text == "a E\nb"
    else:
        assert failure(asked, request) is CUT
    assert bool(second.asked) is goes_on


FAULTS: list[tuple[DragomanError, bool]] = [
    (OverloadedError("full"), True),
    (UpstreamError("500"), True),
    (BadEventError("what"), True),
    (ConnectError("reset"), True),
    (ContentFilterError("no"), False),
    (UpstreamError("never", code="x"), True),
]


@pytest.mark.parametrize(("fault", "goes_on"), FAULTS)
def test_a_fault_of_the_service_is_continued_and_no_other(fault: DragomanError, goes_on: bool) -> None:
    second = service(*text("b"), END)
    asked = between(service(*text("a"), (0.0, fault)), second)
    if goes_on:
        assert told(asked).text == "ab"
    else:
        assert failure(asked) is fault
    assert bool(second.asked) is goes_on


def test_a_rest_that_begins_with_reasoning_is_not_joined() -> None:
    second = service((0.0, [ResponseStart(), Metadata()]), (0.0, [PartStart(Reasoning(text="hm"))]))
    asked = between(service(*text("a"), BROKEN), second)
    error = failure(asked)
    assert isinstance(error, TruncatedStreamError)
    assert [each.code for each in error.attempts] == ["truncated", "unsupported_feature"]
    assert second.open == 0
    check_settled(asked)


def test_citations_count_from_the_beginning_of_the_joined_text() -> None:
    def cited(begin: int, end: int) -> Metadata:
        return Metadata((Citation(kind="url", url="https://a.example", text_range=(begin, end)),))

    first = service(*text("Hello \n"), (0.0, [cited(0, 5)]), BROKEN)
    second = service(
        (0.0, [ResponseStart(), PartStart(Text(text=" \nwor"))]), (0.0, [PartDelta("ld"), cited(2, 7)]), END
    )
    (part,) = told(between(first, second)).parts
    assert isinstance(part, Text)
    assert [part.text[slice(*(each.text_range or ()))] for each in part.citations] == ["Hello", "world"]


def test_the_state_of_the_rest_s_text_is_left_out() -> None:
    second = service(*text("b"), (0.0, [PartEnd(SIGNED), ResponseEnd("stop")]))
    (part,) = told(between(service(*text("a"), BROKEN), second)).parts
    assert (part.opaque, part) == (None, Text(text="ab"))


def test_the_one_that_is_hedged_may_be_continued() -> None:
    first, third = service(*text("x"), END, opening=9), service(*text("b"), END)
    asked = between(first, service(*text("a"), BROKEN), third, hedge=HedgeTime(1.0))
    answer, events = paused(read(asked))
    assert fold(events).text == "ab"
    assert [(each.target, each.code) for each in answer.attempts] == [("s0/m", "hedged"), ("s1/m", "truncated")]
    check_settled(asked)


def test_an_answer_that_is_closed_while_the_next_is_asked_takes_nothing_more() -> None:
    async def test() -> None:
        second = service(*text("b"), END)
        asked = between(service(*text("a"), BROKEN), second)
        answer = await translated(asked)(REQUEST)
        await answer.read()

        async def closing(request: ChatRequest) -> Answer:
            answer.close()
            return await second(request)

        asked.targets[1].continues = closing
        assert await answer.read() == []
        assert second.open == 0
        check_settled(asked)

    paused(test())


def test_wherever_the_caller_leaves_nothing_is_left_open() -> None:
    async def test() -> None:
        first, second = service(*text("a", seconds=0.1), (0.1, CUT)), service(refusal=ConnectError("no"), opening=0.1)
        third = service(*text("b", "c", seconds=0.1), END, opening=0.1)
        asked = between(first, second, third)

        def check() -> None:
            check_settled(asked)
            assert first.open + second.open + third.open == 0
            health(asked, 0).breaker.succeeded()
            health(asked, 1).breaker.succeeded()

        async def work() -> None:
            await read(asked)

        assert await cancelled_everywhere(work, check) >= 6

    paused(test())
