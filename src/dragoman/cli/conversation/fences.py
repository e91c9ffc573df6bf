"""The code in an answer: the contents of fenced blocks. Knows no terminal, and needs no parser of Markdown.

https://spec.commonmark.org/0.31.2/#fenced-code-blocks, and a fence may be indented as deeply as its list is.
"""

import re
from collections.abc import Iterator

_OPENING = re.compile(r"([ \t]*)(?:(`{3,})[^`]*|(~{3,}).*)")
_CLOSING = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*")


def blocks(text: str) -> Iterator[str]:
    """Each block's content with the line feed at its end, without its fence's indentation.

    One that nothing closes goes to the end of the text.
    """
    fence, indent = "", 0
    code: list[str] = []
    for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        if not fence:
            if opening := _OPENING.fullmatch(line):
                fence, indent = opening[2] or opening[3], len(opening[1])
        elif (closing := _CLOSING.fullmatch(line)) and closing[1].startswith(fence):
            yield "".join(code)
            fence = ""
            code.clear()
        else:
            code.append(_less(line, indent) + "\n")
    if fence:
        yield "".join(code)


def _less(line: str, indent: int) -> str:
    """`line` without so many blanks at its beginning, or without all blanks that it has there."""
    blanks = len(line) - len(line.lstrip(" \t"))
    return line[min(indent, blanks) :]
