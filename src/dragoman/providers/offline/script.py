r"""A deterministic model that the last user message drives, by directives one a line (docs/offline.md has them all).

    text: Hello                        words, streamed one by one; `\n` is a line break (also `\r` `\t` `\\` `\u0020`)
    reasoning: Let me think            words of thinking, streamed likewise
    refusal: I will not                words of a refusal; the finish reason is then `refusal`
    tool: get_weather {"city": "X"}    a call, its arguments exactly as written (none: `{}`); several lines are
                                       parallel calls, called call_1, call_2 …; the finish reason is then `tool_call`.
                                       `mcp__files__read` is also the tool `read` of the group `mcp__files`
    repeat: 1000 word                  so many equal deltas of text in batches, for load; `repeat: 1000` repeats `x`
    delay: 0.05                        seconds before what follows
    usage: 12 34                       input and output tokens; `usage: none` reports nothing. Unsaid, words are
                                       counted: of the whole conversation in, of all that is answered out

At most one of these ends the answer, and only `usage` may follow it; without one it ends well:

    length                             the finish reason is `length`
    filter                             the finish reason is `content_filter`
    error: 429 retry_after=7 Slow!     an error of that status (400 to 599); `retry_after=` (seconds) and `code=` (a
                                       service's word, such as insufficient_quota) may be left out. Before any content
                                       it is raised on opening, after content in mid-stream
    cut                                breaks off in mid-stream
    hang                               (or `silent`) nothing more comes, and no end

Empty lines, and lines that begin with `#`, say nothing. If one line begins with a directive, any other line is refused.
A line `---` begins the answer that follows once the calls before it have their results; if there is none, the answer is
the results' own text. A message in which no line begins with a directive is answered with its own text, unless the
request demands a call or JSON: see `obedience`.

Programs put their own text around a user's. A fenced block with the mark `offline-script` is the script, wherever it is
in the message; then the text around it is ignored.
"""

import re
from collections.abc import Callable
from textwrap import dedent

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError, TruncatedStreamError
from dragoman.protocols.errors.status import error_for
from dragoman.protocols.tools.names import joined
from dragoman.providers.offline.directives import CallTool, Count, Directive, Fail, Finish, Pause, Say
from dragoman.providers.offline.obedience import formed, tool_calls
from dragoman.providers.offline.turns import asked_at_last, last_question, results, rounds
from dragoman.types import ChatRequest, Reasoning, Refusal, ResponseHead, Text, Tool, ToolCall, Usage
from dragoman.wire.utf8 import well_formed

MAX_DELAY = 3600.0
"""Seconds: an hour outlasts every limit on a whole answer."""
MAX_REPEATS = 1_000_000
"""Deltas: as many events as an answer may have anywhere in this library."""
NEXT = "---"

