"""Fragments in any order become parts in ours."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError
from dragoman.protocols.parts import PartAssembler
from dragoman.types import (
    AnyPart,
    ChatResponse,
    Citation,
    Image,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
    fold,
)

Move = Callable[[PartAssembler, list[StreamEvent]], None]


def text(words: str) -> Move:
    return lambda parts, out: parts.text(out, words)


def refusal(words: str) -> Move:
    return lambda parts, out: parts.refusal(out, words)


def reasoning(words: str) -> Move:
    return lambda parts, out: parts.reasoning(out, words)


def call(key: int, arguments: str = "", name: str = "", call_id: str = "") -> Move:
    return lambda parts, out: parts.tool_call(out, key, call_id, name, arguments)


def sign(signature: str) -> Move:
    return lambda parts, out: parts.sign(out, OpaqueState("p", signature))


def whole(part: AnyPart) -> Move:
    return lambda parts, out: parts.whole(out, PartStart(part))


def play(*moves: Move, close: bool = True) -> list[StreamEvent]:
    """The events of these moves."""
    parts = PartAssembler()
    out: list[StreamEvent] = []
    for move in moves:
        move(parts, out)
    if close:
        parts.close(out)
    return out


def parts_of(*moves: Move) -> tuple[AnyPart, ...]:
    """The parts of these moves, by the grammar."""
    return folded(play(*moves)).parts


def folded(events: list[StreamEvent]) -> ChatResponse:
    return fold([ResponseStart(), *events, ResponseEnd("stop")])


def test_words_of_one_kind_are_one_part_and_go_out_at_once() -> None:
    assert play(text("a"), text(""), text("b"), close=False) == [
        PartStart(Text(text="")),
        PartDelta("a"),
        PartDelta("b"),
    ]
    assert play(refusal("a"), refusal(""), refusal("b")) == [
        PartStart(Refusal(text="")),
        PartDelta("a"),
        PartDelta("b"),
        PartEnd(),
    ]


def test_nothing_opens_nothing() -> None:
    assert play(text(""), refusal(""), reasoning("")) == []
    assert play() == []


def test_kinds_take_turns() -> None:
    assert parts_of(reasoning("hm"), text("a"), refusal("no"), text("b"), text("c")) == (
        Reasoning(text="hm"),
        Text(text="a"),
        Refusal(text="no"),
        Text(text="bc"),
    )


def test_a_call_is_streamed_as_it_comes() -> None:
    moves = [call(0, name="f", call_id="c1"), call(0, '{"a'), call(0, ""), call(0, '":1}')]
    assert play(*moves, close=False) == [
        PartStart(ToolCall(id="c1", name="f")),
        PartDelta('{"a'),
        PartDelta('":1}'),
    ]
    assert parts_of(*moves) == (ToolCall(id="c1", name="f", arguments='{"a":1}'),)


def test_calls_in_a_row_end_one_another() -> None:
    events = play(call(0, "{}", "f", "a"), call(1, "{", "g", "b"), close=False)
    assert events == [
        PartStart(ToolCall(id="a", name="f")),
        PartDelta("{}"),
        PartEnd(),
        PartStart(ToolCall(id="b", name="g")),
        PartDelta("{"),
    ]


def test_interleaved_calls_wait_for_the_open_one() -> None:
    moves = [
        call(0, '{"a', "f", "c0"),
        call(1, "{", "g", "c1"),
        call(0, '":'),
        call(2, "{}", "h", "c2"),
        call(1, "}"),
    ]
    assert play(*moves, close=False) == [PartStart(ToolCall(id="c0", name="f")), PartDelta('{"a'), PartDelta('":')]
    assert play(*moves, call(0, "1}"), close=False)[3:] == [
        PartDelta("1}"),
        PartEnd(),
        PartStart(ToolCall(id="c1", name="g")),
        PartDelta("{}"),
        PartEnd(),
        PartStart(ToolCall(id="c2", name="h")),
        PartDelta("{}"),
    ]


def test_closing_gives_out_what_waits_in_its_order() -> None:
    moves = [call(0, '{"a', "f", "c0"), call(1, "{", "g", "c1"), text("said"), call(2, "", "h", "c2"), call(1, "}")]
    assert parts_of(*moves) == (
        ToolCall(id="c0", name="f", arguments='{"a'),
        ToolCall(id="c1", name="g", arguments="{}"),
        Text(text="said"),
        ToolCall(id="c2", name="h", arguments="{}"),
    )


def test_a_call_without_arguments_has_an_empty_object_unless_the_answer_was_cut() -> None:
    for cut, arguments in ((False, "{}"), (True, "")):
        out: list[StreamEvent] = []
        parts = PartAssembler()
        parts.tool_call(out, 0, "c0", "f", "")
        parts.close(out, cut=cut)
        assert fold([ResponseStart(), *out, ResponseEnd("stop")]).parts == (ToolCall("c0", "f", arguments),)


def test_a_freeform_call_may_be_given_nothing() -> None:
    out: list[StreamEvent] = []
    parts = PartAssembler()
    parts.tool_call(out, 0, "c0", "f", "", input_format="text")
    parts.close(out)
    assert out == [PartStart(ToolCall("c0", "f", input_format="text")), PartEnd()]


def test_words_wait_for_an_unfinished_call_and_keep_their_order() -> None:
    moves = [call(0, "{", "f"), text("a"), text("b"), reasoning("hm"), text("c")]
    assert play(*moves, close=False) == [PartStart(ToolCall(id="call_0", name="f")), PartDelta("{")]
    expected = (ToolCall(id="call_0", name="f", arguments="{}"), Text(text="ab"), Reasoning(text="hm"), Text(text="c"))
    assert parts_of(*moves, call(0, "}")) == expected
    assert parts_of(*moves, call(0, "}"), text("d"))[-1] == Text(text="cd")


def test_words_behind_a_finished_call_go_out_at_once() -> None:
    assert play(call(0, "{}", "f"), text("a"), close=False)[-2:] == [PartStart(Text(text="")), PartDelta("a")]


def test_a_missing_id_is_made_from_the_key() -> None:
    assert parts_of(call(3, "{}", "f"), call(5, "{}", "g", "own")) == (
        ToolCall(id="call_3", name="f", arguments="{}"),
        ToolCall(id="own", name="g", arguments="{}"),
    )


@pytest.mark.parametrize("open_first", [False, True])
def test_a_call_waits_for_its_name_and_keeps_its_id(open_first: bool) -> None:
    before = [call(0, "{", "f")] if open_first else []
    moves = [
        *before,
        call(1, "{", call_id="own"),
        call(1, '"a":1'),
        text("said"),
        call(1, "}", "g"),
        call(1, "", "late", "other"),
    ]
    assert parts_of(*moves)[-2:] == (ToolCall(id="own", name="g", arguments='{"a":1}'), Text(text="said"))


def test_an_id_may_come_behind_the_name_while_the_call_waits() -> None:
    assert parts_of(call(0, "{", "f"), call(1, "{", "g"), call(1, "}", call_id="own"))[1].extra == {}
    assert parts_of(call(0, "{", "f"), call(1, "{", "g"), call(1, "}", call_id="own"))[1] == ToolCall(
        id="own", name="g", arguments="{}"
    )


def test_words_behind_a_nameless_call_do_not_overtake_it() -> None:
    moves = [text("a"), call(0, "{}"), text("b")]
    assert play(*moves, close=False) == [PartStart(Text(text="")), PartDelta("a")]
    assert parts_of(*moves, call(0, "", "f")) == (
        Text(text="a"),
        ToolCall(id="call_0", name="f", arguments="{}"),
        Text(text="b"),
    )


def test_a_call_that_never_gets_a_name_is_an_error_at_the_end() -> None:
    with pytest.raises(BadEventError, match="expected the name of a tool call"):
        play(text("a"), call(0, "{}"))


def test_late_fragments_of_a_closed_call_may_only_be_blank() -> None:
    moves = [call(0, "{}", "f"), call(1, "{}", "g")]
    assert parts_of(*moves, call(0, ""), call(0, " \n")) == parts_of(*moves)
    with pytest.raises(BadEventError, match="no more arguments"):
        play(*moves, call(0, "{}"))


def test_repeated_names_and_ids_of_the_open_call_change_nothing() -> None:
    assert parts_of(call(0, "{", "f", "c"), call(0, "}", "f", "c")) == (ToolCall(id="c", name="f", arguments="{}"),)


def test_a_whole_part_ends_what_is_open_and_what_waits() -> None:
    image = Image(url="data:,")
    assert parts_of(call(0, "{", "f"), text("a"), whole(image), text("b")) == (
        ToolCall(id="call_0", name="f", arguments="{"),
        Text(text="a"),
        image,
        Text(text="b"),
    )


def test_a_signature_belongs_to_the_reasoning_under_way() -> None:
    assert parts_of(reasoning("hm"), sign("s"), text("a")) == (
        Reasoning(text="hm", opaque=OpaqueState("p", "s")),
        Text(text="a"),
    )
    assert parts_of(reasoning("hm"), text("a"), reasoning("so"), sign("s")) == (
        Reasoning(text="hm"),
        Text(text="a"),
        Reasoning(text="so", opaque=OpaqueState("p", "s")),
    )


def test_a_signature_without_words_has_a_reasoning_of_its_own() -> None:
    assert parts_of(sign("s"), text("a")) == (Reasoning(text="", opaque=OpaqueState("p", "s")), Text(text="a"))
    assert parts_of(text("a"), sign("s")) == (Text(text="a"), Reasoning(text="", opaque=OpaqueState("p", "s")))


@pytest.mark.parametrize("opened", [[], [call(0, "{", "f")]], ids=["alone", "within a call"])
def test_words_after_a_signature_are_another_reasoning_unless_none_came_before(opened: list[Move]) -> None:
    closed = [call(0, "}")] if opened else []
    one, other = OpaqueState("p", "s"), OpaqueState("p", "t")
    before = [sign("s"), reasoning("h"), reasoning("m")]
    assert parts_of(*opened, *before, *closed)[len(closed) :] == (Reasoning(text="hm", opaque=one),)
    after = [reasoning("h"), sign("s"), reasoning("m"), sign("t"), reasoning("so")]
    assert parts_of(*opened, *after, *closed)[len(closed) :] == (
        Reasoning(text="h", opaque=one),
        Reasoning(text="m", opaque=other),
        Reasoning(text="so"),
    )


def test_a_signature_waits_with_its_reasoning() -> None:
    opened = [call(0, "{", "f")]
    assert parts_of(*opened, reasoning("hm"), sign("s"), text("a"), call(0, "}"))[1:] == (
        Reasoning(text="hm", opaque=OpaqueState("p", "s")),
        Text(text="a"),
    )
    assert parts_of(*opened, sign("s"), reasoning("hm"), call(0, "}"))[1:] == (
        Reasoning(text="hm", opaque=OpaqueState("p", "s")),
    )


def test_says_whether_a_call_was_seen() -> None:
    parts = PartAssembler()
    out: list[StreamEvent] = []
    parts.text(out, "a")
    assert not parts.saw_tool_call
    parts.tool_call(out, 0, "", "f", "{}")
    assert parts.saw_tool_call


def test_closing_twice_is_closing_once() -> None:
    parts = PartAssembler()
    out: list[StreamEvent] = []
    parts.text(out, "a")
    parts.close(out)
    parts.close(out)
    assert out.count(PartEnd()) == 1


ARGUMENTS = st.sampled_from(["{}", '{"a":1}', '{"s":"}{"}', '{"n":{"m":[1,2]}}', '{"q":"\\""}'])


@given(st.lists(ARGUMENTS, min_size=1, max_size=4), st.integers(0, 2**32))
def test_calls_interleaved_in_any_way_come_out_whole(arguments: list[str], seed: int) -> None:
    rng = random.Random(seed)
    left = {key: list(said) for key, said in enumerate(arguments)}
    moves = [call(key, "", f"f{key}", f"c{key}") for key in left]
    while any(left.values()):
        key = rng.choice([key for key, pieces in left.items() if pieces])
        moves.append(call(key, left[key].pop(0)))
    assert parts_of(*moves) == tuple(
        ToolCall(id=f"c{key}", name=f"f{key}", arguments=said) for key, said in enumerate(arguments)
    )


MOVES = st.one_of(
    st.sampled_from(["a", "", " "]).map(text),
    st.sampled_from(["r", ""]).map(refusal),
    st.sampled_from(["t", ""]).map(reasoning),
    st.builds(call, st.integers(0, 2), st.sampled_from(["", "{", "}", "{}"]), st.sampled_from(["", "f"])),
    st.just(sign("s")),
    st.just(whole(Image(url="x"))),
)


@given(st.lists(MOVES, max_size=14))
def test_any_moves_keep_the_grammar_or_raise_an_error_of_the_tree(moves: list[Move]) -> None:
    try:
        events = play(*moves)
    except BadEventError:
        return
    folded(events)


def test_the_arguments_of_an_open_call_are_read_once() -> None:
    pieces = ['{"a":{}'] * 20_000
    moves = [call(0, "", "f"), call(1, "", "g"), *(call(0, piece) for piece in pieces)]
    assert parts_of(*moves)[0] == ToolCall(id="call_0", name="f", arguments="".join(pieces))


SOURCE = Citation(kind="url", url="https://a")


def cite() -> Move:
    return lambda parts, out: parts.cite(out, (SOURCE,))


def test_sources_stand_with_their_text_or_with_an_empty_one() -> None:
    assert parts_of(text("a"), cite()) == (Text(text="a", citations=(SOURCE,)),)
    assert parts_of(cite()) == (Text(text="", citations=(SOURCE,)),)
    assert parts_of(reasoning("hm"), cite()) == (Reasoning(text="hm"), Text(text="", citations=(SOURCE,)))


def test_sources_of_a_text_that_waits_wait_with_it() -> None:
    waiting = (call(0, "{", "f", "c"), text("a"), cite(), cite())
    assert parts_of(*waiting, call(0, "}")) == (
        ToolCall(id="c", name="f", arguments="{}"),
        Text(text="a", citations=(SOURCE, SOURCE)),
    )


def test_a_freeform_call_is_never_known_to_be_complete() -> None:
    parts = PartAssembler()
    out: list[StreamEvent] = []
    parts.tool_call(out, 0, "a", "f", "{")
    parts.tool_call(out, 1, "b", "g", "{}", input_format="text")
    parts.tool_call(out, 2, "c", "h", "{}")
    assert [parts.complete(key) for key in (0, 1, 2, 3)] == [False, False, True, False]
    parts.tool_call(out, 0, "", "", "}")
    assert parts.complete(0)


def test_a_waiting_call_is_read_once_however_often_it_is_asked_whether_it_is_complete() -> None:
    parts, out = PartAssembler(), list[StreamEvent]()
    for move in (call(0, '{"a":"', "f"), call(1, '{"a":"', "g")):
        move(parts, out)
    for _ in range(20_000):
        call(1, "x")(parts, out)
        assert not parts.complete(1)
    call(1, '"}')(parts, out)
    assert parts.complete(1)
