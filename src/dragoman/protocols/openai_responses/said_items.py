"""Parts that a model has said to items: those of an answer, and those of a request that says them again."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.openai_responses.content import encode_content, is_content
from dragoman.protocols.openai_responses.extra import ITEM, MESSAGE, NAME, to_extra, with_extra
from dragoman.protocols.openai_responses.hosted import encode_call
from dragoman.protocols.openai_responses.tool_search import search_item
from dragoman.protocols.tools.no_arguments import with_arguments
from dragoman.protocols.tools.search import is_search
from dragoman.types import AnyPart, HostedCall, Image, OpaqueState, Reasoning, Refusal, Text, ToolCall, Unknown


def encode_said(parts: Iterable[AnyPart], id_of: Callable[[str | None], str | None]) -> list[dict[str, Any]]:
    """The items of what the model said."""
    out: list[dict[str, Any]] = []
    group: list[AnyPart] = []
    for part in parts:
        if group and not belongs(part, group[-1]):
            out.append(_said(group, id_of))
            group = []
        group.append(part)
    if group:
        out.append(_said(group, id_of))
    return out


def belongs(part: AnyPart, before: AnyPart) -> bool:
    """Whether `part` stands in the same item as the part before it."""
    if part.item != before.item:
        return False
    if isinstance(part, Reasoning):
        return isinstance(before, Reasoning) and part.item is not None and before.opaque is None
    return is_content(part) and is_content(before)


def _said(parts: Sequence[AnyPart], id_of: Callable[[str | None], str | None]) -> dict[str, Any]:
    first = parts[0]
    known = id_of(first.item)
    match first:
        case Reasoning():
            thoughts = [part for part in parts if isinstance(part, Reasoning)]
            return reasoning_item(_with_its_form(thoughts), known or first.item)
        case ToolCall():
            return call_item(with_arguments(first), known)
        case HostedCall():
            return encode_call(first)
        case Image(data=data):
            item: dict[str, Any] = first.extra.get(NAME, {}).get(ITEM, {})
            return {"type": "image_generation_call", **item, "result": data}
        case Unknown(data=data) if not is_content(first):
            found: dict[str, Any] = data
            return found
        case _:
            return _answer(parts, known)


def _with_its_form(thoughts: Sequence[Reasoning]) -> Sequence[Reasoning]:
    """Thoughts with state as a summary, if the caller's protocol has no items and so does not say what they were.

    OpenAI refuses an item of reasoning with `content`. musistudio/claude-code-router#1783, querymt/querymt#976.
    """
    proved = any(part.opaque is not None for part in thoughts)
    return [
        replace(part, form="summary") if proved and part.item is None and part.form == "full" else part
        for part in thoughts
    ]


def _answer(parts: Sequence[AnyPart], known: str | None) -> dict[str, Any]:
    fields, parts = around(parts)
    plain = known is None and all(isinstance(part, Text | Refusal) for part in parts)
    content = encode_content(parts, answered=True)
    if isinstance(content, str) and not plain:
        content = [{"type": "output_text", "text": content, "annotations": []}]
    body: dict[str, Any] = {"role": "assistant", "content": content}
    if known is not None:
        body = {"type": "message", "id": known, "status": "completed"} | body
    return body | fields


def around(parts: Sequence[AnyPart]) -> tuple[dict[str, Any], list[AnyPart]]:
    """The fields of the item that parts stand in, and the parts without them."""
    fields: dict[str, Any] = {}
    bare: list[AnyPart] = []
    for part in parts:
        own = part.extra.get(NAME, {})
        if any(name.startswith(MESSAGE) for name in own):
            fields |= {name.removeprefix(MESSAGE): value for name, value in own.items() if name.startswith(MESSAGE)}
            left = {name: value for name, value in own.items() if not name.startswith(MESSAGE)}
            extra = {name: said for name, said in part.extra.items() if name != NAME} | to_extra(left)
            bare.append(replace(part, extra=extra))
        else:
            bare.append(part)
    return fields, bare


def reasoning_item(
    parts: Sequence[Reasoning], known: str | None, secret: Callable[[OpaqueState], str] = attrgetter("data")
) -> dict[str, Any]:
    """An item of reasoning, with the state of its last part that has one; `secret`: the text for it."""
    fields, bare = around(parts)
    summary = [part for part in bare if isinstance(part, Reasoning) and part.form == "summary"]
    content = [part for part in bare if isinstance(part, Reasoning) and part.form == "full"]
    body: dict[str, Any] = {"type": "reasoning"}
    if known is not None:
        body["id"] = known
    body["summary"] = [with_extra({"type": "summary_text", "text": part.text}, part.extra) for part in summary]
    if content:
        body["content"] = [with_extra({"type": "reasoning_text", "text": part.text}, part.extra) for part in content]
    states = [part.opaque for part in parts if part.opaque is not None]
    if states:
        body["encrypted_content"] = secret(states[-1])
    return body | fields


def call_item(call: ToolCall, known: str | None) -> dict[str, Any]:
    """An item that asks for a tool of the caller."""
    if is_search(call):
        return search_item(call, known)
    freeform = call.input_format == "text"
    body: dict[str, Any] = {"type": "custom_tool_call" if freeform else "function_call"}
    if known is not None:
        body["id"] = known
    body |= {"call_id": call.id, "name": call.name, "input" if freeform else "arguments": call.arguments}
    if call.namespace is not None:
        body["namespace"] = call.namespace
    return with_extra(body, call.extra)
