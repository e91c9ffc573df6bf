"""How much the model should think, in this protocol's words and in ours. Read and written.

Two fields say it: `thinking` whether and how, and in newer models `output_config.effort` how much.
https://platform.claude.com/docs/en/build-with-claude/thinking
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from dragoman.error_words import cut
from dragoman.protocols.anthropic.extra import NAME, note, noted, to_extra, with_extra
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.types import (
    AnyPart,
    ChangedField,
    Loss,
    LostField,
    Message,
    Reasoning,
    ReasoningConfig,
    ToolCall,
    ToolResult,
)

FIELD, BETWEEN = "thinking", "between_tools"
UNSAID = "thinking unsaid"
"""The note that only the effort was set. In other protocols an effort alone turns thinking on; here it does not."""

MODES: dict[str, Literal["on", "adaptive", "off"]] = {"enabled": "on", "adaptive": "adaptive", "disabled": "off"}

DISPLAYS: dict[str, Literal["summary", "none"]] = {"summarized": "summary", "omitted": "none"}
SHOWN = {"summary": "summarized", "full": "summarized", "none": "omitted"}

LEAST = 1024
"""Tokens of the smallest budget that the service takes."""

EFFORTS = {"minimal": "low"}
"""Efforts that the service does not have, to the nearest ones."""
OFF = "none"


def decode_thinking(fields: Fields, effort: str | None) -> ReasoningConfig | None:
    """The setting; None if nothing is set."""
    if fields.rest.get(FIELD) is None:
        fields.any(FIELD)
        return None if effort is None else ReasoningConfig(effort=effort, extra=noted({}, **{UNSAID: True}))
    said = fields.fields(FIELD)
    kind = said.required_text("type")
    if kind == BETWEEN:
        return ReasoningConfig(effort=effort, extra=to_extra({FIELD: {"type": kind} | said.rest}))
    mode = MODES.get(kind)
    if mode is None:
        raise refused(said.path("type"), f"expected one of {', '.join([*MODES, BETWEEN])}, got {cut(kind, 40)!r}")
    budget, display = said.integer("budget_tokens"), said.text("display")
    if mode == "on":
        if budget is None:
            raise wrong_type(said.path("budget_tokens"), "an integer", None)
        if budget < LEAST:
            raise refused(said.path("budget_tokens"), f"expected at least {LEAST}, got {budget}")
    if display is not None and display not in DISPLAYS:
        said.rest["display"] = display
    shown = DISPLAYS.get(display or "")
    return ReasoningConfig(mode, effort, budget, shown, extra=to_extra({FIELD: said.rest} if said.rest else {}))


def encode_thinking(config: ReasoningConfig) -> tuple[dict[str, Any] | None, str | None]:
    """The two fields; None for one that is not set."""
    kind = kind_of(config)
    said: dict[str, Any] = {} if kind is None else {"type": kind}
    if kind == "enabled":
        said["budget_tokens"] = max(LEAST, config.budget_tokens or LEAST)
    if kind in {"enabled", "adaptive"} and config.display is not None:
        said["display"] = SHOWN[config.display]
    effort = None if config.effort == OFF else EFFORTS.get(config.effort or "", config.effort)
    thinking: dict[str, Any] = with_extra({FIELD: said} if said else {}, config.extra)
    return thinking.get(FIELD), effort


def changed(config: ReasoningConfig) -> Iterator[Loss]:
    """What arrives as something near it."""
    if config.effort in EFFORTS:
        yield ChangedField("reasoning.effort")
    kind = kind_of(config)
    if config.budget_tokens is not None:
        if kind == "enabled" and config.budget_tokens < LEAST:
            yield ChangedField("reasoning.budget_tokens")
        elif kind != "enabled" and config.budget_tokens > 0:
            yield LostField("reasoning.budget_tokens")
    if config.display is not None:
        if kind not in {"enabled", "adaptive"}:
            yield LostField("reasoning.display")
        elif config.display == "full":
            yield ChangedField("reasoning.display")


def must_be_off(messages: Sequence[Message]) -> bool:
    """Whether the model waits for results of calls that it made without thinking, or whose thinking is not here.

    With `enabled` the service refuses such a conversation. It joins neighbours, so that thinking begins the turn only
    if no message of the assistant stands before it.
    """
    turn: list[AnyPart] = []
    for message in reversed(messages):
        if message.role == "assistant":
            turn[:0] = message.parts
        elif turn or not any(isinstance(part, ToolResult) for part in message.parts):
            break
    called = any(isinstance(part, ToolCall) for part in turn)
    return called and not (isinstance(turn[0], Reasoning) and turn[0].opaque is not None)


def kind_of(config: ReasoningConfig) -> str | None:
    """The value of `thinking.type`; None if the field is not sent."""
    if config.effort == OFF and config.mode is None:
        return "disabled"
    match config.mode:
        case "off":
            return "disabled"
        case "adaptive":
            return "adaptive"
        case "on":
            return "adaptive" if config.budget_tokens is None else "enabled"
    if config.budget_tokens is not None:
        return "disabled" if config.budget_tokens == 0 else "enabled" if config.budget_tokens > 0 else "adaptive"
    own = note(config.extra, UNSAID) or NAME in config.extra
    return "adaptive" if config.effort is not None and not own else None
