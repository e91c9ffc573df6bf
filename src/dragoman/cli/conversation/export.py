"""A kept conversation as a page of Markdown, or as a line of JSON. Knows no terminal."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from dragoman.cli.conversation.conversation import MARK
from dragoman.cli.conversation.kept import conversation
from dragoman.types import AnyPart, Audio, File, Image, Media, Message, Refusal, Text, ToolCall, ToolResult
from dragoman.wire.json import encode

if TYPE_CHECKING:
    from dragoman.store.conversations import KeptTalk

SPEAKERS = {"user": "Question", "assistant": "Answer", "system": "System", "developer": "System", "tool": "Tool"}
KINDS: dict[type[Media], str] = {Image: "image", Audio: "sound", File: "file"}


def when(seconds: float) -> str:
    """A time of this place, as `2026-11-26 14:44`; `-` for one that is in no calendar."""
    here = _here(seconds)
    return here.strftime("%Y-%m-%d %H:%M") if here else "-"


def moment(seconds: float) -> str | None:
    """The same for programs, as ISO 8601 writes it; None for one that is in no calendar."""
    here = _here(seconds)
    return here.isoformat(timespec="seconds") if here else None


def _here(seconds: float) -> datetime | None:
    """A time of a file, which may be damaged, or of a clock that was wrong."""
    try:
        return datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):
        return None


def markdown(kept: "KeptTalk") -> str:
    """A page with a heading for each turn."""
    number, talk = kept.revision.id, kept.talk
    parts = [f"# {kept.title or f'Conversation {number}'}", f"Number {number}, {talk.model}, {when(kept.changed)}"]
    if talk.system:
        parts += ["## System", talk.system]
    for message in talk.messages:
        parts += [f"## {SPEAKERS[message.role]}", *_paragraphs(message)]
    return "\n\n".join(parts)


def json_line(kept: "KeptTalk") -> str:
    """An object that `/load` of `dragoman chat` reads; its messages have OpenAI's shape, times are in ISO 8601."""
    head = {
        "id": kept.revision.id,
        "title": kept.title,
        "began": moment(kept.began),
        "changed": moment(kept.changed),
    }
    return encode(head | msgspec.structs.asdict(conversation(kept).saved())).decode()


def _paragraphs(message: Message) -> Iterator[str]:
    for part in message.parts:
        if shown := _shown(part):
            yield shown
    if message.extra == MARK:
        yield "(the answer is not complete)"


def _shown(part: AnyPart) -> str:
    match part:
        case Text(text=text) | Refusal(text=text):
            return text.strip("\n")
        case Image() | Audio() | File():
            name = part.name if isinstance(part, File) else None
            said = [name or part.url or part.file_id, part.media_type]
            return f"({KINDS[type(part)]}: {', '.join(each for each in said if each) or 'inline'})"
        case ToolCall(name=name, arguments=arguments):
            return f"(calls {name}({arguments}))"
        case ToolResult(parts=parts):
            return "\n\n".join(_shown(each) for each in parts)
        case _:
            return f"({type(part).__name__})"
