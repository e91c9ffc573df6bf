"""What of the events of a stream is neither told nor named, and why that is right, beside what holds for any answer."""

import re
from collections.abc import Mapping

from tests.fields.tables import USUAL, Row

FIRST = "each event repeats it: that of the first holds"
LAST = "a count so far: that of the last event holds"
LATER = "the last event has it again, as it is then"
UNKNOWN_YET = "before the end nobody knows why it will end"
WHOLE = "the item, when it is done, has all of it"
PLACE = "to what the event belongs"
PADDING = "it has no meaning"
SPEAKER = "who speaks is the model"
EMPTY = "what every part is that does not say otherwise"

IN_ITEMS = (
    *("code_interpreter_call_code.delta].delta", "code_interpreter_call_code.done].code"),
    *("mcp_call_arguments.delta].delta", "mcp_call_arguments.done].arguments"),
    *("shell_call_command.*].command", "shell_call_command.delta].delta", "shell_call_output_content.*].*put.*"),
    *(
        "shell_call_output_content.delta].delta.*",
        "content_part.added].part*",
        "reasoning_summary_part.added].part.text",
    ),
)
BEGUN = ("response.created", "response.in_progress", "response.queued")

SILENT: tuple[Row, ...] = (
    *(Row(f"openai-chat > *: [{place}].{name}*", FIRST) for place in ("middle", "last") for name in ("id", "model")),
    Row("openai-chat > *: [beside].id", FIRST),
    Row("openai-chat > *: [beside].model", FIRST),
    Row("openai-chat > *: [*].created", FIRST),
    Row("openai-chat > *: [*].service_tier=default", USUAL),
    Row("openai-responses > *: [response.*].response.service_tier=default", USUAL),
    Row("openai-chat > *: [middle].service_tier=*", FIRST),
    Row("openai-chat > *: [last].service_tier=*", FIRST),
    Row("openai-chat > *: [*].obfuscation", PADDING),
    Row("openai-chat > *: [*].choices.delta.role=*", SPEAKER),
    Row("openai-chat > *: [*].choices.delta.tool_calls.index", PLACE),
    Row("openai-responses > *: [*].sequence_number", PLACE),
    Row("openai-responses > *: [*].item_id", PLACE),
    Row("openai-responses > *: [*].*_index", PLACE),
    Row("openai-responses > *: [response.*].obfuscation", PADDING),
    Row("openai-responses > *: [response.*].response.id", FIRST),
    Row("openai-responses > *: [response.*].response.model", FIRST),
    *(Row(f"openai-responses > *: [{name}].response.*", LATER) for name in BEGUN),
    *(Row(f"openai-responses > *: [response.{path}", WHOLE) for path in IN_ITEMS),
    Row("anthropic > *: [*].index", PLACE),
    Row(
        "anthropic > anthropic: [*].*content*[server_tool_use].caller[direct]",
        "the usual caller",
    ),
    Row("anthropic > *: [message_start].message.stop_*", UNKNOWN_YET),
    Row("anthropic > *: [message_start].message.usage.output_tokens", LAST),
    Row("gemini > *: [*].candidates.content.parts.thought=false", EMPTY),
    *(Row(f"gemini > *: [{place}].modelVersion", FIRST) for place in ("middle", "last")),
    *(Row(f"gemini > *: [{place}].responseId", FIRST) for place in ("middle", "last")),
    *(Row(f"gemini > *: [{place}].createTime", FIRST) for place in ("middle", "last")),
    *(Row(f"ollama > *: [{place}].model", FIRST) for place in ("middle", "last")),
    *(Row(f"ollama > *: [{place}].created_at", FIRST) for place in ("middle", "last")),
)
"""Leaves that say nothing that could be lost."""

REFUSED: tuple[Row, ...] = (
    Row("openai-chat > *: [first].choices.index", "the answer is the first choice's, which has no more to say"),
    Row("openai-responses > *: [error].*", "it is a failure, and no answer"),
    Row("openai-responses > *: [response.failed].*", "it is a failure, and no answer"),
    Row("openai-responses > *: [response.*].response.error.*", "it is a failure, and no answer"),
    Row("openai-responses > *: [response.*].response.status=failed", "it is a failure, and no answer"),
    Row("ollama > *: [last].done=false", "the answer is not at its end"),
)
"""Leaves whose answer is an error."""

SHAPES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "openai-chat": ((r"\[\w+\]\.", ""), (r"choices\.delta", "choices.message")),
    "openai-responses": (
        (r"\[response\.output_item\.(added|done)\]\.item", "output"),
        (r"\[response\.\w+\]\.response\.", ""),
    ),
    "anthropic": (
        (r"\[message_start\]\.message\.", ""),
        (r"\[content_block_start\]\.content_block", "content"),
        (r"\[message_delta\]\.(delta\.)?", ""),
    ),
    "gemini": ((r"\[\w+\]\.", ""),),
    "ollama": ((r"\[\w+\]\.", ""),),
}
"""Where a field of an event stands in a whole answer."""


def of_answer(service: str, path: str) -> str:
    """The path of the same field in a whole answer, for which the tables of answers hold."""
    for found, place in SHAPES[service]:
        path = re.sub(f"^{found}" if found.startswith(r"\[") else found, place, path)
    return path
