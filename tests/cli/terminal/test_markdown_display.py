"""Markdown drawn while it comes: the same in the end, however it was cut, and nothing that moves the cursor."""

import asyncio
import io
import random
import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from dragoman.cli.terminal.markdown import draw
from dragoman.cli.terminal.markdown_display import MarkdownPage
from dragoman.cli.terminal.region import Region
from dragoman.cli.terminal.spinner import Waiting

TEXT = """# Title

Some *words* and **more**, `code`, [a place](http://example.org/x).
Still the same paragraph.

- one
- two

  more of two

1. first

```python
print("hi")

print("there")
```

| a | b |
|---|---|
| 1 | 2 |

Heading
-------

> quoted
last\u2028words"""


async def drawn(pieces: list[str], *, pause: float = 0.0, terminal: bool = False, width: int = 60) -> str:
    """What a console got; of one that is no terminal only what stays."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, height=10)
    page = MarkdownPage(Waiting(""), console, pause)
    for piece in pieces:
        page.text(piece)
    page.close()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows(source: str, width: int = 60) -> list[str]:
    """What is drawn of a text at once, row by row."""
    console = Console(file=io.StringIO(), width=width)
    return ["".join(segment.text for segment in row.segments(console)) for row in draw(source, console)]


async def test_draws_the_same_at_every_cut() -> None:
    whole = await drawn([TEXT])
    assert "Title" in whole
    assert "a place (http://example.org/x)" in whole
    assert whole.endswith("▌ quoted\n▌ last\u2028words\n")
    assert await drawn(list(TEXT)) == whole
    for seed in range(10):
        marks = sorted(random.Random(seed).sample(range(1, len(TEXT)), 12))
        pieces = [TEXT[a:b] for a, b in zip([0, *marks], [*marks, len(TEXT)], strict=True)]
        assert await drawn(pieces) == whole, f"seed {seed}"


async def test_draws_the_same_with_and_without_pauses() -> None:
    assert await drawn(list(TEXT), pause=1e9) == await drawn(list(TEXT))


async def test_whole_blocks_are_drawn_before_the_end() -> None:
    console = Console(file=io.StringIO(), width=60)
    page = MarkdownPage(Waiting(""), console, 0.0)
    page.text("first\n\nsecond\n")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "first\n"
    page.close()
    assert console.file.getvalue() == "first\n\nsecond\n"


async def test_the_last_words_are_drawn_though_nothing_follows_them() -> None:
    seen = asyncio.Event()

    class Screen(io.StringIO):
        def write(self, text: str) -> int:
            if "three" in text:
                seen.set()
            return super().write(text)

    page = MarkdownPage(Waiting(""), Console(file=Screen(), force_terminal=True, width=60, height=10), 0.001)
    for piece in ("one ", "two ", "three"):
        page.text(piece)
    async with asyncio.timeout(30):
        await seen.wait()
    page.close()


async def test_what_stands_above_something_else_is_left_alone() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60, height=10)
    page = MarkdownPage(Waiting(""), console)
    page.text("one ")
    page.resume()
    page.text("two")
    page.close()
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[2K" not in console.file.getvalue()
    assert console.file.getvalue().endswith("one two\n")


@pytest.mark.parametrize(
    "source",
    [
        "run: mv <source> <target>",
        "a<b and c>d",
        "List<String> x",
        "<div>all of this stays</div>",
        "<think>so the user wants</think> The answer is 42.",
        "[ref]: http://hidden.example/",
        "[a][ref] and [b]",
        "<!-- a remark -->",
        "&lt;p&gt; &copy; &nbsp;",
    ],
)
def test_what_looks_like_html_is_text(source: str) -> None:
    assert rows(source) == [source]


def test_addresses_and_titles_are_drawn_behind_their_words() -> None:
    assert rows("![diagram](http://h/a.png) see") == ["diagram (http://h/a.png) see"]
    assert rows("![](http://h/a.png)") == ["(http://h/a.png)"]
    assert rows('[words](http://h/é "Title")') == ['words (http://h/é "Title")']
    assert rows("<http://h/x> <a@b.example>") == ["http://h/x a@b.example"]


def test_single_line_breaks_are_kept() -> None:
    assert rows("roses are red\nviolets are blue") == ["roses are red", "violets are blue"]


def test_code_has_no_margin_and_no_line_break_of_ours() -> None:
    long = "x = " + " + ".join(map(str, range(60)))
    code = f"import os\n\nfor i in range(2):\n\tprint(i)\n{long}"
    for source in (f"```python\n{code}\n```", f"```\n{code}\n```"):
        assert rows(source)[-5:] == code.split("\n")
    inside = "\n".join(f"   {line}" for line in code.split("\n"))
    listed = rows(f"1. first\n\n   ```sh\n{inside}\n   ```\n2. second")
    assert listed[3:8] == code.split("\n")
    assert (listed[0], listed[-1]) == (" 1. first", " 2. second")
    assert rows("```python title=x.py\npass\n```") == ["python title=x.py", "pass"]


def test_numbers_stay_what_they_are_written_as() -> None:
    assert rows("3. three\n3. three again\n10. ten") == ["  3. three", "  3. three again", " 10. ten"]


def test_a_table_that_cannot_be_drawn_is_shown_as_it_is_written() -> None:
    many = "| a | b |\n|---|---|\n| 1 | 2 | more |"
    assert rows(many) == many.split("\n")
    wide = "|" + "|".join("abcdefghij") + "|\n|" + "-|" * 10 + "\n|" + "|".join("0123456789") + "|"
    assert rows(wide, width=10) == wide.split("\n")


MARKS = [
    *"#->|*_`[]()!<>&;:/\\=\n\t ",
    "- ",
    "1. ",
    "```",
    "~~",
    "|-|-|",
    "](",
    "]: http://",
    "&lt;",
    "&#65;",
    "<!--",
    "\n\n",
]
SOURCES = st.lists(st.sampled_from(MARKS) | st.text("abcXYZ019é字👍🏽→ \n", max_size=6), max_size=25).map("".join)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(SOURCES, st.sampled_from([7, 20, 60]))
def test_every_letter_of_the_source_is_drawn(source: str, width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    region = Region(console)
    region.change(draw(source, console), [])
    assert isinstance(console.file, io.StringIO)
    assert not _letters(source) - _letters(console.file.getvalue())


@settings(max_examples=100, derandomize=True, deadline=None)
@given(SOURCES)
def test_every_letter_is_drawn_while_it_comes(source: str) -> None:
    assert not _letters(source) - _letters(asyncio.run(drawn(list(source))))


def _letters(text: str) -> Counter[str]:
    return Counter(char for char in text if not char.isspace() and char not in string.punctuation)


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;owned\x07",
        "\x9b2J",
        "&#27;]0;owned&#7;&#155;2J",
        "<http://x/%1b]0;owned%07>",
        "[a](http://x/%1b]0;owned%07 '\x1b]0;owned\x07')",
        "![a](http://x/%1b]0;owned%07)",
        "```\x1b]0;owned\x07\n\x1b]0;owned\x07\n```",
        "    \x1b]0;owned\x07",
        "<b>\x1b]0;owned\x07</b>",
        "| \x1b[2J |\n|---|\n| \x08 |",
        "a\rb&#13;&#12;&#11;",
        "```\x1b[2J \x9b\n```",
        "[a](http://x/\x9b2J) ![\x9b](\x9b '\x9b')",
    ],
)
async def test_no_spelling_of_a_control_character_comes_through(hostile: str) -> None:
    seen = await drawn([hostile])
    assert not {char for char in seen if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n"}
    # Between two calls the same text is drawn by the live region, with movements that are ours.
    moved = await drawn([hostile], terminal=True)
    assert "\x1b]" not in moved
    assert not {"\x07", "\x08", "\x9b", "\x0b", "\x0c"} & set(moved)
