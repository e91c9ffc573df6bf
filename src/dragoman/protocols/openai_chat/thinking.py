"""How much the model should think, as the fields in which services want to be told. See `Variant.thinking_field`.

Clients of such services ask in these fields too. What they say stays as it came for services of this protocol, and is a
setting for all others.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.variant import ThinkingField
from dragoman.protocols.reasoning import said_effort
from dragoman.types import ChatRequest, ReasoningConfig

DEFAULT = "default"
"""The effort of models that think or do not, and nothing between."""


def encode_thinking(config: ReasoningConfig | None, field: ThinkingField) -> dict[str, Any]:
    """The fields of a request's body; empty if nothing is said."""
    return {} if config is None else FORMS[field](config)


def _as_effort(config: ReasoningConfig) -> dict[str, Any]:
    """The effort; that of a budget in tokens, or none if thinking is off, if no effort is set."""
    return without_none({"reasoning_effort": said_effort(config, alone=True) or None})


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


MODES: dict[str, Literal["on", "adaptive", "off"]] = {
    "enabled": "on",
    "disabled": "off",
    "adaptive": "adaptive",
    "auto": "adaptive",
}
"""Types of `thinking` in our words. `auto` is Volcengine's: volcengine/volcengine-go-sdk, `ThinkingTypeAuto`."""


OBJECT: dict[str, type] = {"effort": str, "max_tokens": int, "enabled": bool, "exclude": bool, "summary": str}
"""The fields of `reasoning`."""


def decode_thinking(fields: Fields) -> tuple[ReasoningConfig | None, tuple[str, ...]]:
    """The setting, None if nothing is set; and which fields beside `reasoning_effort` say it: they stay in the rest."""
    effort = fields.text("reasoning_effort")
    if (found := _asked(fields.rest)) is None:
        return (None if effort is None else ReasoningConfig(effort=effort)), ()
    config, names = found
    mode = None if effort is not None and config.mode == "on" else config.mode
    return replace(config, mode=mode, effort=effort or config.effort), names


def as_it_came(request: ChatRequest) -> ChatRequest:
    """`request` for a service of this protocol: a field in which thinking was asked for goes out as it came, alone."""
    config, found = request.reasoning, _asked(request.extra.get(NAME, {}))
    if config is None or found is None or not set(found[1]) <= set(request.silent):
        return request
    effort = config.effort if config.effort != found[0].effort else None
    return replace(request, reasoning=None if effort is None else ReasoningConfig(effort=effort))


def _asked(rest: Mapping[str, Any]) -> tuple[ReasoningConfig, tuple[str, ...]] | None:
    """What the first field says that is understood as a whole, with the fields that it needs."""
    for names, read in READERS.items():
        if (config := read(rest)) is not None:
            return config, tuple(name for name in names if name in rest)
    return None


def _in_object(rest: Mapping[str, Any]) -> ReasoningConfig | None:
    said = _typed(rest.get("reasoning"), OBJECT)
    if not said:
        return None
    effort, budget, on = said.get("effort"), said.get("max_tokens"), said.get("enabled")
    mode: Literal["on", "off"] | None = "off" if on is False else "on" if on and effort is None is budget else None
    shown: Literal["none", "summary"] | None = "summary" if "summary" in said else None
    return ReasoningConfig(mode, effort, budget, "none" if said.get("exclude") else shown)


def _in_type(rest: Mapping[str, Any]) -> ReasoningConfig | None:
    said = _typed(rest.get("thinking"), {"type": str, "budget_tokens": int})
    mode = MODES.get(said.get("type", "")) if said else None
    return None if mode is None else ReasoningConfig(mode, budget_tokens=said.get("budget_tokens"))


def _in_switch(rest: Mapping[str, Any]) -> ReasoningConfig | None:
    wanted = {name: rest[name] for name in ("enable_thinking", "thinking_budget") if name in rest}
    said = _typed(wanted, {"enable_thinking": bool, "thinking_budget": int})
    if "enable_thinking" not in said:
        return None
    return ReasoningConfig("on" if said["enable_thinking"] else "off", budget_tokens=said.get("thinking_budget"))


def _typed(value: object, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The fields of an object that are set; none if one is unknown or of another type."""
    said = without_none(value) if isinstance(value, Mapping) else {}
    return said if all(type(each) is kinds.get(name) for name, each in said.items()) else {}


READERS: dict[tuple[str, ...], Callable[[Mapping[str, Any]], ReasoningConfig | None]] = {
    ("reasoning",): _in_object,
    ("thinking",): _in_type,
    ("enable_thinking", "thinking_budget"): _in_switch,
}
"""The fields of `FORMS`, as a caller says them."""
