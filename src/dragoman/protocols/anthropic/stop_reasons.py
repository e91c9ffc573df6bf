"""Why a model stopped, in this protocol's words and in ours."""

from dragoman.protocols.borrowed_reasons import borrowed
from dragoman.types import FinishReason

COMPACTED = "compaction"
"""The reason of an answer that is a summary of the conversation."""

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "refusal",
    "pause_turn": "pause",
    # A beta: the answer goes on after its conversation was shortened.
    COMPACTED: "pause",
}

NATIVE: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_call": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "other": "end_turn",
}

SAYABLE = frozenset(f"finish_reason.{reason}" for reason in NATIVE if reason != "other")
"""Reasons that a caller is told, in the words of `answer_losses`: any other has no word but `end_turn`."""


def decode_reason(native: str | None, *, tool_call: bool) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own if it differs. `native` is None if it only said that it was done."""
    word = native or "end_turn"
    reason = FINISH.get(word) or borrowed(word)
    if reason == "stop" and tool_call and native != "stop_sequence":
        reason = "tool_call"
    return reason, None if native in {None, NATIVE[reason]} else native


def encode_reason(reason: FinishReason, native: str | None, stop_sequence: str | None) -> str:
    """This protocol's word. `native`: the service's own, which holds if it is of this protocol and means the same."""
    if reason == "stop" and stop_sequence is not None:
        return "stop_sequence"
    return native if native is not None and FINISH.get(native) == reason else NATIVE[reason]
