"""Why a model stopped, in this protocol's words and in ours."""

from dragoman.protocols.borrowed_reasons import borrowed
from dragoman.types import FinishReason

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "content_filter": "content_filter",
    # Not in the protocol, or no longer; all of them were seen at services that offer it.
    "function_call": "tool_call",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",  # Mistral: the context is full
}

FAILED = frozenset({"error", "network_error", "insufficient_system_resource"})
"""Words for a failure in the place of a reason: OpenRouter's, Z.ai's and DeepSeek's, by their documentation."""

NATIVE: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "other": "stop",
}

SAYABLE = frozenset(f"finish_reason.{reason}" for reason in NATIVE if reason not in {"pause", "other"})
"""Reasons that a caller is told, in the words of `answer_losses`: the others have no word but `stop`."""


def reason_of(native: str | None) -> FinishReason:
    """Our reason for the service's word alone."""
    word = native or "stop"
    return FINISH.get(word) or borrowed(word)


def decode_reason(native: str | None, *, tool_call: bool, refusal: bool) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own if it differs. `native` is None if it only said that it was done.

    Some replies hold tool calls, or a refusal, with a plain `stop`.
    """
    reason = reason_of(native)
    if reason == "stop" and tool_call:
        reason = "tool_call"
    elif reason == "stop" and refusal:
        reason = "refusal"
    return reason, None if native in {None, encode_reason(reason, refusal=refusal)} else native


def encode_reason(reason: FinishReason, *, refusal: bool, functions: bool = False) -> str:
    """This protocol's word for `reason`. A refusal in the model's own words ends with `stop`, any other with a filter.

    `functions`: the caller knows tool calls by their old name.
    """
    if functions and reason == "tool_call":
        return "function_call"
    return "stop" if reason == "refusal" and refusal else NATIVE[reason]
