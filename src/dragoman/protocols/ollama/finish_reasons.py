"""Why a model stopped, in this protocol's words and in ours."""

from dragoman.protocols.borrowed_reasons import borrowed
from dragoman.types import FinishReason

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    # Not the vendor's: what our own server half says, since it has no other place for it.
    "content_filter": "content_filter",
    "refusal": "refusal",
    "pause": "pause",
}
NATIVE: dict[FinishReason, str] = {ours: theirs for theirs, ours in FINISH.items()} | {
    "tool_call": "stop",
    "other": "stop",
}

SAYABLE = frozenset(
    f"finish_reason.{reason}" for reason in ("length", "tool_call", "content_filter", "refusal", "pause", "native")
)
"""Reasons that a caller is told, in the words of `answer_losses`: any other only in the service's own word."""


def decode_reason(native: str | None, *, tool_call: bool) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own if it differs. `native` is None if it only said that it was done."""
    word = native or "stop"
    reason = FINISH.get(word) or borrowed(word)
    if reason == "stop" and tool_call:
        reason = "tool_call"
    return reason, None if native in {None, NATIVE[reason]} else native


def encode_reason(reason: FinishReason, native: str | None) -> str:
    """This protocol's word. `native`: the service's own; it is repeated if we have none."""
    return native if reason == "other" and native is not None else NATIVE[reason]
