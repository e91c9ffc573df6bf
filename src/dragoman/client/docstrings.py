"""What the docstring of a function or class says of it and of its parameters: in Google's, NumPy's or Sphinx' form.

Runs nothing.
"""

import re
from inspect import cleandoc

SECTION = re.compile(r"^(?:(\w[\w ]*):\s*|(\w[\w ]*)\n-{3,}\s*)$", re.MULTILINE)
"""The head of a section: `Args:`, or words with a line of dashes below them."""

PARAMETERS = frozenset(
    {
        *("args", "arguments", "parameters", "params"),
        *("keyword args", "keyword arguments", "other parameters"),
        "attributes",  # of a class, which are the parameters of making one
    }
)

OTHERS = frozenset({"returns", "return", "raises", "yields", "yield", "example", "examples", "note", "notes"})
"""Further sections, which are not part of the description."""

GOOGLE = re.compile(r"^\s*\*{0,2}(\w+)\s*(?:\(.*?\))?:\s*(.*)$")
"""`name (type): words`."""

NUMPY = re.compile(r"^(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?()$")
"""`name : type` or `name, name : type`, with the words in the lines below it."""

GOOGLE_END = re.compile(r"^\S", re.MULTILINE)
"""What follows a section of Google's form: a line that is not indented."""

NUMPY_END = re.compile(r"^\S.*\n-{3,}\s*$", re.MULTILINE)
"""What follows a section of NumPy's form: the head of any other."""

SPHINX = re.compile(
    r"^:(?:param|parameter|arg|ivar|var)(?:\s+[^:]*?)?\s+\*{0,2}(\w+):\s*"
    r"(.*(?:(?:\n[ \t]*)*\n[ \t]+\S.*)*)",
    re.MULTILINE,
)
FIELD = re.compile(r"^:\w[^:\n]*:(?!`)", re.MULTILINE)
"""The beginning of a field (`:param a:`), and not of a role (``:func:`a` ``)."""


def read(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description, and the words for each parameter; empty if there are none."""
    text = cleandoc(docstring or "")
    words = {found[1]: _line(found[2]) for found in SPHINX.finditer(text)}
    field = FIELD.search(text)
    body = text[: field.start()] if field else text
    heads = [found for found in SECTION.finditer(body) if _name(found) in PARAMETERS | OTHERS]
    for head in heads:
        if _name(head) in PARAMETERS:
            words |= _parameters(body, head)
    return body[: heads[0].start() if heads else None].strip(), words


def _name(head: re.Match[str]) -> str:
    return (head[1] or head[2]).strip().lower()


def _parameters(text: str, head: re.Match[str]) -> dict[str, str]:
    """The words for each name in the section below `head`: lines that are indented further than the names belong to the
    names before them."""
    form, ending = (GOOGLE, GOOGLE_END) if head[1] else (NUMPY, NUMPY_END)
    end = ending.search(text, head.end() + 1)
    lines = [line for line in text[head.end() : end.start() if end else None].split("\n") if line.strip()]
    least = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        indented = len(line) - len(line.lstrip()) > least
        match = None if indented else form.match(line)
        if match is not None:
            names = re.findall(r"\w+", match[1])
        for name in names:
            found[name] = match[2] if match is not None else f"{found[name]} {line}"
    return {each: _line(words) for each, words in found.items()}


def _line(words: str) -> str:
    return " ".join(words.split())