MARKED = re.compile(
    r"""
    (?<![`~]) (`{3,}+|~{3,}+) [ \t]*+ offline-script [ \t]* \n
    (.*?)
    (?: ^ [ \t]* \1 | \Z )
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""A block that is marked as a script. Its fence need not begin a line: programs write things before it.
Nothing in it is tried twice: a caller may send any number of signs."""


def script(request: ChatRequest) -> list[Directive]:
    """What the user says to do at last. Raises InvalidRequestError if a line of that cannot be read."""
    scripted = next((found for text in asked_at_last(request) if (found := parse(text)) is not None), None)
    past = rounds(request)
    if scripted is not None and past < len(scripted):
        return [_in_group(directive, request) for directive in scripted[past]]
    if calls := tool_calls(request):
        return calls
    own = results(request) if past else last_question(request)
    return [Say(Text(text=""), formed(request, own))]


def parse(text: str) -> list[list[Directive]] | None:
    """The directives of a message, for each round of calls; None if it holds none and marks none.

    Raises InvalidRequestError that names the line which is no directive, or a wrong one.
    """
    text = text.replace("\r\n", "\n")
    marked = [dedent(found[2]) for found in MARKED.finditer(text)]
    lines = "".join(marked).split("\n") if marked else text.split("\n")
    if not marked and not any(_word(line) in DIRECTIVES for line in lines):
        return None
    rounds: list[list[Directive]] = [[]]
    calls = 0
    for number, line in enumerate(lines, 1):
        if line.strip() == NEXT:
            rounds.append([])
        elif line.strip() and not line.startswith("#"):
            directive = _directive(number, line, calls + 1)
            _check_end(number, directive, rounds[-1])
            calls += isinstance(directive, CallTool)
            rounds[-1].append(directive)
    return rounds


def _in_group(directive: Directive, request: ChatRequest) -> Directive:
    """A call of a tool in a group, by the name that says both, as one of the tool in its group."""
    if isinstance(directive, CallTool):
        name = directive.part.name
        for tool in request.tools:
            if isinstance(tool, Tool) and tool.namespace is not None and joined(tool.namespace, tool.name) == name:
                return replace(directive, part=replace(directive.part, name=tool.name, namespace=tool.namespace))
    return directive


def _word(line: str) -> str:
    """The directive's name; one that takes nothing is a line of its own."""
    name, colon, _ = line.partition(":")
    return name + colon if colon else name.strip()


def _directive(number: int, line: str, call: int) -> Directive:
    read = DIRECTIVES.get(_word(line))
    if read is None:
        raise InvalidRequestError(f"script line {number}: expected a directive, got {cut(line)!r}")
    try:
        return read(line.partition(":")[2].removeprefix(" "), call)
    except ValueError as exc:
        raise InvalidRequestError(f"script line {number}: expected {exc}, got {cut(line)!r}") from exc


def _check_end(number: int, directive: Directive, before: list[Directive]) -> None:
    if isinstance(directive, Count):
        return
    for earlier in before:
        match earlier:
            case Finish() | Fail() | Pause(None):
                raise InvalidRequestError(f"script line {number}: expected only `usage` after the end of the answer")


_ESCAPE = re.compile(r"\\(?:([nrt\\])|u([0-9a-fA-F]{4}))")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _unescaped(text: str) -> str:
    return well_formed(_ESCAPE.sub(lambda found: _ESCAPES[found[1]] if found[1] else chr(int(found[2], 16)), text))


def _text(rest: str, _: int) -> Directive:
    return Say(Text(text=""), _unescaped(rest))


def _reasoning(rest: str, _: int) -> Directive:
    return Say(Reasoning(text=""), _unescaped(rest))


def _refusal(rest: str, _: int) -> Directive:
    return Say(Refusal(text=""), _unescaped(rest))


def _tool(rest: str, call: int) -> Directive:
    said = rest.split(maxsplit=1)
    if not said:
        raise ValueError("`tool: NAME ARGUMENTS`")
    return CallTool(ToolCall(id=f"call_{call}", name=said[0]), said[1] if len(said) > 1 else "{}")


def _repeat(rest: str, _: int) -> Directive:
    times, __, text = rest.partition(" ")
    if not times.isdecimal() or len(times) > 7 or not 1 <= int(times) <= MAX_REPEATS:
        raise ValueError(f"`repeat: N TEXT` with N from 1 to {MAX_REPEATS}")
    return Say(Text(text=""), _unescaped(text) or "x", int(times))


def _delay(rest: str, _: int) -> Directive:
    wanted = f"`delay: SECONDS` from 0 to {MAX_DELAY:.0f}"
    try:
        seconds = float(rest)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 <= seconds <= MAX_DELAY:
        raise ValueError(wanted)
    return Pause(seconds)


_ERROR = re.compile(r"\s*([45]\d\d)(?!\S)((?:\s+(?:retry_after|code)=\S+)*)\s*(.*)", re.ASCII)


def _error(rest: str, _: int) -> Directive:
    found = _ERROR.fullmatch(rest)
    if found is None:
        raise ValueError("`error: STATUS retry_after=SECONDS code=WORD MESSAGE` with STATUS from 400 to 599")
    said = dict(word.split("=", 1) for word in found[2].split())
    status = int(found[1])
    wait = said.get("retry_after")
    head = ResponseHead(status, ((b"retry-after", wait.encode()),) if wait else ())
    message = cut(_unescaped(found[3])) or f"the script answers with status {status}"
    return Fail(error_for(status, message, words=(said.get("code"),), head=head))


def _usage(rest: str, _: int) -> Directive:
    counts = rest.split()
    if counts == ["none"]:
        return Count(None)
    if len(counts) != 2 or not all(count.isdecimal() and len(count) <= 15 for count in counts):
        raise ValueError("`usage: INPUT OUTPUT` or `usage: none`")
    return Count(Usage(int(counts[0]), int(counts[1])))


def _cut(_: str, __: int) -> Directive:
    return Fail(TruncatedStreamError("the script breaks the answer off"))


def _length(_: str, __: int) -> Directive:
    return Finish("length")


def _filter(_: str, __: int) -> Directive:
    return Finish("content_filter")


def _hang(_: str, __: int) -> Directive:
    return Pause(None)


DIRECTIVES: dict[str, Callable[[str, int], Directive]] = {
    "text:": _text,
    "reasoning:": _reasoning,
    "refusal:": _refusal,
    "tool:": _tool,
    "repeat:": _repeat,
    "delay:": _delay,
    "usage:": _usage,
    "error:": _error,
    "length": _length,
    "filter": _filter,
    "cut": _cut,
    "hang": _hang,
    "silent": _hang,
}
"""What a line may begin with. A reader raises ValueError that says what it expected."""
