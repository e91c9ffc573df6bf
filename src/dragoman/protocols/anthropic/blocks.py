"""The content of a turn: a string, or a list of typed blocks. Read from callers; `write_blocks` is the other way."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.anthropic.cache import decode_breakpoint
from dragoman.protocols.anthropic.citations import WORDS, decode_citation
from dragoman.protocols.anthropic.extra import LIST, NAME, noted, to_extra
from dragoman.protocols.anthropic.hosted import CALL, RESULTS, decode_call, decode_result
from dragoman.protocols.anthropic.inputs import FIELD, text_of, value_of
from dragoman.protocols.anthropic.sources import decode_document, decode_image
from dragoman.protocols.anthropic.states import LAST, NEXT, from_caller, neighbour
from dragoman.protocols.anthropic.worded import WORDED, decode_reference, worded
from dragoman.protocols.json_fields import Fields, entries, refused, wrong_type
from dragoman.protocols.opaque import STATELESS
from dragoman.types import (
    AnyPart,
    Citation,
    Extra,
    File,
    Image,
    OpaqueState,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)

ESSENTIAL = frozenset({"container_upload"})
"""Blocks that name what only the service stores."""


def decode_content(content: object, path: str) -> tuple[AnyPart, ...]:
    """The parts of a turn. Raises InvalidRequestError that names the field, as `messages[2].content[0].type`."""
    if isinstance(content, str):
        return (Text(text=content),)
    if not isinstance(content, list | tuple):
        raise wrong_type(path, "a string or a list of blocks", content)
    parts: list[AnyPart] = []
    waiting: OpaqueState | None = None
    for place, value in entries(content, path):
        part = _plain(value) or _part(Fields(value, place))
        if type(part) is Reasoning and not part.text and part.opaque is not None:
            state, where = neighbour(part.opaque)
            if where == NEXT:
                waiting = state
                continue
            if where == LAST:
                if parts:
                    parts[-1] = replace(parts[-1], opaque=state)
                continue
        parts.append(part if waiting is None else replace(part, opaque=waiting))
        waiting = None
    return tuple(parts)


def form_of(content: object, parts: tuple[AnyPart, ...]) -> Extra:
    """The note on the form of a content, if its parts alone would be written in another one."""
    single = len(parts) == 1 and isinstance(parts[0], Text) and is_plain(parts[0])
    return noted({}, **{LIST: True}) if single and not isinstance(content, str) else {}


def is_plain(text: Text) -> bool:
    """Whether a string says all of it."""
    return not (text.extra or text.cache or text.citations or text.opaque)


def _plain(value: object) -> Text | None:
    """A text without further fields, as most blocks are: there may be thousands."""
    if type(value) is dict and len(value) == 2 and value.get("type") == "text":
        text = value.get("text")
        return Text(text=text) if type(text) is str else None
    return None


def _part(fields: Fields) -> AnyPart:
    whole = dict(fields.rest)
    kind = fields.required_text("type")
    if kind == CALL:
        _check_input(whole, fields)
        return decode_call(whole) or Unknown(protocol=NAME, data=whole)
    if kind in RESULTS:
        return decode_result(whole) or Unknown(protocol=NAME, data=whole)
    if kind in WORDED and (text := worded(whole)) is not None:
        return text
    read = READERS.get(kind)
    return Unknown(protocol=NAME, data=whole, essential=kind in ESSENTIAL) if read is None else read(fields)


def _check_input(block: Mapping[str, Any], fields: Fields) -> None:
    given = block.get(FIELD)
    if given is not None and text_of(given) is None:
        raise wrong_type(fields.path(FIELD), "an object", value_of(given))


def _text(fields: Fields) -> Text:
    text, cache = fields.required_text("text"), decode_breakpoint(fields)
    citations: list[Citation] = []
    for path, value in fields.items("citations"):
        said = Fields(value, path)
        for name in WORDS:
            said.text(name)
        citations.append(decode_citation(value))
    return Text(text=text, citations=tuple(citations), cache=cache, extra=to_extra(fields.rest))


def _thinking(fields: Fields) -> Reasoning:
    text, signature = fields.required_text("thinking"), fields.text("signature")
    state = from_caller(signature, redacted=False) if signature and signature != STATELESS else None
    return Reasoning(text=text, opaque=state, extra=to_extra(fields.rest))


def _redacted(fields: Fields) -> Reasoning:
    state = from_caller(fields.required_text("data"), redacted=True)
    return Reasoning(text="", form="redacted", opaque=state, extra=to_extra(fields.rest))


def _call(fields: Fields) -> ToolCall:
    call_id, name, given = fields.required_text("id"), fields.required_text("name"), fields.any(FIELD)
    arguments = text_of(given)
    if arguments is None:
        raise wrong_type(fields.path(FIELD), "an object", value_of(given))
    cache = decode_breakpoint(fields)
    return ToolCall(id=call_id, name=name, arguments=arguments, cache=cache, extra=to_extra(fields.rest))


def _result(fields: Fields) -> ToolResult:
    call_id, failed, cache = fields.required_text("tool_use_id"), fields.boolean("is_error"), decode_breakpoint(fields)
    content, path = fields.any("content"), fields.path("content")
    inside = () if content is None else decode_content(content, path)
    parts: list[Text | Image | File | Unknown] = []
    for i, part in enumerate(inside):
        if not isinstance(part, Text | Image | File | Unknown):
            raise refused(f"{path}[{i}].type", "expected a block that a result may have, got another one")
        parts.append(part)
    extra = to_extra(fields.rest) | form_of(content, inside)
    if failed is False:
        extra = noted(extra, is_error=False)
    return ToolResult(id=call_id, parts=tuple(parts), is_error=failed or False, cache=cache, extra=extra)


READERS: dict[str, Callable[[Fields], AnyPart]] = {
    "text": _text,
    "image": decode_image,
    "document": decode_document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
    "tool_result": _result,
    "tool_reference": decode_reference,
}
