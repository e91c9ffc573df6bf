"""Grammars of freeform tools: read, matched, refused, and given up; and answers whose calls are checked."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from msgspec.structs import replace

from dragoman.engine import grammar_check
from dragoman.engine.answer import Answer
from dragoman.engine.grammar import MAX_DEFINITION, MAX_TEXT, Checked, check_grammars, checked, grammars, unreadable
from dragoman.errors import InvalidRequestError, UpstreamError
from dragoman.types import (
    ChatRequest,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    UncheckedGrammar,
    user,
)

PATCH = r"""start: begin_patch hunk+ end_patch
begin_patch: "*** Begin Patch" LF
end_patch: "*** End Patch" LF?

hunk: add_hunk | delete_hunk | update_hunk
add_hunk: "*** Add File: " filename LF add_line+
delete_hunk: "*** Delete File: " filename LF
update_hunk: "*** Update File: " filename LF change_move? change?

filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

change_move: "*** Move to: " filename LF
change: (change_context | change_line)+ eof_line?
change_context: ("@@" | "@@ " /(.+)/) LF
change_line: ("+" | "-" | " ") /(.*)/ LF
eof_line: "*** End of File" LF

%import common.LF
"""
"""That of Codex's `apply_patch`."""
GOOD = "*** Begin Patch\n*** Add File: ä.txt\n+hi\n+\n*** Update File: b.py\n@@ def f\n-a\n+b\n c\n*** End Patch"

AMBIGUOUS = 'start: a a\na: "x" a | "x"\n'
"""No parser of the quick kind accepts what this one allows."""


@pytest.mark.parametrize(
    ("kind", "definition", "text", "found"),
    [
        ("regex", r"\d+-[a-z]+", "12-ab", "match"),
        ("regex", r"\d+-[a-z]+", "12-ab\n", "mismatch"),
        ("regex", r"\d+", "\ud800", "mismatch"),
        ("regex", "(", "x", "unreadable"),
        ("lark", PATCH, GOOD, "match"),
        ("lark", PATCH, GOOD + "\n", "match"),
        ("lark", PATCH, GOOD.replace("+hi", "hi"), "mismatch"),
        ("lark", PATCH, GOOD.removesuffix("*** End Patch"), "mismatch"),
        ("lark", PATCH, "", "mismatch"),
        ("lark", AMBIGUOUS, "xxx", "match"),
        ("lark", AMBIGUOUS, "x", "mismatch"),
        ("lark", "start: nothing_of_this_name", "x", "unreadable"),
        ("lark", "", "x", "unreadable"),
        ("regex", "a*", "a" * (MAX_TEXT + 1), "large"),
    ],
)
async def test_what_a_check_says(kind: str, definition: str, text: str, found: str) -> None:
    assert await checked((kind, definition), text, 60) == found


@pytest.mark.parametrize(
    ("kind", "definition", "why"),
    [
        ("regex", r"\d+", ""),
        ("regex", "(", "got one that cannot: missing ), unterminated subpattern at position 0"),
        ("lark", PATCH, ""),
        ("lark", AMBIGUOUS, ""),
        ("lark", "start: (", "got one that cannot: Unclosed parenthesis, at line 1 column 9"),
        ("lark", "", "got one that cannot: "),
        ("lark", "a" * (MAX_DEFINITION + 1), f"got {MAX_DEFINITION + 1} characters; at most {MAX_DEFINITION} are read"),
    ],
)
async def test_whether_a_grammar_can_be_read(kind: str, definition: str, why: str) -> None:
    found = await unreadable((kind, definition), 60)
    assert found.startswith(why)
    assert bool(found) is bool(why)


async def test_a_grammar_whose_reading_is_given_up_passes_and_is_tried_again() -> None:
    grammar = ("regex", "(?:x)")
    assert await unreadable(grammar, 0.0) == ""
    assert await unreadable(("regex", "(?:x"), 0.0) == ""
    assert await unreadable(("regex", "(?:x"), 60) != ""


