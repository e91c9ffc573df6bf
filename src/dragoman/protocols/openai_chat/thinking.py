"""How much the model should think, as the fields in which services want to be told. See `Variant.thinking_field`."""

from collections.abc import Callable
from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.openai_chat.variant import ThinkingField
from dragoman.protocols.reasoning import effort_of
from dragoman.types import ReasoningConfig

DEFAULT = "default"
"""The effort of models that think or do not, and nothing between."""


def encode_thinking(config: ReasoningConfig | None, field: ThinkingField) -> dict[str, Any]:
    """The fields of a request's body; empty if nothing is said."""
    return {} if config is None else FORMS[field](config)


def _as_effort(config: ReasoningConfig) -> dict[str, Any]:
    """The effort; that of a budget in tokens, or none if thinking is off, if no effort is set."""
    effort = config.effort or None
    if effort is None and config.mode == "off":
        effort = "none"
    elif effort is None and config.budget_tokens is not None:
        effort = effort_of(config.budget_tokens)
    return without_none({"reasoning_effort": effort})


def _as_type(config: ReasoningConfig) -> dict[str, Any]:
    if _is_off(config):
        return {"thinking": {"type": "disabled"}}
    on = {"type": "enabled"} if config.mode is not None or config.budget_tokens is not None else None
    return without_none({"thinking": on, "reasoning_effort": config.effort})


def _as_type_or_effort(config: ReasoningConfig) -> dict[str, Any]:
    """The effort, if it is one; `default` is thinking as the model likes."""
    said = _as_type(config)
    effort = said.pop("reasoning_effort", None)
    if effort == DEFAULT:
        return {"thinking": {"type": "enabled"}}
    return said if effort is None else {"reasoning_effort": effort}


def _as_switch(config: ReasoningConfig) -> dict[str, Any]:
    if _is_off(config):
        return {"enable_thinking": False}
    on = True if config != ReasoningConfig(display=config.display, extra=config.extra) else None
    return without_none({"enable_thinking": on, "thinking_budget": config.budget_tokens})


def _as_object(config: ReasoningConfig) -> dict[str, Any]:
    if _is_off(config):
        return {"reasoning": {"effort": "none"}}
    if config.effort is not None:
        return {"reasoning": {"effort": config.effort}}  # a budget beside it is refused
    if config.budget_tokens is not None:
        return {"reasoning": {"max_tokens": config.budget_tokens}}
    return {"reasoning": {"enabled": True}} if config.mode is not None else {}


def _is_off(config: ReasoningConfig) -> bool:
    return config.mode == "off" or config.effort == "none" or config.budget_tokens == 0


FORMS: dict[ThinkingField, Callable[[ReasoningConfig], dict[str, Any]]] = {
    "reasoning_effort": _as_effort,
    "thinking": _as_type,
    "thinking_or_effort": _as_type_or_effort,
    "enable_thinking": _as_switch,
    "reasoning": _as_object,
}
