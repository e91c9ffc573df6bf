"""How the parts of a streamed answer are written: the events of each kind, and what they say of a part."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.openai_responses.extra import with_extra
from dragoman.protocols.openai_responses.outputs import content_part
from dragoman.protocols.openai_responses.said_items import around
from dragoman.types import AnyPart, HostedCall, Reasoning, Refusal, Text, ToolCall


class Shape(Struct, frozen=True):
    """How the pieces of a part are written: the kind of their events, and which number counts the parts of an item."""

    delta: str
    done: str
    text: str
    """The field of `done` with the whole text."""
    counted: str = ""
    """The field with the number of the part; empty if an item has only one."""
    added: str = ""
    """The events around the part; empty if there are none."""
    ended: str = ""


SHAPES: dict[str, Shape] = {
    "text": Shape(
        "output_text.delta", "output_text.done", "text", "content_index", "content_part.added", "content_part.done"
    ),
    "refusal": Shape(
        "refusal.delta", "refusal.done", "refusal", "content_index", "content_part.added", "content_part.done"
    ),
    "full": Shape(
        "reasoning_text.delta",
        "reasoning_text.done",
        "text",
        "content_index",
        "content_part.added",
        "content_part.done",
    ),
    "summary": Shape(
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "text",
        "summary_index",
        "reasoning_summary_part.added",
        "reasoning_summary_part.done",
    ),
    "call": Shape("function_call_arguments.delta", "function_call_arguments.done", "arguments"),
    "custom": Shape("custom_tool_call_input.delta", "custom_tool_call_input.done", "input"),
}


def kind_of(part: AnyPart, *, freeform: bool) -> str:
    """The key of its shape; empty if a part comes whole."""
    match part:
        case Text():
            return "text"
        case Refusal():
            return "refusal"
        case Reasoning(form=form):
            return form
        case ToolCall():
            return "custom" if freeform else "call"
        case _:
            return ""


def emptied(part: AnyPart) -> tuple[str, AnyPart]:
    """The text of a part, and the part without it."""
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return text, replace(part, text="") if text else part
        case ToolCall(arguments=text) | HostedCall(arguments=text):
            return text, replace(part, arguments="") if text else part
        case _:
            return "", part


def bare(part: AnyPart, *, whole: bool = False) -> dict[str, Any]:
    """A part in an event of its own."""
    match part:
        case Reasoning(text=text, form=form):
            kind = "summary_text" if form == "summary" else "reasoning_text"
            return with_extra({"type": kind, "text": text}, part.extra) if whole else {"type": kind, "text": ""}
        case Text() if not whole:
            return {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        case Refusal() if not whole:
            return {"type": "refusal", "refusal": ""}
        case _:
            return content_part(around([part])[1][0]) or {}