async def test_all_grammars_of_a_request_have_one_time_together() -> None:
    tools = tuple(Tool(name=f"t{i}", grammar=("regex", "x" * i)) for i in range(1, 200))
    request = ChatRequest(model="m", messages=(user("hi"),), tools=(*tools, Tool(name="last", grammar=("regex", "("))))
    checking = grammars(request, frozenset())
    await check_grammars(request, checking, 0.1)  # not one process in a thousandth of a second: the last is not reached
    with pytest.raises(InvalidRequestError, match=r"tools\[0\]: expected a regex grammar that can be read"):
        await check_grammars(replace(request, tools=request.tools[-1:]), checking, 60)


async def test_a_check_takes_no_thread_from_other_work() -> None:
    release = Event()
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        other = asyncio.create_task(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(20):  # no measure, only an end
                assert await unreadable(("regex", "(?:y"), 60) != ""
                assert await checked(("regex", "y"), "y", 60) == "match"
        finally:
            release.set()
        await other


async def test_without_what_would_read_it_a_grammar_passes_unchecked() -> None:
    alone = [sys.executable, "-S", "-P", grammar_check.__file__]  # without the packages that are installed
    for text in ("x", None):
        asked = json.dumps({"kind": "lark", "definition": PATCH, "text": text, "seconds": 60})
        done = await asyncio.to_thread(subprocess.run, alone, input=asked.encode(), capture_output=True, check=True)
        assert done.stdout.strip() == b"absent"


async def test_a_check_that_would_take_years_is_given_up() -> None:
    assert await checked(("regex", "(a+)+"), "a" * 60 + "!", 0.5) not in {"match", "mismatch"}


class Told(Answer):
    """An answer of these batches."""

    def __init__(self, batches: Sequence[list[StreamEvent]]) -> None:
        self.batches = list(batches)
        self.closed = False

    async def read(self) -> list[StreamEvent]:
        return self.batches.pop(0) if self.batches else []

    def close(self) -> None:
        self.closed = True


def answer(text: str, form: str = "text", name: str = "t") -> list[StreamEvent]:
    """An answer with a text and a call."""
    call = ToolCall(id="c", name=name, arguments="", input_format=form)  # type: ignore[arg-type]  # one of its words
    pieces: list[StreamEvent] = [PartDelta(piece) for piece in text]
    before: list[StreamEvent] = [ResponseStart(), PartStart(Text(text="")), PartDelta("Hm"), PartEnd()]
    return [*before, PartStart(call), *pieces, PartEnd(), ResponseEnd("tool_call")]


async def read(told: Told, definition: str) -> list[StreamEvent]:
    """All events."""
    checking = Checked(told, {"t": ("regex", definition)}, 60)
    found: list[StreamEvent] = []
    while events := await checking.read():
        found += events
    return found


@pytest.mark.parametrize(("form", "said"), [("text", "ab"), ("json", '{"input":"ab"}')])
async def test_a_call_passes_whole_at_every_cut_or_nothing_of_it_does(form: str, said: str) -> None:
    events = answer(said, form)
    for cut in range(1, len(events)):
        assert await read(Told([events[:cut], events[cut:]]), "a?b") == events
    for cut in range(1, len(events)):
        told = Told([events[:cut], events[cut:]])
        checking = Checked(told, {"t": ("regex", "a")}, 60)
        got: list[StreamEvent] = []
        with pytest.raises(UpstreamError, match="regex grammar") as failed:
            while batch := await checking.read():
                got += batch
        assert failed.value.code == "grammar"
        assert told.closed
        assert not any(isinstance(event, PartStart) and isinstance(event.part, ToolCall) for event in got)


async def test_other_calls_pass_as_they_come() -> None:
    events = answer("anything", name="u")
    assert await read(Told([[event] for event in events]), "a") == events


async def test_arguments_that_are_not_the_one_field_do_not_match() -> None:
    for said in ("{}", '{"input":1}', '{"input":"a","more":1}', '{"input":"a'):
        with pytest.raises(UpstreamError):
            await read(Told([answer(said, "json")]), ".*")


async def test_a_grammar_that_cannot_be_read_is_named_and_the_call_passes() -> None:
    events = await read(Told([answer("ab")]), "(")
    assert events[:-1] == answer("ab")[:-1]
    end = events[-1]
    assert isinstance(end, ResponseEnd)
    assert end.losses == (UncheckedGrammar("answer.tool_call.grammar"),)
