"""The blocks of code in the documentation's pages."""

import re
from collections.abc import Iterator

from msgspec import Struct

from tests.cli.shell import REPOSITORY

BLOCK = re.compile(r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
PAGES = tuple(
    sorted(
        path.relative_to(REPOSITORY).as_posix()
        for path in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"))
    )
)


class Block(Struct, frozen=True):
    """A block of a page, and the one that follows it with nothing between them, if there is one."""

    page: str
    line: int
    language: str
    text: str
    output: str | None = None
    """What the block prints: a block `text` that follows at once."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    """The page, by its path in the repository."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(page: str) -> Iterator[Block]:
    """All of the page."""
    text = read(page)
    found = list(BLOCK.finditer(text))
    for number, this in enumerate(found, 1):
        after = found[number] if number < len(found) else None
        follows = after is not None and after["language"] == "text" and not text[this.end() : after.start()].strip()
        output = after["text"] if after is not None and follows else None
        yield Block(page, text.count("\n", 0, this.start()) + 1, this["language"], this["text"], output)


def written_in(language: str) -> list[Block]:
    """All blocks of all pages in that language."""
    return [block for page in PAGES for block in blocks(page) if block.language == language]
