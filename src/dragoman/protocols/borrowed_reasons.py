"""Reasons to stop in words of another protocol, which servers say that emulate several. Knows no protocol by name."""

from dragoman.types import FinishReason

WORDS: dict[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_call",
    "tool_call": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
"""CopilotKit/aimock 1.43 ends calls of Gemini with FUNCTION_CALL, cita-777/metapi#581 has seen TOOL_CALLS too."""


def borrowed(native: str) -> FinishReason:
    """Our reason for a word that its protocol does not have: `other`, if no protocol has it."""
    return WORDS.get(native.lower(), "other")
