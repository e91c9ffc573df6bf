"""Parts to blocks: for a service in requests, for a caller in answers. `blocks` is the other way."""

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic.blocks import is_plain
from dragoman.protocols.anthropic.cache import encode_breakpoint
from dragoman.protocols.anthropic.citations import encode_citation, is_own
from dragoman.protocols.anthropic.extra import BLOCK, LIST, NAME, REFERENCE, note, with_extra
from dragoman.protocols.anthropic.hosted import encode_call as encode_hosted_call
from dragoman.protocols.anthropic.hosted import encode_result as encode_hosted_result
from dragoman.protocols.anthropic.inputs import FIELD, object_of
from dragoman.protocols.anthropic.sources import encode_document, encode_image
from dragoman.protocols.anthropic.states import is_redacted, written
from dragoman.protocols.tools.freeform import wrapped_input
from dragoman.types import (
    AnyPart,
    Audio,
    Citation,
    Extra,
    File,
    HostedCall,
    HostedResult,
    Image,
    OpaqueState,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)


def encode_parts(parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
    """The blocks of a turn that the service takes. It refuses texts of nothing but white space, which are left out."""
    return [
        body
        for part in parts
        if not (isinstance(part, Text | Refusal) and not has_words(part.text))
        and (body := _to_service(part)) is not None
    ]


def has_words(content: str | list[dict[str, Any]]) -> bool:
    """Whether a content says anything."""
    return bool(content) and not (isinstance(content, str) and content.isspace())


def encode_content(parts: Sequence[AnyPart], extra: Extra) -> str | list[dict[str, Any]]:
    """A single plain text as a string, all else as a list. `extra`: has the note on the form in which it came."""
    if len(parts) == 1 and isinstance(only := parts[0], Text) and is_plain(only) and not note(extra, LIST):
        return only.text
    return encode_parts(parts)


def encode_call(call: ToolCall) -> dict[str, Any]:
    """A call. Raises InvalidRequestError if its arguments are not the object that this protocol needs."""
    text = wrapped_input(call.arguments) if call.input_format == "text" else call.arguments
    given = object_of(text)
    if given is None:
        raise InvalidRequestError(f"the arguments of the tool call {call.id!r}: expected a JSON object")
    return {"type": "tool_use", "id": call.id, "name": call.name, FIELD: given}


def encode_part(
    part: AnyPart,
    reasoning: Callable[[Reasoning], dict[str, Any] | None],
    citations: Callable[[Sequence[Citation]], list[dict[str, Any]]],
    hosted: Callable[[HostedCall], dict[str, Any] | None],
) -> dict[str, Any] | None:
    """The block of a part; None if this protocol has none. The functions write what is not the same both ways."""
    match part:
        case Text() if (name := note(part.extra, REFERENCE)) is not None:
            body: dict[str, Any] | None = {"type": "tool_reference", "tool_name": name}
        case Text() if (block := note(part.extra, BLOCK)) is not None:
            body = dict(block)
        case Text(text=text):
            body = {"type": "text", "text": text}
            if part.citations and (cited := citations(part.citations)):
                body["citations"] = cited
        case Refusal(text=text):
            body = {"type": "text", "text": text}
        case Reasoning():
            body = reasoning(part)
        case Image():
            body = encode_image(part)
        case File():
            body = encode_document(part)
        case ToolCall():
            body = encode_call(part)
        case ToolResult():
            body = _result(part)
        case HostedCall():
            return hosted(part)
        case HostedResult():
            return encode_hosted_result(part)
        case Unknown(protocol=protocol, data=data):
            return dict(data) if protocol == NAME and isinstance(data, dict) else None
        case Audio():
            return None
        case _:
            assert_never(part)
    return None if body is None else with_extra(body | encode_breakpoint(part.cache), part.extra)


def _to_service(part: AnyPart) -> dict[str, Any] | None:
    return encode_part(part, _thinking, _own_citations, encode_hosted_call)


def _thinking(part: Reasoning) -> dict[str, Any] | None:
    """Thinking without its signature is left out: the service refuses it."""
    return None if part.opaque is None else thinking_block(part.text, part.opaque, written(part.opaque))


def thinking_block(text: str, state: OpaqueState, shown: str) -> dict[str, Any]:
    """The block of thinking whose `state` is written as `shown`."""
    if is_redacted(state):
        return {"type": "redacted_thinking", "data": shown}
    return {"type": "thinking", "thinking": text, "signature": shown}


def _own_citations(citations: Sequence[Citation]) -> list[dict[str, Any]]:
    return [encode_citation(citation) for citation in citations if is_own(citation)]


def _result(result: ToolResult) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "tool_result", "tool_use_id": result.id}
    if result.parts:
        body["content"] = encode_content(result.parts, result.extra)
    if result.is_error or note(result.extra, "is_error") is False:
        body["is_error"] = result.is_error
    return body
