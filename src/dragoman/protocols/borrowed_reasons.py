"""Reasons to stop in words of another protocol, which servers say that emulate several. Knows no protocol by name."""

from dragoman.types import FinishReason

WORDS: dict[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "end": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "incomplete": "length",
    "tool_calls": "tool_call",
    "tool_call": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "refusal": "refusal",
    "pause_turn": "pause",
}
"""CopilotKit/aimock 1.43 ends calls of Gemini with FUNCTION_CALL, cita-777/metapi#581 has seen TOOL_CALLS too.
`sensitive` and `model_context_window_exceeded` are GLM's (mozilla-ai/any-llm#1200), `end` is Ollama's
(earendil-works/pi#2116), `content_filtered` and `guardrail_intervened` are Bedrock's (camel-ai/camel#4262), and OpenAI
ends answers of Chat Completions with `incomplete` (theopenco/llmgateway#1682)."""


def borrowed(native: str) -> FinishReason:
    """Our reason for a word that its protocol does not have: `other`, if no protocol has it."""
    return WORDS.get(native.lower(), "other")
