"""`reasoning_details`: opaque state in this protocol, as OpenRouter has it. Read and written.

A service's list is one opaque state, which goes back as it came. In the list that our own callers get, each entry is
the state of one part, in the form of `opaque`:

    {"type": "reasoning.text", "text": "Let me see", "signature": "dragomanMark…"}     of reasoning with these words
    {"type": "reasoning.encrypted", "data": "dragomanMark…", "id": "call_1"}           of the call with that id
    {"type": "reasoning.encrypted", "data": "dragomanMark…", "id": "text"}             of the text
    {"type": "reasoning.encrypted", "data": "dragomanMark…"}                           of reasoning without words

Each has an `index` of its own, because SDKs join entries that have none.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.errors import BadEventError
from dragoman.protocols.extra import without_none
from dragoman.protocols.opaque import MARK, unwrapped, wrapped
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.types import AnyPart, OpaqueState, Reasoning, Text, ToolCall
from dragoman.wire import json

FIELD = "reasoning_details"
TEXT, ENCRYPTED = "reasoning.text", "reasoning.encrypted"
OF_TEXT = "text"
"""The id of the entry of a text."""
IN_CONTENT = "thinking"
"""The type of an entry of ours that stands for the signature of a part of the content: see `thinking_parts`."""

PIECES = ("text", "summary", "data", "signature")
"""Fields of an entry that may come in pieces."""


def gather_details(found: list[dict[str, Any]], latest: dict[Any, dict[str, Any]], more: Sequence[Any]) -> None:
    """Adds the entries of another chunk: those of one index are pieces of one entry. `latest`: the last of each."""
    for entry in more:
        if not isinstance(entry, dict):
            continue
        index = entry.get("index")
        index = index if isinstance(index, int | float | str) else None
        known = None if index is None else latest.get(index)
        if known is None or known.get("type") != entry.get("type", known.get("type")):
            found.append(dict(entry))
            if index is not None:
                latest[index] = found[-1]
            continue
        for name, value in entry.items():
            before = known.get(name)
            grows = name in PIECES and isinstance(before, str) and isinstance(value, str)
            known[name] = f"{before}{value}" if grows else before if value is None else value


def holds_state(details: Sequence[Any]) -> bool:
    """Whether a list has more than words."""
    return any(isinstance(entry, dict) and (entry.get("signature") or entry.get("data")) for entry in details)


def words_in(details: Sequence[Any]) -> str:
    """The words of a chunk's entries."""
    said = (entry.get("text") or entry.get("summary") for entry in details if isinstance(entry, dict))
    return "".join(text for text in said if isinstance(text, str))


def state_of(details: Sequence[dict[str, Any]], origin: str | None) -> OpaqueState:
    """A service's list as opaque state."""
    return OpaqueState(NAME, json.encode(details).decode(), origin)


def list_of(parts: Sequence[AnyPart]) -> list[Any] | None:
    """The list for a service, from the states that it wrote itself; None if there is none."""
    entries = (entry for part in parts for entry in _entries(part))
    return [entry for entry in entries if not (isinstance(entry, dict) and entry.get("type") == IN_CONTENT)] or None


def signature_of(part: AnyPart) -> str | None:
    """The signature that the service wrote beside the part's words in the content; None if it wrote none."""
    signed = (entry.get("signature") for entry in _entries(part) if isinstance(entry, dict))
    return next((signature for signature in signed if isinstance(signature, str)), None)


def _entries(part: AnyPart) -> list[Any]:
    if part.opaque is None or part.opaque.protocol != NAME:
        return []
    try:
        details = json.decode_event(part.opaque.data.encode())
    except (BadEventError, UnicodeError):
        return []
    return details if isinstance(details, list) else []


def encode_details(parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
    """The list for a caller."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if (entry := encode_detail(part, part.opaque, len(found))) is not None:
            found.append(entry)
    return found


def encode_detail(part: AnyPart, state: OpaqueState | None, index: int) -> dict[str, Any] | None:
    """The entry of one part for a caller; None if it has no opaque state, or this protocol has no place for it."""
    if state is None:
        return None
    carried = wrapped(state, "")  # always in our own form: a bare one would be taken for a service's
    match part:
        case Reasoning(text=text) if text:
            return {"type": TEXT, "text": text, "signature": carried, "index": index}
        case ToolCall(id=call_id):
            known: str | None = call_id
        case Text():
            known = OF_TEXT
        case Reasoning():
            known = None
        case _:
            return None
    return without_none({"type": ENCRYPTED, "data": carried, "id": known, "index": index})


def carried(part: AnyPart, state: OpaqueState, origin: str | None) -> tuple[AnyPart, ...]:
    """`part` with the `state` of another service, for a service that is a gateway; `origin`: that of its own state."""
    if (entry := encode_detail(part, state, 0)) is None:
        return (part,)
    own = state_of([entry], origin)
    if type(part) is Reasoning:
        return (replace(part, opaque=own),)
    return Reasoning(text="", form="redacted", opaque=own), replace(part, opaque=None)


def decode_details(details: Sequence[Any], parts: Sequence[AnyPart]) -> tuple[list[AnyPart], list[Any]]:
    """The parts of an assistant's turn with the states in a caller's list, and the entries that are not in our form.

    Entries with words say what they sign, word for word: the plain field has all of the reasoning in one piece.
    """
    rest: list[Any] = []
    reasoning: list[AnyPart] = []
    states: dict[str, OpaqueState] = {}
    for entry in details:
        match entry:
            case {"type": "reasoning.text", "text": str(text), "signature": str(carried)} if carried.startswith(MARK):
                reasoning.append(Reasoning(text=text, opaque=unwrapped(carried, NAME)))
            case {"type": "reasoning.encrypted", "data": str(carried), "id": str(known)} if carried.startswith(MARK):
                states[known] = unwrapped(carried, NAME)
            case {"type": "reasoning.encrypted", "data": str(carried)} if carried.startswith(MARK):
                reasoning.append(Reasoning(text="", form="redacted", opaque=unwrapped(carried, NAME)))
            case _:
                rest.append(entry)
    worded = any(type(part) is Reasoning and part.text for part in reasoning)
    whole = "".join(part.text for part in parts if type(part) is Reasoning)
    found = _with_unsigned(reasoning, whole) if worded else [*reasoning]
    for part in parts:
        if type(part) is Reasoning and worded:
            continue
        known_id = part.id if type(part) is ToolCall else OF_TEXT if type(part) is Text else ""
        state = states.pop(known_id, None)
        found.append(part if state is None else replace(part, opaque=state))
    return found, rest


def _with_unsigned(signed: Sequence[AnyPart], whole: str) -> list[AnyPart]:
    """The parts of reasoning with what of the `whole` of it no entry signs, between them."""
    found: list[AnyPart] = []
    said = 0
    for part in signed:
        at = whole.find(part.text, said) if type(part) is Reasoning and part.text else -1
        if at >= 0 and type(part) is Reasoning:
            if at > said:
                found.append(Reasoning(text=whole[said:at]))
            said = at + len(part.text)
        found.append(part)
    return [*found, Reasoning(text=whole[said:])] if 0 < said < len(whole) else found
