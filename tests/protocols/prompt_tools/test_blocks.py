"""Calls in the text of an answer: found however the text is cut, and nothing else is taken for one."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.prompt_tools.blocks import CallReader
from dragoman.types import Tool, ToolCall

OFFERED = {name: Tool(name) for name in ("weather", "time")} | {"shell": Tool("shell", input_format="text")}
BLOCK = '```tool_call\n{"name": "weather", "arguments": {"city": "Рим"}}\n```'
WEATHER = ("weather", '{"city": "Рим"}')

Found = list[str | tuple[str, str]]


def read(*pieces: str) -> Found:
    """Texts, neighbours joined, and calls as name and arguments."""
    reader = CallReader(OFFERED)
    found: Found = []
    for each in [*(each for piece in pieces for each in reader.feed(piece)), *reader.finish()]:
        if isinstance(each, ToolCall):
            found.append((each.name, each.arguments))
        elif found and isinstance(last := found[-1], str):
            found[-1] = last + each
        else:
            found.append(each)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BLOCK, [WEATHER]),
        (f"{BLOCK}\n", [WEATHER]),
        (f"Let me look.\n\n{BLOCK}\nDone.", ["Let me look.\n\n", WEATHER, "Done."]),
        (f"{BLOCK}\n{BLOCK}", [WEATHER, WEATHER]),
        (f"{BLOCK}\n\n{BLOCK}\n\n", [WEATHER, "\n", WEATHER, "\n"]),
        (BLOCK.replace("\n", "\r\n"), [WEATHER]),
        (BLOCK.replace("```", "   ````").replace("tool_call", "tool_call  "), [WEATHER]),
        ('```tool_call\n\n {"arguments":{ "a" :1.50},"id":"x",\n"name":"time"}\n\n```', [("time", '{ "a" :1.50}')]),
        ('```tool_call\n{"name":"shell","arguments":{"input":"ls\\n-l"}}\n```', [("shell", "ls\n-l")]),
        (
            '```tool_call\n{"name":"time","arguments":{"a":"```\\n```tool_call"}}\n```',
            [("time", '{"a":"```\\n```tool_call"}')],
        ),
        (f"```\ncode\n```\n{BLOCK}", ["```\ncode\n```\n", WEATHER]),
        (f"`x` ```\n{BLOCK}", ["`x` ```\n", WEATHER]),
    ],
)
def test_blocks_are_calls(text: str, expected: Found) -> None:
    assert read(text) == expected


INTACT = [
    "",
    "\n",
    "plain",
    "``",
    "```",
    "```tool_call",
    "```tool_call\n",
    "```tool_call\n```",
    "```tool_call\n{",
    BLOCK[:-1],
    BLOCK.replace("tool_call", "tool_calls"),
    BLOCK.replace("tool_call", "json"),
    BLOCK.replace("```tool_call", "``` tool_call"),
    BLOCK.replace("```tool_call", "```tool_call x"),
    BLOCK.replace("```tool_call", "```tool_call" + " " * 80),
    BLOCK.replace("weather", "unknown"),
    BLOCK.replace("weather", ""),
    BLOCK.replace('"arguments"', '"args"'),
    BLOCK.replace('{"city": "Рим"}', '"Рим"'),
    BLOCK.replace('{"city": "Рим"}', "[1]"),
    BLOCK.replace('"Рим"', "NaN"),
    BLOCK.replace('"Рим"', "[" * 50_000 + "]" * 50_000),
    BLOCK.replace("}}", "}}}"),
    BLOCK.replace("}}", "}} and more"),
    BLOCK.replace("{", "say {", 1),
    BLOCK.replace("\n```", " ```"),
    BLOCK.replace("\n```", "\n``` and more"),
    "    " + BLOCK,
    "see " + BLOCK,
    f"````\n{BLOCK}\n````",
    f"~~~\n{BLOCK}\n~~~\n",
    f"```markdown\n{BLOCK}",
    '```tool_call\n{"name":"shell","arguments":{"command":"ls"}}\n```',
]


@pytest.mark.parametrize("text", INTACT)
def test_text_that_only_looks_like_a_block_stays_as_it_is(text: str) -> None:
    assert "".join(str(each) for each in read(text)) == text
    assert read(text) in ([text], [])


def test_text_passes_at_once_and_only_what_may_be_a_block_is_held() -> None:
    reader = CallReader(OFFERED)
    assert reader.feed("Hel") == ["Hel"]
    assert reader.feed("lo\n`") == ["lo\n"]
    assert reader.feed("`") == []
    assert reader.feed("x` and") == ["``x` and"]
    assert reader.feed("\n```tool_call\n") == ["\n"]
    assert reader.feed(" no") == ["```tool_call\n no"]
    assert reader.feed("\n```\n```tool_call\n{") == ["\n", "```\n"]
    assert reader.feed('"name":"time","arguments":{}}\n```') == []
    assert reader.feed("\n") == [ToolCall(id="", name="time", arguments="{}")]


def test_a_choice_of_tools_that_was_not_offered_is_text() -> None:
    assert CallReader({"time": Tool("time")}).feed(f"{BLOCK}\n") == [f"{BLOCK}\n"]


pieces = st.sampled_from(
    [BLOCK, "\n", "```", "````", "~~~", "tool_call", "`", " ", "{", "}", '"name": "time"', "text", "\r\n", *INTACT[:12]]
)
texts = st.lists(pieces, max_size=8).map("".join)


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(text=texts, data=st.data())
def test_any_cut_gives_the_same(text: str, data: st.DataObject) -> None:
    whole = read(text)
    assert read(*text) == whole
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=5)))
    assert read(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))) == whole


def blocks(found: Found) -> Iterator[str]:
    """What was read, written again; calls as BLOCK is."""
    for each in found:
        if isinstance(each, str):
            yield each
        else:
            yield f'```tool_call\n{{"name": {json.dumps(each[0])}, "arguments": {each[1]}}}\n```'


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(text=texts)
def test_nothing_is_lost_but_blanks_and_the_marks_of_a_block(text: str) -> None:
    def flat(said: str) -> str:
        return "".join(said.replace("`", "").split())

    assert flat("".join(blocks(read(text)))) == flat(text)
