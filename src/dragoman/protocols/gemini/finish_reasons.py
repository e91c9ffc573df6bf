"""Why a model stopped, in this protocol's words and in ours."""

from dragoman.protocols.borrowed_reasons import borrowed
from dragoman.types import FinishReason

FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "JAILBREAK": "content_filter",
    "CONTINUATION": "pause",
}
"""Any other is `other`: a broken call, a wrong language, no picture."""

NATIVE: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_call": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
    "other": "OTHER",
}

NOT_SAID = frozenset({"", "FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})
"""Values that give no reason. For a prompt that is not blocked the Gemini API has one, and Vertex AI another."""


def decode_reason(native: str, *, tool_call: bool) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own word if it says more. A call ends with the same word as a text."""
    reason = FINISH.get(native) or borrowed(native)
    if reason == "stop" and tool_call:
        reason = "tool_call"
    return reason, None if NATIVE[reason] == native else native


def encode_reason(reason: FinishReason, native: str | None) -> str:
    """This protocol's word for `reason`: `native`, if the service spoke this protocol too."""
    if native is not None and native.isupper() and FINISH.get(native, "other") == reason:
        return native
    return NATIVE[reason]
