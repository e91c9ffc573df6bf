"""Events told on a page, with parts of every kind, and batches cut anywhere."""

import pytest

from dragoman.cli.conversation.record import Record
from dragoman.cli.terminal.display import Display
from dragoman.cli.terminal.render import AnswerRenderer
from dragoman.errors import BadEventError
from dragoman.types import (
    Audio,
    ChangedRole,
    File,
    Image,
    LostChoice,
    LostField,
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
    Unknown,
    Usage,
)

EVENTS: list[StreamEvent] = [
    ResponseStart(losses=(LostField("top_k"), ChangedRole("messages[0].role"), LostField("seed"))),
    PartStart(Reasoning(text="h")),
    PartDelta("m"),
    PartEnd(),
    PartStart(Text(text="a")),
    PartDelta("b"),
    PartDelta("c"),
    PartEnd(),
    PartStart(ToolCall(id="1", name="f", arguments="{")),
    PartDelta('"x":'),
    PartDelta("1}"),
    PartEnd(),
    PartStart(Image(url="http://x/y.png")),
    PartEnd(),
    PartStart(Audio(data="", media_type="audio/wav")),
    PartEnd(),
    PartStart(File(name="a.pdf")),
    PartEnd(),
    PartStart(Unknown(protocol="gemini", data=1)),
    PartEnd(),
    PartStart(Refusal(text="")),
    PartDelta("no"),
    PartEnd(),
    ResponseEnd("length", Usage(1, 2), losses=(LostChoice("choices[1]"),)),
]

TOLD = (
    '[lost on the way, as a protocol has no words for it: top_k, seed](hm)abc[tool call: f({"x":1})][image: http://x/y.png]'
    "[sound: audio/wav][file: a.pdf][a part that only gemini knows]no"
    "[lost on the way, as a protocol has no words for it: choices[1]][the answer was cut at its length limit]"
)


class Written(Display):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told = ""

    def text(self, text: str) -> None:
        self.told += text

    def reasoning(self, text: str) -> None:
        self.told = self.told[:-1] + f"{text})" if self.told.endswith(")") else f"{self.told}({text})"

    def note(self, text: str) -> None:
        self.told += f"[{text}]"

    def close(self) -> None:
        return


def test_tells_every_kind_of_part_however_batches_are_cut() -> None:
    for size in range(1, len(EVENTS) + 1):
        page = Written()
        teller = AnswerRenderer(page)
        for begin in range(0, len(EVENTS), size):
            teller.feed(EVENTS[begin : begin + size])
        assert page.told == TOLD, f"batches of {size}"


@pytest.mark.parametrize("length", range(len(EVENTS) + 1))
def test_a_record_holds_what_came_until_any_event(length: int) -> None:
    record = Record()
    for event in EVENTS[:length]:
        record.feed([event])
    assert record.whole == (length == len(EVENTS))
    response = record.response()
    assert len(response.parts) == sum(isinstance(event, PartStart) for event in EVENTS[:length])
    assert response.finish_reason == ("length" if record.whole else "other")
    assert response.text == {5: "a", 6: "ab"}.get(length, "abc" if length > 6 else "")


def test_a_record_refuses_what_may_not_come() -> None:
    with pytest.raises(BadEventError):
        Record().feed([PartDelta("x")])
