"""What of an answer is neither told word for word nor named, and why that is right: `service > caller: path`."""

from tests.fields.tables import NUMBERED, ONE, STATUS, USUAL, Row

ECHO = "what was asked, repeated"
STOP = "the usual end, which a caller assumes"
CALLS = "an answer that asks for tools ends so"
FINER = "the nearest reason that the caller knows"
TIMED = "when it was answered: the caller has a clock"
SPEED = "how long the service took"
BYTES = "those of the token's text"
SEARCHED = "the service's tool, in the other's word"
KEY = "the sample's own name of a category"
TOLD = "the same count, under its name in the other protocol"
SECONDS = "the same time, as a number of seconds or as a text, without fractions"
THOUGHT = "a thought, in the form of each"

ECHOED = (
    *("instructions", "metadata.*", "parallel_tool_calls=*", "temperature", "tools*", "top_p", "background=*"),
    *("completed_at", "conversation.id", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt.id"),
    *("prompt_cache_key", "prompt_cache_options.*", "prompt_cache_retention=*", "reasoning.*", "safety_identifier"),
    *("text.*", "top_logprobs", "truncation=*", "user"),
)

SILENT: tuple[Row, ...] = (
    Row("openai-chat > *: choices.index", "one answer is read"),
    Row("openai-chat > *: system_fingerprint", "the version of the service's machine"),
    Row("openai-* > gemini: *logprobs.*bytes", BYTES),
    Row("* > anthropic: created*", TIMED),
    Row("gemini > anthropic: createTime", TIMED),
    Row("* > ollama: id", "its answers have no ids"),
    Row("gemini > ollama: responseId", "its answers have no ids"),
    Row("* > *: *finish_reason=stop", STOP),
    Row("* > *: *stop_reason=end_turn", STOP),
    Row("anthropic > *: stop_reason=stop_sequence", "the sequence itself is named"),
    Row("openai-responses > *: status=completed", STOP),
    Row("openai-responses > *: incomplete_details.reason=max_output_tokens", "an answer without a reason is read so"),
    Row("openai-responses > gemini: incomplete_details.reason=max_messages", FINER),
    Row("openai-responses > gemini: incomplete_details.reason=steered", FINER),
    Row("gemini > *: candidates.finishReason=STOP", STOP),
    Row("ollama > *: done=true", STOP),
    Row("ollama > *: done_reason=stop", STOP),
    Row("openai-chat > *: choices.finish_reason=*_call*", CALLS),
    Row("anthropic > *: stop_reason=tool_use", CALLS),
    Row("openai-responses > *: output[*].id", NUMBERED),
    Row("openai-responses > *: output[message]", NUMBERED),
    Row("openai-responses > *: output[*].status=*", STATUS),
    *(Row(f"openai-responses > *: {path}", ECHO) for path in ECHOED),
    Row("anthropic > *: content[text]", ONE),
    Row("anthropic > *: content[server_tool_use].id", NUMBERED),
    Row("anthropic > anthropic: content[server_tool_use].caller[direct]", "the usual caller"),
    Row("anthropic > *: usage.service_tier=standard", USUAL),
    Row("openai-* > *: service_tier=default", USUAL),
    Row("anthropic > *: usage.speed=standard", USUAL),
    Row("gemini > *: candidates.content.parts.functionCall.*illContinue=*", "how the call was cut into pieces"),
    Row("gemini > *: candidates.content.parts.functionCall.partialArgs.jsonPath", "the place of a piece that is empty"),
    Row("gemini > *: candidates.content.role", "who speaks is the model"),
    Row("gemini > *: usageMetadata.trafficType=ON_DEMAND", USUAL),
    *(Row(f"ollama > *: {name}_duration", SPEED) for name in ("total", "load", "prompt_eval", "eval")),
)
"""Leaves that say nothing that could be lost."""

Told = tuple[tuple[str, tuple[str, object]], ...]
"""Callers, and the field and the value that each is told."""


def _reasons(of: str, *told: tuple[str, tuple[str, object]]) -> tuple[Row, ...]:
    """Rows of reasons to stop: the callers, and what they are told."""
    service, _, path = of.partition(": ")
    return tuple(Row(f"{service} > {caller}: {path}", FINER, written) for caller, written in told)


LENGTH: Told = (
    ("openai-chat", ("finish_reason", "length")),
    ("openai-responses", ("status", "incomplete")),
    ("anthropic", ("stop_reason", "max_tokens")),
    ("gemini", ("finishReason", "MAX_TOKENS")),
    ("ollama", ("done_reason", "length")),
)
FILTER: Told = (
    ("openai-chat", ("finish_reason", "content_filter")),
    ("openai-responses", ("reason", "content_filter")),
    ("anthropic", ("stop_reason", "refusal")),
    ("gemini", ("finishReason", "SAFETY")),
    ("ollama", ("done_reason", "content_filter")),
)


def _all_but(
    rows: tuple[tuple[str, tuple[str, object]], ...], *callers: str
) -> tuple[tuple[str, tuple[str, object]], ...]:
    return tuple(row for row in rows if row[0] not in callers)


FILTERS = ("SAFETY", "*RECITATION", "BLOCKLIST", "*PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR")
COUNTED = ("TEXT", "IMAGE", "AUDIO")

EQUIVALENTS: tuple[Row, ...] = (
    *_reasons("openai-chat: choices.finish_reason=length", *_all_but(LENGTH, "openai-chat", "ollama")),
    *_reasons("openai-chat: choices.finish_reason=content_filter", *FILTER[2:4]),
    *_reasons("openai-responses: status=incomplete", *_all_but(LENGTH, "openai-responses")),
    *_reasons("openai-responses: incomplete_details.reason=content_filter", *FILTER[2:4]),
    *_reasons("openai-responses: status=*", ("gemini", ("finishReason", "OTHER"))),
    *_reasons("anthropic: stop_reason=max_tokens", *_all_but(LENGTH, "anthropic", "gemini")),
    *_reasons("anthropic: stop_reason=model_context_window_exceeded", *_all_but(LENGTH, "anthropic")),
    *_reasons("anthropic: stop_reason=refusal", *_all_but(FILTER, "anthropic", "ollama")),
    *_reasons(
        "anthropic: stop_reason=pause_turn",
        ("openai-responses", ("reason", "pause")),
        ("gemini", ("finishReason", "OTHER")),
        ("ollama", ("done_reason", "pause")),
    ),
    *_reasons(
        "anthropic: stop_reason=compaction",
        ("gemini", ("finishReason", "OTHER")),
        ("ollama", ("done_reason", "pause")),
    ),
    *_reasons("ollama: done_reason=length", *LENGTH[1:4]),
    *_reasons("ollama: done_reason=*load", ("gemini", ("finishReason", "OTHER"))),
    *_reasons("gemini: candidates.finishReason=MAX_TOKENS", *_all_but(LENGTH, "anthropic", "gemini")),
    *(
        row
        for word in FILTERS
        for row in _reasons(f"gemini: candidates.finishReason={word}", *_all_but(FILTER, "gemini"))
    ),
    *_reasons(
        "gemini: candidates.finishReason=CONTINUATION",
        ("anthropic", ("stop_reason", "pause_turn")),
        ("ollama", ("done_reason", "pause")),
    ),
    Row("openai-chat > openai-chat: moderation.*categories.*=true", KEY, ("key", True)),
    Row("openai-chat > openai-chat: moderation.*categories.*=false", KEY, ("key", False)),
    Row("openai-responses > openai-responses: *.*=true", KEY, ("key", True)),
    Row("openai-responses > openai-responses: *.*=false", KEY, ("key", False)),
    Row("anthropic > openai-responses: *name=web_search", SEARCHED, ("type", "web_search_call")),
    Row("anthropic > openai-responses: *name=*code_execution", SEARCHED, ("type", "code_interpreter_call")),
    Row("anthropic > gemini: *name=*code_execution", SEARCHED, ("toolType", "code_execution")),
    Row("anthropic > gemini: *name=tool_search_tool_*", SEARCHED, ("toolType", "tool_search")),
    Row("gemini > *: *partialArgs.boolValue=true", "the argument itself", ("a", True)),
    Row("gemini > *: *partialArgs.boolValue=false", "the argument itself", ("a", False)),
    Row("gemini > openai-chat: *parts.thought=true", THOUGHT, ("reasoning_content", "hm")),
    Row("gemini > openai-responses: *parts.thought=true", THOUGHT, ("type", "reasoning")),
    Row("gemini > anthropic: *parts.thought=true", THOUGHT, ("thinking", "hm")),
    Row("gemini > ollama: *parts.thought=true", THOUGHT, ("thinking", "hm")),
    *(
        Row(f"gemini > openai-*: usageMetadata.*TokensDetails.modality={word}", TOLD, (f"{word.lower()}_tokens", 90003))
        for word in COUNTED
    ),
    Row("gemini > openai-chat: createTime", SECONDS, ("created", 1925089445)),
    Row("gemini > openai-responses: createTime", SECONDS, ("created_at", 1925089445)),
    Row("gemini > ollama: createTime", SECONDS, ("created_at", "2031-01-02T03:04:05.000000Z")),
    Row("ollama > openai-chat: created_at", SECONDS, ("created", 1925089445)),
    Row("ollama > openai-responses: created_at", SECONDS, ("created_at", 1925089445)),
    Row("openai-chat > gemini: created", SECONDS, ("createTime", "1970-01-01T11:07:11Z")),
    Row("openai-chat > ollama: created", SECONDS, ("created_at", "1970-01-01T11:07:11.000000Z")),
)
"""Leaves whose meaning is told in other words."""

REFUSED: tuple[Row, ...] = (
    Row("openai-responses > *: error.*", "it is a failure, and no answer"),
    Row("openai-responses > *: status=failed", "it is a failure, and no answer"),
    Row("gemini > *: candidates.index", "the answer is another candidate's, of which nothing is read"),
    Row("ollama > *: done=false", "the answer is not at its end"),
)
"""Leaves whose answer is an error."""
