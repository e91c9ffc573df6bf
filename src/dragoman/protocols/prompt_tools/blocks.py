"""The form of a call in text, and the reader that finds calls in an answer. Knows no protocol.

One block for each call:

    ```tool_call
    {"name": "weather", "arguments": {"city": "Rome"}}
    ```

Text passes at once, except for what may be such a block:

    a line that may still become the opening one     held until it is complete, or is another line
    what follows it                                  held until the closing line, unless it does not begin with `{`
    a block that is a call of an offered tool        becomes a ToolCall; arguments are the text that the model wrote
    any other block, and one that never ends         is text, as it came

A block inside of another fenced block is an example, and text.
"""

import re

import msgspec
from msgspec import Raw, Struct

from dragoman.protocols.tools.freeform import unwrapped_input
from dragoman.types import Tool, ToolCall
from dragoman.wire import floats, json

CALL = "tool_call"
"""The name of the block."""

OPENING = re.compile(rf" {{0,3}}(`{{3,}}){CALL}[ \t]*")
"""The first line of a call, without its end."""
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*\Z)|~{3,})(.*)", re.DOTALL)
"""A line that begins a fenced block, or ends one if nothing follows in it."""

MAX_LINE = 64
"""Characters at the beginning of a line that are looked at: four times as many as an opening line needs."""


def raw_object(text: str) -> Raw | None:
    """`text` to be put into JSON as it is; None if it is no JSON object."""
    try:
        value = floats.decode(text)
    except json.NOT_STRICT:
        return None
    return Raw(text.encode()) if isinstance(value, dict) else None


class _Call(Struct, forbid_unknown_fields=True):
    name: str
    arguments: Raw
    id: str | None = None
    """A model that repeats the form of earlier calls writes one; it is not used."""


_decode_call = msgspec.json.Decoder(_Call).decode


class CallReader:
    """The text of an answer, cut anywhere, to text and calls; see above."""

    def __init__(self, offered: dict[str, Tool]) -> None:
        self._offered = offered
        self._line = ""
        """The beginning of the current line."""
        self._held: list[str] = []
        """What has come and may belong to a call."""
        self._size = 0
        """Characters of it."""
        self._start = 0
        """Those of them that stand before the current line."""
        self._fence = ""
        """The fence of the open block, if one is open."""
        self._opening = 0
        """Characters of the first line of a block that may be a call; 0 if no such block is open."""
        self._is_object = False
        """Whether that block begins as an object does."""

    def feed(self, text: str) -> list[str | ToolCall]:
        """What `text` completes; a call has no id yet."""
        out: list[str | ToolCall] = []
        start = 0
        while start < len(text):
            end = text.find("\n", start) + 1 or len(text)
            self._piece(text[start:end], out)
            start = end
        return out

    def finish(self) -> list[str | ToolCall]:
        """The last of it: there is no more text."""
        out: list[str | ToolCall] = []
        if self._opening and self._closes(self._line):
            self._end_block(out)
        self._release(out)
        self._line = self._fence = ""
        return out

    def _piece(self, piece: str, out: list[str | ToolCall]) -> None:
        """A piece of the current line; with a line end, the last one."""
        if len(self._line) < MAX_LINE:
            self._line += piece[: MAX_LINE - len(self._line)]
        self._held.append(piece)
        self._size += len(piece)
        if self._opening and not self._is_object and (begun := piece.lstrip()):
            if begun.startswith("{"):
                self._is_object = True
            else:
                self._release(out)
        if not self._opening and (self._fence or not _may_open(self._line)):
            self._release(out)
        if piece.endswith("\n"):
            self._end_line(out)

    def _end_line(self, out: list[str | ToolCall]) -> None:
        line, self._line = self._line.rstrip("\r\n"), ""
        if self._fence:
            if self._closes(line):
                if self._opening:
                    self._end_block(out)
                self._fence = ""
        elif opening := OPENING.fullmatch(line):
            self._fence, self._opening, self._is_object = opening[1], self._size, False
        else:
            self._release(out)
            if fence := FENCE.fullmatch(line):
                self._fence = fence[1]
        self._start = self._size

    def _closes(self, line: str) -> bool:
        """Whether `line` ends the open block."""
        fence = FENCE.fullmatch(line)
        return fence is not None and fence[1].startswith(self._fence) and not fence[2].strip()

    def _end_block(self, out: list[str | ToolCall]) -> None:
        """The block that may be a call is complete."""
        call = self._call("".join(self._held)[self._opening : self._start])
        if call is None:
            self._release(out)
            return
        out.append(call)
        self._clear()

    def _call(self, text: str) -> ToolCall | None:
        try:
            call = _decode_call(text)
        except json.NOT_STRICT:
            return None
        arguments = bytes(call.arguments).decode()
        tool = self._offered.get(call.name)
        if tool is None or raw_object(arguments) is None:
            return None
        given = unwrapped_input(arguments) if tool.input_format == "text" else arguments
        if given is None:
            return None
        return ToolCall(id="", name=call.name, arguments=given, input_format=tool.input_format)

    def _release(self, out: list[str | ToolCall]) -> None:
        """What was held is text."""
        if self._held:
            out.append("".join(self._held))
        self._clear()

    def _clear(self) -> None:
        self._held.clear()
        self._size = self._start = self._opening = 0


def _may_open(line: str) -> bool:
    """Whether a line with this beginning may still become the first line of a call."""
    line = line.rstrip("\r\n")
    blank = line.lstrip(" ")
    if len(line) - len(blank) > 3 or len(line) >= MAX_LINE:
        return False
    name = blank.lstrip("`")
    if not name:
        return True
    return len(blank) - len(name) >= 3 and (CALL.startswith(name) or name.rstrip(" \t") == CALL)
