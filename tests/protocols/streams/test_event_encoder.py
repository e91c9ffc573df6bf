"""Events that are sent together make the bytes that they make one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.streams.event_encoder import framed, numbered
from dragoman.types import (
    ChatRequest,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
    user,
)
from dragoman.wire import json
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m%b", messages=(user("x"),))
TEXTS = ("a", "", "ü\N{LINE SEPARATOR}", '"', "\n\n", "\\", "%d %b", "\0")

texts = st.lists(st.sampled_from(TEXTS), max_size=4)
parts = st.sampled_from(
    (
        Text(text=""),
        Text(text="x", logprobs=(TokenLogprob("t", -1.0),)),
        Reasoning(text=""),
        ToolCall(id="c%d", name="f", arguments='{"a":"'),
    )
)


def events(said: list[tuple[Text | Reasoning | ToolCall, list[str]]]) -> list[StreamEvent]:
    """A whole answer; the arguments of calls are objects."""
    out: list[StreamEvent] = [ResponseStart("id", "m", 1)]
    for part, spoken in said:
        pieces = spoken
        out.append(PartStart(part))
        if isinstance(part, ToolCall):
            pieces = [*(json.encode(piece).decode()[1:-1] for piece in pieces), '"}']
        out += [PartDelta(piece) for piece in pieces]
        if isinstance(part, Text) and len(pieces) > 2:
            out.append(PartDelta("t", (TokenLogprob("t", -1.0),)))
        out.append(PartEnd())
    return [*out, ResponseEnd("stop", Usage(1, 2))]


@pytest.mark.parametrize("name", [name for name, dialect in DIALECTS.items() if dialect.relay])
def test_a_batch_makes_the_bytes_of_its_events(name: str) -> None:
    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(st.lists(st.tuples(parts, texts), max_size=4))
    def holds(said: list[tuple[Text | Reasoning | ToolCall, list[str]]]) -> None:
        answer = events(said)
        together, singly = (DIALECTS[name].server().encoder(REQUEST, fixed_env()) for _ in range(2))
        assert together.send(answer) == b"".join([singly.send([event]) for event in answer])

    holds()


def test_texts_are_json_strings_between_what_stands_around_them() -> None:
    assert framed(["a"], b"<", b">") == b'<"a">'
    assert framed(["a", "\n", '"\\'], b"<", b">") == rb'<"a"><"\n"><"\"\\">'
    assert numbered(["a", "%b"], b"<%b:%d>%%", 9) == b'<"a":9>%<"%b":10>%'
