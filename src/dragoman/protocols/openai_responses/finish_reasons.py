"""How an answer stands, in this protocol's words, and why a model stopped, in ours."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.borrowed_reasons import borrowed
from dragoman.types import FinishReason

INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Reasons in `incomplete_details` to ours."""
NATIVE: dict[FinishReason, str] = {ours: theirs for theirs, ours in INCOMPLETE.items()}
PAUSED: dict[str, FinishReason] = {"pause": "pause"}
"""What our own server half says of an answer that goes on."""
WHOLE = frozenset({"stop", "tool_call"})
"""Reasons that an incomplete answer cannot have."""
STATUSES = frozenset({"queued", "in_progress", "cancelled"})
"""Of an answer that is not whole, for reasons that have no word here."""

SAYABLE = frozenset(
    f"finish_reason.{reason}" for reason in ("length", "tool_call", "content_filter", "refusal", "pause", "native")
)
"""Reasons that a caller is told, in the words of `answer_losses`: any other only in the service's own word."""


def decode_reason(
    status: object, details: object, *, tool_call: bool, refusal: bool
) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own word if it differs."""
    if status == "incomplete":
        native = details.get("reason") if isinstance(details, Mapping) else None
        if not isinstance(native, str):
            return borrowed(status), status
        if native in INCOMPLETE:
            return INCOMPLETE[native], None
        reason = PAUSED.get(native) or borrowed(native)
        return ("other" if reason in WHOLE else reason), native
    if isinstance(status, str) and status in STATUSES:
        return "other", status
    return ("tool_call" if tool_call else "refusal" if refusal else "stop"), None


def encode_reason(reason: FinishReason, native: str | None, *, refusal: bool) -> tuple[str, dict[str, Any] | None]:
    """The status of an answer, and the details of one that is incomplete.

    `refusal`: the model refused in words of its own, which are in the answer.
    """
    if native == "incomplete":
        return native, None
    if reason in NATIVE:
        return "incomplete", {"reason": NATIVE[reason]}
    if reason == "refusal" and not refusal:
        return "incomplete", {"reason": "content_filter"}
    if reason == "other" and native is not None and native in STATUSES:
        return native, None
    if reason == "pause" or (reason == "other" and native):
        # Whoever takes it for complete would go on with half an answer.
        return "incomplete", {"reason": native or reason}
    return "completed", None
