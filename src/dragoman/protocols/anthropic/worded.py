"""Blocks that consist of text and that only this protocol has: for other services they are a text with the same words.

The service of this protocol gets the block as it came, which a note on the text keeps. What of it is no words, as
whether it may be cited, is named as lost for others.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.protocols import opaque
from dragoman.protocols.anthropic.cache import decode_breakpoint
from dragoman.protocols.anthropic.extra import BLOCK, NAME, REFERENCE, note, noted, to_extra
from dragoman.protocols.compaction import BEFORE, SUMMARY
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.speech import OURS
from dragoman.types import AnyPart, ChatRequest, Extra, OpaqueState, Text

COMPACTION_TYPE = "compaction"
"""The type of a block that stands in place of a conversation."""
WORDED = frozenset({"search_result", "document", COMPACTION_TYPE})
"""The types of blocks that may be told in words; see `worded`."""
OF_OURS: Extra = {OURS: {SUMMARY: OURS}}
"""The note on the words of a summary that no service reads as a block."""


def decode_reference(fields: Fields) -> Text:
    """A tool that was found."""
    name, cache = fields.required_text("tool_name"), decode_breakpoint(fields)
    words = f"Found a tool that can be called now: {name}\n"
    return Text(text=words, cache=cache, extra=noted(to_extra(fields.rest), **{REFERENCE: name}))


def worded(block: Mapping[str, Any]) -> Text | None:
    """A search result, a document of blocks, or the summary that stands in place of what was said before it.

    None if it is of another form, or not all of it is text.
    """
    match block:
        case {"type": "search_result", "title": str(title), "source": str(source), "content": content}:
            head, said = [title, source], {"title", "source", "content"}
        case {"type": "document", "source": {"type": "content", "content": content} as source} if len(source) == 2:
            head = [block[name] for name in ("title", "context") if block.get(name) is not None]
            said = {"title", "context", "source"}
        case {"type": "compaction", "content": str(content)} if content.strip():
            head, said = [BEFORE.strip(), ""], {"content"}
        case _:
            return None
    texts: list[Any] = [*head, *_texts(content)]
    if not all(isinstance(text, str) for text in texts) or not any(text.strip() for text in texts):
        return None
    fields = Fields({name: value for name, value in block.items() if name != "type"})
    text, cache = "\n".join(texts) + "\n", decode_breakpoint(fields)
    if str(block.get("signature")).startswith(opaque.MARK):
        return Text(text=text, cache=cache, extra=OF_OURS)
    rest = without_none({name: value for name, value in fields.rest.items() if name not in said})
    notes: dict[str, Any] = {BLOCK: {"type": block["type"]} | fields.rest}
    if block["type"] == COMPACTION_TYPE:
        notes[SUMMARY] = NAME
    return Text(text=text, cache=cache, extra=noted(to_extra(rest), **notes))


def is_summary(part: AnyPart) -> bool:
    """Whether it stood as the summary that a service wrote in place of a conversation."""
    return isinstance(part, Text) and note(part.extra, SUMMARY) == NAME


def without_summaries(request: ChatRequest) -> ChatRequest:
    """`request` with the words of such summaries alone; the same object if it has none."""
    if not any(is_summary(part) for message in request.messages for part in message.parts):
        return request
    messages = (
        replace(
            message, parts=tuple(replace(part, extra=OF_OURS) if is_summary(part) else part for part in message.parts)
        )
        for message in request.messages
    )
    return replace(request, messages=tuple(messages))


def compaction_block(summary: str) -> dict[str, Any]:
    """The block with a summary of ours. Its signature is a mark: no service gets it."""
    mark = opaque.wrapped(OpaqueState(OURS, SUMMARY), NAME)
    return {"type": COMPACTION_TYPE, "content": summary, "signature": mark}


def _texts(content: object) -> Iterator[str | None]:
    """The texts of a content; None for anything but a text that says no more."""
    if not isinstance(content, list):
        yield content if isinstance(content, str) else None
        return
    for each in content:
        match each:
            case {"type": "text", "text": str(text), **more} if all(value is None for value in more.values()):
                yield text
            case _:
                yield None
