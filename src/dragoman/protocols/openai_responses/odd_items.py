"""Items of a service in an odd form, mended: what a person reads in them is read, and one odd field costs no item."""

from typing import Any

from dragoman.protocols.errors.nameless import nameless_call
from dragoman.wire import json

ARGUMENTS = {"function_call": "arguments", "custom_tool_call": "input"}
"""The kinds of calls that callers answer, to the field with what a call says."""

TEXTS = {"message": {"content": "output_text"}, "reasoning": {"summary": "summary_text", "content": "reasoning_text"}}
"""The fields of an item that hold texts, to their type."""

TEXT_FIELDS = ("id", "namespace", "encrypted_content")
"""Fields that are a text or nothing."""


def mended(item: dict[str, Any], number: int) -> dict[str, Any]:
    """The item in its usual form; `number`: which of the answer it is, by which a call without an id is named.

    Raises BadEventError for a call without a name, because nobody could carry it out.
    """
    kind = item.get("type") or "message"
    if not isinstance(kind, str):
        return item
    found = {name: value for name, value in item.items() if name not in TEXT_FIELDS or isinstance(value, str)}
    if type(named := item.get("id")) is int:
        found["id"] = str(named)
    if kind in ARGUMENTS:
        _mend_call(found, ARGUMENTS[kind], number)
    for field, type_ in TEXTS.get(kind, {}).items():
        value = found.get(field)
        listed = value if isinstance(value, list) else [] if value is None else [value]
        found[field] = [_text(part, type_) for part in listed]
    return found


def _mend_call(item: dict[str, Any], field: str, number: int) -> None:
    if not (isinstance(item.get("name"), str) and item["name"]):
        raise nameless_call()
    known = item.get("call_id")
    if type(known) is int:
        item["call_id"] = str(known)
    elif not (isinstance(known, str) and known):
        item["call_id"] = item.get("id") or f"call_{number}"
    said = item.get(field)
    if said is not None and not isinstance(said, str):
        item[field] = json.encode(said).decode()


def _text(part: Any, type_: str) -> Any:
    match part:
        case str(text):
            return {"type": type_, "text": text}
        case {"text": str(), "type": "refusal" | "output_text"}:
            return part
        case {"text": str()}:
            return part | {"type": type_}
        case _:
            return part
