"""Reasoning as a part of a message's content, as Mistral has it. Read and written.

    {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see"}], "signature": "…", "closed": true}

https://docs.mistral.ai/studio-api/conversations/reasoning; mistralai 3.7 (Python), `ThinkChunk`, seen 2026-11-29.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_chat.chunk import read_text
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.reasoning_details import IN_CONTENT, signature_of, state_of
from dragoman.types import AnyPart, Reasoning, Unknown

KIND, SIGNATURE = IN_CONTENT, "signature"


def decode_thinking(part: Mapping[str, Any], origin: str | None = None) -> Iterator[Reasoning | Unknown]:
    """What the part says: words, which the service that is `origin` may have signed, and sources between them."""
    said = part.get(KIND)
    inner = said if isinstance(said, list) else [said]
    words = read_text([each for each in inner if not _is_source(each)]) or ""
    signature = part.get(SIGNATURE)
    signed = isinstance(signature, str) and signature
    if words or signed:
        state = state_of([{"type": KIND, SIGNATURE: signature}], origin) if signed else None
        yield Reasoning(text=words, form="full" if words else "redacted", opaque=state)
    yield from (Unknown(protocol=NAME, data=each) for each in inner if _is_source(each))


def _is_source(inner: object) -> bool:
    return isinstance(inner, dict) and inner.get("type", "text") != "text"


def encode_thinking(part: Reasoning) -> dict[str, Any] | None:
    """The part; with its signature, if the service has signed it so. None if it has neither words nor signature."""
    signature = signature_of(part)
    if not part.text and signature is None:
        return None
    body: dict[str, Any] = {"type": KIND, KIND: [{"type": "text", "text": part.text}] if part.text else []}
    return body | ({} if signature is None else {SIGNATURE: signature}) | {"closed": True}


def with_reasoning(parts: Sequence[AnyPart], path: str) -> Iterator[AnyPart]:
    """Parts of an assistant's turn; those of this kind are reasoning. Raises InvalidRequestError."""
    for i, part in enumerate(parts):
        match part:
            case Unknown(protocol=protocol, data={"type": "thinking"} as data) if protocol == NAME:
                _check(Fields(data, f"{path}[{i}]"))
                yield from decode_thinking(data)
            case _:
                yield part


def _check(fields: Fields) -> None:
    fields.text(SIGNATURE)
    if isinstance(fields.rest.get(KIND), str):
        return
    for path, value in fields.items(KIND):
        inner = Fields(value, path)
        if inner.required_text("type") == "text":
            inner.required_text("text")
