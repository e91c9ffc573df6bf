"""Turns of which nothing is left for a service. Knows no protocol by name.

Services refuse a message in which nothing is said. So a turn of the user or of the model that has lost all of its parts
is left out; unless it is what the user asks: then the service would answer what was asked before, or go on with its own
answer.
"""

import re
from collections.abc import Iterable, Iterator, Set

from msgspec.structs import replace

from dragoman.protocols.speech import ONLY, OURS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Loss,
    LostDetail,
    LostPart,
    Message,
    Reasoning,
    RefusedQuestion,
    Text,
    UnansweredCall,
    Unknown,
    UntakenPart,
)
from dragoman.types.messages import SYSTEM_ROLES

Places = Set[tuple[int, int]]
"""Where parts stand: the numbers of the message and of the part."""

PART = re.compile(r"messages\[(\d+)\]\.parts\[(\d+)\] ")
"""How the name of a part that is left out begins; that of one inside of it has more in this place."""
STATE = re.compile(r"messages\[(\d+)\]\.parts\[(\d+)\]\.opaque$")


def without_wordless(request: ChatRequest, own: str) -> ChatRequest:
    """`request` without turns of the system that only set something in other protocols than `own`; the same object if
    there is none."""
    if not any(_is_foreign(message, own) for message in request.messages):
        return request
    return replace(request, messages=tuple(message for message in request.messages if not _is_foreign(message, own)))


def without_emptied(request: ChatRequest, lost: Iterable[Loss]) -> ChatRequest:
    """`request` without turns of which all is `lost`, or of which there was only that the model thought; the same
    object if there is none."""
    emptied = _emptied(request, _gone(request, lost))
    if not emptied:
        return request
    return replace(request, messages=tuple(each for i, each in enumerate(request.messages) if i not in emptied))


def unasked(request: ChatRequest, lost: Iterable[Loss], own: str) -> Iterator[Loss]:
    """What the user asks, if all of it is `lost` on the way to a service of the protocol `own`."""
    messages, gone = request.messages, _gone(request, lost)
    last = _last_asked(messages, gone) if gone else None
    if last is None and messages:
        emptied = _emptied(request, gone)
        if all(i in emptied or _is_foreign(message, own) for i, message in enumerate(messages)):
            last = len(messages) - 1
    if last is not None:
        yield RefusedQuestion(f"messages[{last}]")


def _gone(request: ChatRequest, lost: Iterable[Loss]) -> Places:
    gone: set[tuple[int, int]] = set()
    for loss in lost:
        if isinstance(loss, LostPart | UntakenPart | UnansweredCall):
            found = PART.match(loss.name)
        elif isinstance(loss, LostDetail):
            found = STATE.match(loss.name)
        else:
            continue
        if found is not None:
            i, j = int(found[1]), int(found[2])
            if not isinstance(loss, LostDetail) or _is_hidden(request.messages[i].parts[j]):
                gone.add((i, j))
    return gone


def _emptied(request: ChatRequest, gone: Places) -> Set[int]:
    """The numbers of the messages of which nothing is left."""
    thought = [i for i, message in enumerate(request.messages) if message.parts and _is_mere_thought(message)]
    touched = {i for i, _ in gone}
    return {i for i in touched if _is_emptied(request.messages[i], i, gone)}.union(thought)


def _last_asked(messages: tuple[Message, ...], gone: Places) -> int | None:
    """The number of the last message with which the user asks something that is `gone`; None if something is left."""
    last: int | None = None
    for i, message in reversed(list(enumerate(messages))):
        if message.role in SYSTEM_ROLES:
            continue
        if message.role == "assistant":
            if last is not None:
                break
            continue  # the beginning of the answer
        if last is None and _is_emptied(message, i, gone):
            last = i
        elif not _is_silent(message, i, gone):
            return None
    return last


def _is_emptied(message: Message, i: int, gone: Places) -> bool:
    """Whether the message `i` has said something, and all of that is `gone`."""
    if all((i, j) not in gone for j in range(len(message.parts))):
        return False
    if message.role in SYSTEM_ROLES and message.extra:
        return False  # it sets something besides
    return _is_silent(message, i, gone)


def _is_silent(message: Message, i: int, gone: Places) -> bool:
    return all((i, j) in gone or _is_blank(part) for j, part in enumerate(message.parts))


def _is_hidden(part: AnyPart) -> bool:
    """Whether it is nothing without its state."""
    return type(part) is Reasoning and not part.text


def _is_mere_thought(message: Message) -> bool:
    """Whether it says that the model thought, but neither what nor what came of it: OpenAI refuses that."""
    return all(map(_is_bare, message.parts))


def _is_bare(part: AnyPart) -> bool:
    """Whether it only says that the model thought."""
    return _is_hidden(part) and part.opaque is None


def _is_blank(part: AnyPart) -> bool:
    return _is_bare(part) or (type(part) is Text and not part.text.strip())


def _is_foreign(message: Message, own: str) -> bool:
    if message.role not in SYSTEM_ROLES:
        return False
    if message.parts:
        return all(type(part) is Unknown and part.protocol != own for part in message.parts)
    others = message.extra.keys() - {OURS}
    if (only := message.extra.get(OURS, {}).get(ONLY)) is not None:
        return bool(only != own)
    return bool(others) and own not in others
