"""One reply, or one event of a stream: pieces of text at once into structs, any other loosely, from plain values."""

from typing import Any

import msgspec
from msgspec import Raw, Struct


class _Part(Struct, forbid_unknown_fields=True, gc=False):
    text: str
    thought: bool = False


class _Content(Struct, forbid_unknown_fields=True, gc=False):
    parts: list[_Part]
    role: str = "model"


class _Candidate(Struct, forbid_unknown_fields=True, gc=False):
    content: _Content
    index: int = 0


class TextChunk(Struct, forbid_unknown_fields=True, rename="camel"):
    """An event that holds pieces of text and nothing else that is new."""

    candidates: list[_Candidate]
    usage_metadata: Raw = Raw()
    model_version: Raw = Raw()
    response_id: Raw = Raw()
    create_time: Raw = Raw()


decode_text_chunk = msgspec.json.Decoder(TextChunk).decode
"""An event with text alone. Raises one of NOT_STRICT for any other."""

CHUNK = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
"""Fields by which an object is known as one of this protocol."""

READ = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
"""Fields of a reply that have a canonical value, or are read into several."""

READ_OF_CANDIDATE = frozenset({"content", "index", "finishReason", "finishMessage", "logprobsResult"})
"""The same for a candidate."""

READ_OF_CONTENT = frozenset({"parts", "role"})
"""The same for its content."""

CANDIDATE = "candidate."
"""How a candidate's further fields begin in `extra`."""


def further(value: dict[str, Any], candidate: dict[str, Any]) -> dict[str, Any]:
    """The fields of a reply, and of its candidate, that have no canonical value."""
    rest = {name: each for name, each in value.items() if name not in READ}
    rest |= {f"{CANDIDATE}{name}": each for name, each in candidate.items() if name not in READ_OF_CANDIDATE}
    content = candidate.get("content")
    if isinstance(content, dict) and (more := {name: content[name] for name in content if name not in READ_OF_CONTENT}):
        rest[f"{CANDIDATE}content"] = more
    return rest
