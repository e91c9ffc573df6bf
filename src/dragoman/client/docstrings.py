"""What a function's docstring says of it and of its parameters: in Google's, NumPy's or Sphinx' form. Runs nothing."""

import re
from collections.abc import Iterator
from inspect import cleandoc

SECTION = re.compile(r"^(?:(\w[\w ]*):\s*|(\w[\w ]*)\n-{3,}\s*)$", re.MULTILINE)
"""The head of a section: `Args:`, or a word with a line of dashes below it."""

PARAMETERS = frozenset({"args", "arguments", "parameters", "params"})

OTHERS = frozenset(
    {"returns", "return", "raises", "yields", "yield", "example", "examples", "note", "notes", "attributes"}
)
"""Further sections, which are not part of the description."""

GOOGLE = re.compile(r"^\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
"""`name (type): words`."""

NUMPY = re.compile(r"^\*{0,2}(\w+)\s*(?::.*)?$")
"""`name : type`, with the words in the lines below it."""

SPHINX = re.compile(r"^:(?:param|parameter|arg)(?:\s+[^:]*?)?\s+\*{0,2}(\w+):\s*(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
FIELD = re.compile(r"^:\w+", re.MULTILINE)


def read(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description, and the words for each parameter; empty if there are none."""
    text = cleandoc(docstring or "")
    words = {found[1]: _line(found[2]) for found in SPHINX.finditer(text)}
    field = FIELD.search(text)
    body = text[: field.start()] if field else text
    end = len(body)
    for name, start, begin, stop in _sections(body):
        end = min(end, start)
        if name in PARAMETERS:
            words |= _parameters(body[begin:stop])
    return body[:end].strip(), words


def _sections(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Name, start, and the span of the body of each section that is known."""
    heads = [found for found in SECTION.finditer(text) if _name(found) in PARAMETERS | OTHERS]
    for i, found in enumerate(heads):
        stop = heads[i + 1].start() if i + 1 < len(heads) else len(text)
        yield _name(found), found.start(), found.end(), stop


def _name(found: re.Match[str]) -> str:
    return (found[1] or found[2]).strip().lower()


def _parameters(text: str) -> dict[str, str]:
    """The words for each name: lines that are indented further than the names belong to the name before them."""
    lines = [line for line in text.split("\n") if line.strip()]
    least = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        indented = len(line) - len(line.lstrip()) > least
        match = None if indented else (GOOGLE.match(line) if least else NUMPY.match(line))
        if match is not None:
            name = match[1]
            found[name] = match[2] if least else ""
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return {each: _line(words) for each, words in found.items()}


def _line(words: str) -> str:
    return " ".join(words.split())
