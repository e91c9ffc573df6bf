"""Why a model stopped, in this protocol's words and in ours."""

from dragoman.types import FinishReason

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "content_filter": "content_filter",
    # Not of the protocol, or no longer; all seen at services that speak it.
    "function_call": "tool_call",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
}

NATIVE: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "other": "stop",
}


def decode_reason(native: str | None, *, tool_call: bool, refusal: bool) -> tuple[FinishReason, str | None]:
    """Our reason, and the service's own word where it differs. None: it only said that it was done.

    Some replies hold tool calls, or a refusal, under a plain `stop`.
    """
    reason = FINISH.get(native or "stop", "other")
    if reason == "stop" and tool_call:
        reason = "tool_call"
    elif reason == "stop" and refusal:
        reason = "refusal"
    return reason, None if native in {None, encode_reason(reason, refusal=refusal)} else native


def encode_reason(reason: FinishReason, *, refusal: bool, functions: bool = False) -> str:
    """The word for `reason`. A refusal in the model's own words ends in a plain `stop`, any other was a filter's.

    `functions`: the caller knows calls by their old name.
    """
    if functions and reason == "tool_call":
        return "function_call"
    return "stop" if reason == "refusal" and refusal else NATIVE[reason]
