"""Calls and their results, for services that take only pairs of them. Knows no protocol by name.

These services want one result for each call, right after the turn that has the call; one call without a result makes
them refuse the whole conversation, and each later turn of it. Conversations that others have taken are not always so:

- A user interrupts a tool. The call is left out, and named as lost: what it gave is not known, and nothing is made up.
- A result comes late, after words of the user. It is moved to its call.
- A tool answered a call twice. What it gave becomes one result, which says nothing again: Gemini CLI repeats every
  result each time that it resumes a session (0.61.0).

Calls at the end of a conversation stay, since they may be all that is asked about. So does a result whose call is not
here: the service may keep the turn before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.tools.call_ids import with_distinct_ids
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Extra,
    Loss,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    UnansweredCall,
)

Pairing = Literal["turn", "message"]
"""After what results come: `turn`, all messages of the model in a row; `message`, the one that has the call."""


KINDS: dict[type[AnyPart], str] = {ToolCall: "tool_call", Reasoning: "reasoning"}
"""What is named if it is left out; blank text says nothing."""

PLACE = re.compile(r"messages\[\d+\]\.parts\[\d+\]")
"""Where the name of a loss says that the part stands."""


class _Given(Struct, frozen=True):
    """What the tools of a conversation gave."""

    results: Mapping[str, ToolResult]
    """One for each call, by the call's id."""
    placed: Mapping[str, tuple[int, int]]
    """Where those stand that need not be moved: the numbers of the message and of the part."""
    gathered: Set[tuple[int, int]]
    """Where all those stand that were found behind their calls; one that comes before a call is not that call's."""
    answered: Set[str]
    """The calls that stay: those with a result, and those after which nobody has spoken."""


def with_pairs(request: ChatRequest, pairing: Pairing) -> ChatRequest:
    """`request`, whose calls have ids of their own, in pairs; the same object if it is so."""
    if _is_paired(request, pairing):
        return request
    given = _given(request, pairing)
    messages: list[Message] = []
    late: list[Message] = []
    for i, message in enumerate(request.messages):
        if late and not (pairing == "turn" and message.role == "assistant"):
            messages += late
            late = []
        kept = _kept(message, i, given)
        if kept or not message.parts:
            messages.append(replace(message, parts=kept))
        late += [
            Message("tool", (given.results[part.id],))
            for part in _calls(message)
            if part.id in given.results and part.id not in given.placed
        ]
    return replace(request, messages=(*messages, *late))


def with_unanswered(lost: tuple[Loss, ...], request: ChatRequest, pairing: Pairing) -> tuple[Loss, ...]:
    """`lost`, and the parts that `with_pairs` leaves out. Other losses within such a part are not told beside it."""
    gone = tuple(unanswered(request, pairing))
    if not gone:
        return lost
    places = {loss.name.partition(" ")[0] for loss in gone}
    others = [loss for loss in lost if " " in loss.name or not (at := PLACE.match(loss.name)) or at[0] not in places]
    known = {loss.name for loss in others}
    return (*others, *(loss for loss in gone if loss.name not in known))


def unanswered(request: ChatRequest, pairing: Pairing) -> Iterator[Loss]:
    """What `with_pairs` leaves out."""
    request = with_distinct_ids(request)
    if _is_paired(request, pairing):
        return
    given = _given(request, pairing)
    for i, message in enumerate(request.messages):
        for j in _left_out(message, given):
            if (kind := KINDS.get(type(message.parts[j]))) is not None:
                yield UnansweredCall(f"messages[{i}].parts[{j}] ({kind})")


def _is_paired(request: ChatRequest, pairing: Pairing) -> bool:
    """Whether each call has its one result right after it, and no other result is there."""
    waiting: set[str] = set()
    before = ""
    for message in request.messages:
        for part in message.parts:
            if type(part) is ToolResult:
                if part.id not in waiting:
                    return False
                waiting.discard(part.id)
        if waiting and _is_next_turn(message, before, pairing):
            return False
        waiting.update(part.id for part in _calls(message))
        before = message.role
    return not waiting or before == "assistant"


def _given(request: ChatRequest, pairing: Pairing) -> _Given:
    called: set[str] = set()
    near: set[str] = set()
    """The calls whose results may come now."""
    results: dict[str, list[ToolResult]] = {}
    placed: dict[str, tuple[int, int]] = {}
    gathered: set[tuple[int, int]] = set()
    before = ""
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            if type(part) is ToolResult and part.id in called:
                gathered.add((i, j))
                if part.id not in results and part.id in near:
                    placed[part.id] = (i, j)
                results.setdefault(part.id, []).append(part)
        if _is_next_turn(message, before, pairing):
            near = set()
        now = [part.id for part in _calls(message)]
        near.update(now)
        called.update(now)
        before = message.role
    answered = results.keys() | (near if before == "assistant" else set())
    return _Given({each: _joined(given) for each, given in results.items()}, placed, gathered, answered)


def _calls(message: Message) -> list[ToolCall]:
    """The calls of the model; codecs refuse those of others."""
    return [part for part in message.parts if type(part) is ToolCall] if message.role == "assistant" else []


def _is_next_turn(message: Message, before: str, pairing: Pairing) -> bool:
    """Whether results of earlier calls come too late after `message`; `before`: the role of the message before it."""
    if message.parts and all(type(part) is ToolResult for part in message.parts):
        return False
    return not (pairing == "turn" and before == message.role == "assistant")


def _joined(given: Sequence[ToolResult]) -> ToolResult:
    """All as one."""
    if len(given) == 1:
        return given[0]
    parts: list[AnyPart] = []
    extra: Extra = {}
    for each in given:
        if tuple(parts[len(parts) - len(each.parts) :]) != each.parts:  # else it is repeated
            parts += each.parts
        extra = extra | each.extra
    return replace(given[-1], parts=tuple(parts), is_error=any(each.is_error for each in given), extra=extra)


def _kept(message: Message, i: int, given: _Given) -> tuple[AnyPart, ...]:
    """The parts of the message `i` that stay in it."""
    left = {*_left_out(message, given)}
    parts: list[AnyPart] = []
    for j, part in enumerate(message.parts):
        if type(part) is ToolResult and (i, j) in given.gathered:
            if given.placed.get(part.id) == (i, j):
                parts.append(given.results[part.id])
        elif j not in left:
            parts.append(part)
    return tuple(parts)


def _left_out(message: Message, given: _Given) -> list[int]:
    """The numbers of calls that have no result; with them what the model thought before them, and before nothing else.

    Anthropic and OpenAI's Responses refuse thoughts that nothing follows.
    """
    if all(part.id in given.answered for part in _calls(message)):
        return []
    left: list[int] = []
    stays, thinks = False, False
    for j in reversed(range(len(message.parts))):
        part = message.parts[j]
        if type(part) is Reasoning or _is_blank(part):
            thinks = thinks or type(part) is Reasoning
            if not stays:
                left.append(j)
            continue
        if thinks:
            stays, thinks = False, False
        if type(part) is ToolCall and part.id not in given.answered:
            left.append(j)
        else:
            stays = True
    return left[::-1]


def _is_blank(part: AnyPart) -> bool:
    """Whether it is text that says nothing, as agents send beside calls."""
    return type(part) is Text and not part.text.strip() and not part.opaque
