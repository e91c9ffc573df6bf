"""The events of a stream, by their names, and what is read of each. Nine in ten are pieces of a text."""

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import BadEventError
from dragoman.protocols.openai_responses.items import CONTENT, SUMMARY, THOUGHTS, WHOLE
from dragoman.protocols.openai_responses.logprobs import Logprob, decode_logprobs
from dragoman.types import TokenLogprob
from dragoman.wire import json
from dragoman.wire.floats import reader


class Delta(Struct, gc=False):
    """A piece of a text."""

    delta: str
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item_id: str | None = None
    logprobs: list[Logprob] | None = None


class LooseDelta(Delta):
    """One that was read loosely."""

    tokens: tuple[TokenLogprob, ...] = ()
    """In place of `logprobs`."""


decode_delta = msgspec.json.Decoder(Delta).decode
"""The fast way. Raises one of NOT_STRICT for a piece that must be read loosely."""

TEXT, REFUSAL, SUMMED, THOUGHT, GIVEN = "text", "refusal", "summary", "reasoning", "arguments"
"""What a piece is one of."""

PIECES: dict[str, str] = {
    "response.output_text.delta": TEXT,
    "response.refusal.delta": REFUSAL,
    "response.reasoning_summary_text.delta": SUMMED,
    "response.reasoning_text.delta": THOUGHT,
    # Open Responses' name of it.
    "response.reasoning.delta": THOUGHT,
    "response.function_call_arguments.delta": GIVEN,
    "response.custom_tool_call_input.delta": GIVEN,
}
PLACES: dict[str, str] = {TEXT: CONTENT, REFUSAL: CONTENT, SUMMED: SUMMARY, THOUGHT: THOUGHTS, GIVEN: WHOLE}
"""Where in its item a piece belongs."""

CREATED = frozenset({"response.created", "response.queued", "response.in_progress"})
ENDS: dict[str, str] = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.cancelled": "cancelled",
}
"""Events with the whole answer, to the status that it has then."""
FAILED = "response.failed"
ERROR = "error"
REPEATED = frozenset(
    {
        "code_interpreter_call",
        "code_interpreter_call_code",
        "compaction",
        "content_part",
        "file_search_call",
        "image_generation_call",
        "mcp_call",
        "mcp_call_arguments",
        "mcp_list_tools",
        "reasoning_part",
        "reasoning_summary_part",
        "shell_call_command",
        "shell_call_output_content",
        "web_search_call",
    }
)
"""What events tell of that the item has too when it is done: the word of their names after `response`.

`reasoning_part` is vLLM's (2026-11).
"""
PARTIAL_IMAGE = "response.image_generation_call.partial_image"
"""A picture under way, which the item does not have."""


TEXT_DONE: dict[str, tuple[str, str]] = {
    "response.output_text.done": (TEXT, "text"),
    "response.refusal.done": (REFUSAL, "refusal"),
    "response.reasoning_summary_text.done": (SUMMED, "text"),
    "response.reasoning_text.done": (THOUGHT, "text"),
    "response.reasoning.done": (THOUGHT, "text"),
    "response.function_call_arguments.done": (GIVEN, "arguments"),
    "response.custom_tool_call_input.done": (GIVEN, "input"),
}
"""Events that have all of a text: what it is, and the field that holds it."""
ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"
PART_DONE, SUMMARY_DONE = "response.content_part.done", "response.reasoning_summary_part.done"
ANNOTATED = "response.output_text.annotation.added"
PREFIX = "response."


class Named(Struct, gc=False):
    """The name that an event has inside."""

    type: Any = None


_decode_named = reader(Named)


def name_of(event: bytes, data: bytes) -> str:
    """The name of an event: services may give it inside only."""
    if event:
        return event.decode("utf-8", "replace")
    try:
        found = _decode_named(data).type
    except json.NOT_STRICT:
        found = _type_of(data)
    return found if isinstance(found, str) else ""


def _type_of(data: bytes) -> object:
    """The type inside an event with halves of characters, or with bytes that are none."""
    try:
        value = json.decode_loosely(data)
    except BadEventError:
        return None
    return value.get("type") if isinstance(value, dict) else None


def read_loosely(data: bytes) -> Delta:
    """A piece of which each field is read as far as it can be understood.

    Halves of characters stay as they are in the text itself; elsewhere each is U+FFFD.
    """
    value = json.decode_loosely(data)
    if not isinstance(value, dict):
        raise BadEventError("expected an object, got other JSON")
    text = value.pop("delta", None)
    value = json.clean(value)
    item = value.get("item_id")
    return LooseDelta(
        text if isinstance(text, str) else "",
        index_of(value.get("output_index")),
        index_of(value.get("content_index")),
        index_of(value.get("summary_index")),
        item if isinstance(item, str) else None,
        tokens=decode_logprobs(value.get("logprobs")),
    )


def index_of(value: object) -> int | None:
    """A number of an item or a part; None if it cannot be one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 20 else None


def is_repeated(name: str) -> bool:
    """Whether an item, when it is done, has all that an event of this name tells."""
    return name != PARTIAL_IMAGE and name.split(".")[1] in REPEATED
