"""What callers do not send back of a turn: by what it is known again, what is kept, and who gets it."""

import pytest

from dragoman.protocols.kept_turns import HASHED, LARGEST, TurnReader, kept_turn, noted, turn_key, with_kept
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    Message,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    Text,
    ToolCall,
    unfold,
)

ORIGIN = "0a1b2c3d"


def state(data: str) -> OpaqueState:
    return OpaqueState("p", data, ORIGIN)


def call(name: str = "f", arguments: str = "{}", **more: object) -> ToolCall:
    return ToolCall(id="c", name=name, arguments=arguments, **more)  # type: ignore[arg-type]


THOUGHT = Reasoning(text="Let me see.", opaque=state("t"))
HIDDEN = Reasoning(text="", form="redacted", opaque=state("h"))

SAME: list[tuple[list[AnyPart], list[AnyPart]]] = [
    ([Text(text="a"), Text(text="b")], [Text(text="ab")]),
    ([THOUGHT, Text(text="a")], [Text(text="a")]),
    ([call(), Text(text="a")], [Text(text="a"), call()]),
    ([ToolCall(id="1", name="f")], [ToolCall(id="other", name="f", arguments="{}")]),
    ([call(arguments='{"b":1,"a":"\\u00e9"}')], [call(arguments='{ "a": "é", "b": 1 }')]),
    ([call(arguments="{half")], [call(arguments="{half")]),
]
OTHER: list[tuple[list[AnyPart], list[AnyPart]]] = [
    ([Text(text="a")], [Text(text="a ")]),
    ([call("f"), call("g")], [call("g"), call("f")]),
    ([call(arguments='{"a":1}')], [call(arguments='{"a":"1"}')]),
    ([call(arguments='{"a":1}', input_format="text")], [call(arguments='{"a": 1}', input_format="text")]),
    ([Text(text="a")], [Text(text="a"), call()]),
    ([call(arguments="{half")], [call(arguments="{hal")]),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_turn_is_known_again_by_its_text_and_its_calls(one: list[AnyPart], other: list[AnyPart]) -> None:
    assert turn_key(one) == turn_key(other) is not None


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_turn_is_not_taken_for_it(one: list[AnyPart], other: list[AnyPart]) -> None:
    assert turn_key(one) != turn_key(other)


def test_a_turn_without_text_and_calls_is_not_known_again() -> None:
    assert turn_key([THOUGHT]) is None


def test_of_a_turn_without_opaque_state_nothing_is_kept() -> None:
    assert kept_turn([Reasoning(text="hm"), Text(text="a"), call()]) is None


def sent_back(original: list[AnyPart], dropped: list[AnyPart], origin: str = ORIGIN) -> tuple[AnyPart, ...]:
    """What a service with `origin` gets of `original`, of which the caller sent back `dropped`."""
    kept = kept_turn(original)
    assert kept is not None
    request = ChatRequest(model="m", messages=(noted(Message("assistant", tuple(dropped)), (kept,)),))
    return with_kept(request, "p", origin).messages[0].parts


SIGNED_CALLS: list[AnyPart] = [call("f", opaque=state("f")), call("g"), call("h", opaque=state("h"))]

RESTORED: list[tuple[list[AnyPart], list[AnyPart], list[AnyPart]]] = [
    ([THOUGHT, Text(text="a")], [Text(text="a")], [THOUGHT, Text(text="a")]),
    # A caller's own words of the reasoning have no signature.
    ([THOUGHT, Text(text="a")], [Reasoning(text="Let me"), Text(text="a")], [THOUGHT, Text(text="a")]),
    ([THOUGHT, HIDDEN, call()], [Text(text=""), call()], [THOUGHT, HIDDEN, Text(text=""), call()]),
    (SIGNED_CALLS, [call("f"), call("g"), call("h")], SIGNED_CALLS),
    (
        [call("f"), THOUGHT, Text(text="a"), HIDDEN, call("g")],
        [Text(text="a"), call("f"), call("g")],
        [Text(text="a"), call("f"), THOUGHT, HIDDEN, call("g")],
    ),
    ([Text(text="a"), THOUGHT], [Text(text="a")], [Text(text="a"), THOUGHT]),
    (
        [Text(text="a", opaque=state("a")), Text(text="b", opaque=state("b"))],
        [Text(text="ab")],
        [Text(text="ab", opaque=state("b"))],
    ),
    (
        [Text(text="a", opaque=state("a")), Text(text="b")],
        [Text(text="a"), Text(text="b")],
        [Text(text="a", opaque=state("a")), Text(text="b")],
    ),
    # All came back, but the thoughts stand together.
    (
        [THOUGHT, Text(text="a"), call("f"), HIDDEN, call("g", opaque=state("g"))],
        [THOUGHT, HIDDEN, Text(text="a"), call("f"), call("g", opaque=state("g"))],
        [THOUGHT, Text(text="a"), call("f"), HIDDEN, call("g", opaque=state("g"))],
    ),
    # The words of the thoughts are left out, and their state stands on the call after them.
    ([THOUGHT, call("f"), call("g")], [call("f", opaque=state("t")), call("g")], [THOUGHT, call("f"), call("g")]),
    # The words of the thoughts are left out, and the state is where it was: what the caller sends stays as it is.
    (
        [Reasoning(text="mine"), call("f", opaque=state("f"))],
        [call("f", opaque=state("f"))],
        [call("f", opaque=state("f"))],
    ),
    # Not all came back, or something else: what the caller sends stays as it is.
    (
        [THOUGHT, Text(text="a"), HIDDEN, call("g", opaque=state("g"))],
        [THOUGHT, HIDDEN, Text(text="a"), call("g")],
        [THOUGHT, HIDDEN, Text(text="a"), call("g")],
    ),
    # The reasoning was never opaque: what the caller says of it stays.
    (
        [call(opaque=state("c"))],
        [Reasoning(text="mine"), call()],
        [Reasoning(text="mine"), call(opaque=state("c"))],
    ),
]


@pytest.mark.parametrize(("original", "dropped", "expected"), RESTORED)
def test_the_service_that_wrote_it_gets_the_turn_as_it_was(
    original: list[AnyPart], dropped: list[AnyPart], expected: list[AnyPart]
) -> None:
    assert turn_key(original) == turn_key(dropped)
    assert list(sent_back(original, dropped)) == expected


def test_another_service_gets_what_the_caller_sent() -> None:
    dropped: list[AnyPart] = [Reasoning(text="Let me"), Text(text="a")]
    assert list(sent_back([THOUGHT, Text(text="a")], dropped, "ffffffff")) == dropped


def test_a_request_without_a_note_is_the_same_object() -> None:
    request = ChatRequest(model="m", messages=(Message("assistant", (Text(text="a"),), extra={"p": {"a": 1}}),))
    assert with_kept(request, "p", ORIGIN) is request


def test_of_a_stream_the_same_is_kept_as_of_its_answer() -> None:
    parts = (THOUGHT, HIDDEN, Text(text="a", opaque=state("a")), call(arguments='{"a":1}', opaque=state("c")))
    reader = TurnReader()
    for event in unfold(ChatResponse(parts=parts)):
        reader.feed([event])
    assert (reader.key(), reader.kept(), reader.signed) == (turn_key(parts), kept_turn(parts), True)
    assert reader.kept() is not None


def test_a_stream_without_opaque_state_is_not_signed_and_a_sound_is_passed_over() -> None:
    reader = TurnReader()
    reader.feed([PartStart(Audio(data="")), PartDelta("AAAA"), PartEnd(), PartStart(Text(text=""))])
    reader.feed([PartDelta("a"), PartDelta("b"), PartEnd(), ResponseEnd("stop")])
    assert (reader.key(), reader.kept(), reader.signed) == (turn_key([Text(text="ab")]), None, False)


@pytest.mark.parametrize("size", [1, 100, HASHED - 1, HASHED, 3 * HASHED + 5])
def test_of_a_long_text_a_stream_holds_a_little_and_knows_the_turn_again(size: int) -> None:
    reader = TurnReader()
    text = "ä\ud83d\ude00b" * HASHED
    reader.feed([PartStart(Text(text=""))])
    for at in range(0, len(text), size):
        reader.feed([PartDelta(text[at : at + size])])
        assert len(str(reader._unhashed)) < HASHED + size
        if at > 5 * max(HASHED, size):
            break
    reader.feed([PartDelta(text[at + size :]), PartEnd(state("t"))])
    assert reader.key() == turn_key([Text(text=text)])
    assert reader.kept() == kept_turn([Text(text=text, opaque=state("t"))])


@pytest.mark.parametrize("part", [Reasoning(text="", opaque=state("r")), call(arguments="", opaque=state("c"))])
def test_a_turn_with_more_reasoning_or_arguments_than_are_kept_holds_nothing_of_them(part: AnyPart) -> None:
    reader = TurnReader()
    reader.feed([PartStart(part), PartDelta("x" * LARGEST)])
    assert reader.key() is None
    for _ in range(9):
        reader.feed([PartDelta("x")])
    assert str(reader._unhashed) == ""
    reader.feed([PartEnd(), PartStart(Text(text="a")), PartEnd()])
    assert (reader.key(), reader.kept(), reader.signed) == (None, None, True)


def test_other_parts_than_the_model_s_words_and_calls_keep_nothing() -> None:
    sound = Audio(data="AAAA", opaque=state("a"))
    assert kept_turn((sound,)) is None
    assert kept_turn((sound, Text(text="x", opaque=state("t")))) == kept_turn((Text(text="x", opaque=state("t")),))
