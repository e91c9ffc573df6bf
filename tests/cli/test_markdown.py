"""Markdown drawn while it comes: the same in the end, however it was cut, and nothing that moves the cursor."""

import io
import random

import pytest
from rich.console import Console

from dragoman.cli.markdown import MarkdownPage
from dragoman.cli.waiting import Waiting

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


def drawn(pieces: list[str], *, pause: float = 0.0, terminal: bool = False) -> str:
    """What a console got; of one that is no terminal only what stays."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60, height=10)
    page = MarkdownPage(Waiting(""), console, pause)
    for piece in pieces:
        page.text(piece)
    page.close()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_draws_the_same_at_every_cut() -> None:
    whole = drawn([TEXT])
    assert "Title" in whole
    assert "a place (http://example.org/x)" in whole
    assert whole.endswith("▌ quoted last\u2028words\n")
    assert drawn(list(TEXT)) == whole
    for seed in range(10):
        marks = sorted(random.Random(seed).sample(range(1, len(TEXT)), 12))
        pieces = [TEXT[a:b] for a, b in zip([0, *marks], [*marks, len(TEXT)], strict=True)]
        assert drawn(pieces) == whole, f"seed {seed}"


def test_draws_the_same_with_and_without_pauses() -> None:
    assert drawn(list(TEXT), pause=1e9) == drawn(list(TEXT))


def test_whole_blocks_are_drawn_before_the_end() -> None:
    console = Console(file=io.StringIO(), width=60)
    page = MarkdownPage(Waiting(""), console, 0.0)
    page.text("first\n\nsecond\n")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "first\n"
    page.close()
    assert console.file.getvalue() == "first\n\nsecond\n"


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
    ],
)
def test_no_spelling_of_a_control_character_comes_through(hostile: str) -> None:
    seen = drawn([hostile])
    assert not {char for char in seen if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n"}
    # Between two calls the same text is drawn by the live region, with movements that are ours.
    moved = drawn([hostile], terminal=True)
    assert "\x1b]" not in moved
    assert not {"\x07", "\x08", "\x9b", "\x0b", "\x0c"} & set(moved)
