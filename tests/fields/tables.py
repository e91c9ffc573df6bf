"""What is neither sent word for word nor named, and why that is right. A row that is not needed fails a test."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec import Struct

PAIRED = re.compile(r"([\w*-]+) > ([\w*-]+): (.+)")


class Row(Struct, frozen=True, dict=True):
    """Leaves of some pairs: `caller > service: path`, in which `*` is anything."""

    of: str
    reason: str
    written: tuple[str, object] | None = None
    """The field, and the value or text, that stands for them in what is sent; None: nothing does."""

    @cached_property
    def _parts(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        match = PAIRED.fullmatch(self.of)
        assert match is not None, self.of
        caller, service, path = (re.compile(re.escape(each).replace(r"\*", ".*")) for each in match.groups())
        return caller, service, path

    def is_of(self, caller: str, service: str) -> bool:
        """Whether the row is for leaves of this pair."""
        return bool(self._parts[0].fullmatch(caller) and self._parts[1].fullmatch(service))

    def holds(self, caller: str, service: str, path: str) -> bool:
        """Whether the row is for this leaf of this pair."""
        return bool(self._parts[2].fullmatch(path)) and self.is_of(caller, service)


DEFAULT = "what every service does if nothing is said"
ALWAYS = "the service always does so"
ONE = "a text in a list of one is the same text"
USUAL = "what the service does if nothing else is asked for"
NUMBERED = "an id of an item: a result finds its call by another one"
STATUS = "whether an item was complete: a turn of a conversation is what it is"
OURS = "how the answer travels is between the caller and us, and between us and the service"
MACHINE_OPTIONS = (
    *("numa", "num_batch", "num_gpu", "main_gpu", "num_thread"),
    *("low_vram", "f16_kv", "logits_all", "use_mmap", "use_mlock"),
)
MACHINE = "how the service uses its machine; the model does not see it"

NO_TOOLS = "the sample has no tools to choose among"

PROBABLE = "log probabilities are wanted"
PARALLEL = "whether calls may be side by side; Anthropic asks for the opposite"
THINKING = "whether the model thinks, which is a level, a budget or a flag"
SHOWN = "whether thoughts are shown"
TIER = "no better service than the usual one, in the word of each"
CHOICE = "some tool, or one of these, or as the model likes"
SEARCH = "a search that the caller makes is a function of its own"
WORD = "the same, in the other's words"
KEY = "the sample's own name of an attribute"
NULL = "JSON Schema has a type for null"
JSON = "any object"
RESULT = "the result of a tool, in the form of each"

SILENT: tuple[Row, ...] = (
    # Of all, or of several.
    Row("* > *: stream=*", OURS),
    Row("* > *: stream_options.*", OURS),
    Row("openai-chat > *: messages[user].content[text]", ONE),
    Row("openai-responses > *: input[message].content[input_text]", ONE),
    Row("openai-responses > *: input[*_output].output[input_text]", ONE),
    Row("anthropic > *: messages[*].content[text]", ONE),
    Row("* > *: logprobs=false", DEFAULT),
    Row("* > *: *detail=auto", DEFAULT),
    Row("* > *: *store=false", "a service that stores no answers has nothing to be told"),
    Row("openai-chat > *: n", "one answer: what every service gives"),
    Row("gemini > *: generationConfig.candidateCount", "one answer: what every service gives"),
    Row("* > *: response_format[text]", DEFAULT),
    Row("* > *: text.format[text]", DEFAULT),
    Row("gemini > *: generationConfig.responseMimeType=text/plain", DEFAULT),
    Row("* > *: *format[text]", DEFAULT),
    Row("* > *: parallel_tool_calls=true", DEFAULT),
    Row("* > *: modalities=text", DEFAULT),
    Row("gemini > *: generationConfig.responseModalities=TEXT", DEFAULT),
    Row("* > *: service_tier=auto", DEFAULT),
    Row("* > ollama: service*ier=*standard*", DEFAULT),
    Row("* > ollama: service_tier=default", DEFAULT),
    Row("openai-responses > *: truncation=disabled", DEFAULT),
    Row("anthropic > ollama: tool_choice[*].disable_parallel_tool_use=false", DEFAULT),
    Row("anthropic > gemini: tool_choice[*].disable_parallel_tool_use=false", DEFAULT),
    Row("anthropic > *: tools[*].eager_input_streaming=*", DEFAULT),
    Row("* > ollama: tool_choice=auto", DEFAULT),
    Row("openai-responses > openai-chat: parallel_tool_calls=*", NO_TOOLS),
    Row("gemini > *: toolConfig.functionCallingConfig.mode=AUTO", NO_TOOLS),
    Row("gemini > *: toolConfig.functionCallingConfig.mode=NONE", NO_TOOLS),
    Row("gemini > ollama: toolConfig.functionCallingConfig.mode=AUTO", DEFAULT),
    Row("* > *: *json_schema].*strict=true", ALWAYS),
    Row("* > *: *tools[*].*strict=false", DEFAULT),
    Row("* > *: *tools[*].defer_loading=false", DEFAULT),
    Row("* > *: messages[user].content[tool_result].is_error=false", DEFAULT),
    # Of OpenAI Responses.
    Row("openai-responses > *: background=false", DEFAULT),
    Row("openai-responses > *: include=reasoning.encrypted_content", "what the answer brings, for the same service"),
    Row("openai-responses > *: input[*].id", NUMBERED),
    Row("openai-responses > *: input[*].status=*", STATUS),
    Row("openai-responses > anthropic: input[message].content[refusal]", "a refusal is a text there"),
    Row("openai-responses > *: tools[WebSearchToolParam].type=web_search", "an older name of the same tool"),
    Row("openai-responses > *: *[*Filter]", "an object with nothing in it"),
    # Of Anthropic.
    Row("anthropic > *: container[BetaContainerParams]", "an object with nothing in it"),
    Row("anthropic > *: diagnostics.previous_message_id", "a note for the service's own statistics"),
    Row("anthropic > openai-responses: thinking[*].display=omitted", "no summary is asked for"),
    # Of Gemini.
    Row("gemini > *: *fileData.mimeType", "the service finds it out when it fetches the file"),
    Row("gemini > *: *nullable=false", DEFAULT),
    Row("gemini > *: *propertyOrdering", "the order is that in which the properties are written"),
    Row("gemini > openai-responses: generationConfig.thinkingConfig.includeThoughts=false", "no summary is asked for"),
    Row("gemini > *: systemInstruction.role=*", "Google ignores who it is said to be from"),
    # Of Ollama.
    *(Row(f"ollama > *: options.{name}*", MACHINE) for name in MACHINE_OPTIONS),
    Row("ollama > *: keep_alive", MACHINE),
    Row("ollama > *: format=", DEFAULT),
)
"""Leaves that say nothing that could be lost."""

EQUIVALENTS: tuple[Row, ...] = (
    Row("gemini > anthropic: contents.parts.thought=true", "a thought, in the form of each", ("thinking", "hm")),
    Row("openai-responses > *: *tools[tool_search].execution=client", SEARCH, ("name", "tool_search")),
    Row("* > openai-responses: logprobs=true", PROBABLE, ("include", "message.output_text.logprobs")),
    Row("* > gemini: logprobs=true", PROBABLE, ("responseLogprobs", True)),
    Row("* > openai-chat: include=message.output_text.logprobs", PROBABLE, ("logprobs", True)),
    Row("* > ollama: include=message.output_text.logprobs", PROBABLE, ("logprobs", True)),
    Row("* > gemini: include=message.output_text.logprobs", PROBABLE, ("responseLogprobs", True)),
    Row("gemini > openai-responses: *responseLogprobs=true", PROBABLE, ("include", "message.output_text.logprobs")),
    Row("gemini > openai-chat: *responseLogprobs=true", PROBABLE, ("logprobs", True)),
    Row("gemini > ollama: *responseLogprobs=true", PROBABLE, ("logprobs", True)),
    Row("* > anthropic: parallel_tool_calls=true", PARALLEL, ("disable_parallel_tool_use", False)),
    Row("* > anthropic: parallel_tool_calls=false", PARALLEL, ("disable_parallel_tool_use", True)),
    Row("anthropic > *: *disable_parallel_tool_use=true", PARALLEL, ("parallel_tool_calls", False)),
    Row("anthropic > *: *disable_parallel_tool_use=false", PARALLEL, ("parallel_tool_calls", True)),
    Row("* > anthropic: *effort=none", THINKING, ("type", "disabled")),
    Row("* > gemini: *effort=none", THINKING, ("thinkingBudget", 0)),
    Row("* > ollama: *effort=none", THINKING, ("think", False)),
    Row("ollama > openai-responses: think=false", THINKING, ("effort", "none")),
    Row("ollama > anthropic: think=false", THINKING, ("type", "disabled")),
    Row("ollama > gemini: think=false", THINKING, ("thinkingBudget", 0)),
    Row("ollama > anthropic: think=true", THINKING, ("type", "adaptive")),
    Row("* > gemini: reasoning.summary=auto", SHOWN, ("includeThoughts", True)),
    Row("anthropic > gemini: thinking[*].display=summarized", SHOWN, ("includeThoughts", True)),
    Row("anthropic > gemini: thinking[*].display=omitted", SHOWN, ("includeThoughts", False)),
    Row("anthropic > openai-responses: thinking[*].display=summarized", SHOWN, ("summary", "auto")),
    Row("gemini > openai-responses: *includeThoughts=true", SHOWN, ("summary", "auto")),
    Row("* > anthropic: service_tier=default", TIER, ("service_tier", "standard_only")),
    Row("* > gemini: service_tier=default", TIER, ("serviceTier", "standard")),
    Row("anthropic > openai-*: service_tier=standard_only", TIER, ("service_tier", "default")),
    Row("anthropic > gemini: service_tier=standard_only", TIER, ("serviceTier", "standard")),
    Row("gemini > openai-*: serviceTier=standard", TIER, ("service_tier", "default")),
    Row("gemini > anthropic: serviceTier=standard", TIER, ("service_tier", "standard_only")),
    Row("* > anthropic: tool_choice*=required", CHOICE, ("type", "any")),
    Row("* > gemini: tool_choice*=required", CHOICE, ("mode", "ANY")),
    Row("* > gemini: tool_choice[allowed_tools]*=auto", CHOICE, ("mode", "VALIDATED")),
    Row("gemini > openai-*: *functionCallingConfig.mode=ANY", CHOICE, ("tool_choice", "required")),
    Row("* > anthropic: tool_choice*=code_interpreter", CHOICE, ("name", "code_execution")),
    Row("openai-responses > ollama: truncation=auto", WORD, ("truncate", True)),
    Row("openai-responses > ollama: truncation=disabled", WORD, ("truncate", False)),
    Row("openai-responses > openai-responses: *attributes.*=true", KEY, ("key", True)),
    Row("openai-responses > openai-responses: *attributes.*=false", KEY, ("key", False)),
    Row("gemini > openai-*: *mediaResolution.level=MEDIA_RESOLUTION_LOW", WORD, ("detail", "low")),
    Row("gemini > openai-*: *mediaResolution.level=MEDIA_RESOLUTION_HIGH", WORD, ("detail", "high")),
    Row("gemini > *: *nullable=true", NULL, ("type", "null")),
    Row("gemini > openai-*: *responseMimeType=application/json", JSON, ("type", "json_object")),
    Row("gemini > ollama: *responseMimeType=application/json", JSON, ("format", "json")),
    Row("ollama > openai-*: format=json", JSON, ("type", "json_object")),
    Row("* > gemini: *role=assistant", WORD, ("role", "model")),
    Row("ollama > openai-responses: messages.role=tool", RESULT, ("type", "function_call_output")),
    Row("ollama > anthropic: messages.role=tool", RESULT, ("type", "tool_result")),
    Row("ollama > gemini: messages.role=tool", RESULT, ("result", "a")),
    Row("anthropic > gemini: *is_error=true", RESULT, ("error", "")),
    Row("gemini > *: contents.role=model", WORD, ("role", "assistant")),
)
"""Leaves whose meaning arrives in other words."""

ASSISTANT = "Anthropic refuses it in such a turn"

REFUSED: tuple[Row, ...] = (
    Row("anthropic > *: messages[user].content[*thinking]*", ASSISTANT),
    Row("anthropic > *: messages[user].content[tool_use]*", ASSISTANT),
    Row("anthropic > *: messages[user].content[server_tool_use]*", ASSISTANT),
    Row("anthropic > *: messages[user].content[*_tool_result]*", ASSISTANT),
    Row("anthropic > *: messages[assistant].content[tool_result]*", ASSISTANT),
    Row("gemini > *: systemInstruction.parts.function*", "Google knows no call in it"),
    Row("gemini > *: systemInstruction.parts.thought*", "Google's models say nothing in it"),
)
"""Leaves that the caller's half refuses to read, because the vendor does."""


def unexplained(rows: Sequence[Row], name: str, refused: Mapping[str, str]) -> list[str]:
    """The refusals of a dialect that no row says to be right, and its rows that no refusal needs."""
    own = [row for row in rows if row.of.startswith(name)]
    needed = [row for row in own if any(row.holds(name, "", path) for path in refused)]
    found = [f"{path}: {why}" for path, why in refused.items() if not any(row.holds(name, "", path) for row in needed)]
    return [*found, *(f"{row.of}: not needed" for row in own if row not in needed)]
