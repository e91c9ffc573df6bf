"""A request as the service takes it: how it may think, and what thinking does not go with. Knows no model by name.

Thinking is asked for in tokens or in a word, as the model has it. With it the service refuses a choice that forces a
tool, and each setting of the choice among tokens that would make a difference; and the answer needs tokens besides.
https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.anthropic.thinking import LEAST, OFF, kind_of, must_be_off
from dragoman.protocols.losses import REASONING
from dragoman.protocols.reasoning import BUDGETS, always_thinks, budget_of, effort_of
from dragoman.types import ChatRequest, ModelProfile, ReasoningConfig, ToolChoice

NOT_THINKING = ReasoningConfig(mode="off")

USUAL_EFFORT = "high"
"""How much models think that are not told how much: https://platform.claude.com/docs/en/build-with-claude/effort"""

LEAST_TOP_P = 0.95
"""The smallest `top_p` that goes with thinking."""

ANSWER = 8192
"""Tokens that thinking leaves for an answer that nobody has limited, if the model gives no more for both."""

SAMPLING = ("temperature", "top_p", "top_k")
"""The settings of the choice among tokens that this protocol has."""


def fitted(request: ChatRequest, profile: ModelProfile) -> ChatRequest:
    """`request` as models of `profile` take it. Opaque state that the service cannot read is no longer in it."""
    return thinking_as_taken(request, profile)


def thinking_as_taken(request: ChatRequest, profile: ModelProfile) -> ChatRequest:
    """`request` with thinking as models of `profile` take it; the same object if nothing must be changed for that."""
    config, forces = request.reasoning, request.tool_choice is not None and request.tool_choice.forces
    if forces and always_thinks(profile.efforts):
        request = replace(request, tool_choice=ToolChoice("auto"))
    if config is None:
        return request
    config = _in_form(config, profile)
    if _thinks(config) and forces and not always_thinks(profile.efforts):
        config = NOT_THINKING
    if kind_of(config) == "enabled":
        config = NOT_THINKING if must_be_off(request.messages) else _budgeted(config, request, profile)
    changed: dict[str, Any] = {"reasoning": config}
    if _thinks(config):
        changed |= dict.fromkeys(_hindering(request))
    return replace(request, **changed)


def changed_fields(request: ChatRequest, taken: ChatRequest) -> Iterator[str]:
    """The names of what `thinking_as_taken` has changed."""
    if request.tool_choice != taken.tool_choice:
        yield "tool_choice"
    said, told = request.reasoning, taken.reasoning
    if said is None or told is None:
        return
    if told is NOT_THINKING:
        yield "reasoning"
    else:
        yield from (f"reasoning.{name}" for name in REASONING if getattr(said, name) not in {None, getattr(told, name)})
    yield from (name for name in SAMPLING if getattr(request, name) != getattr(taken, name))


def _thinks(config: ReasoningConfig) -> bool:
    return kind_of(config) in {"enabled", "adaptive"}


def _in_form(config: ReasoningConfig, profile: ModelProfile) -> ReasoningConfig:
    """`config` in words if models of `profile` have levels, and in tokens if they have none."""
    kind, levels = kind_of(config), profile.thinking_levels
    if levels is True and kind == "enabled":
        return replace(
            config,
            mode="adaptive",
            effort=config.effort or effort_of(config.budget_tokens or LEAST),
            budget_tokens=None,
        )
    if levels is False and kind == "adaptive":
        budget = budget_of(config.effort or USUAL_EFFORT) or BUDGETS[USUAL_EFFORT]
        kept = config.effort if profile.efforts else None
        return replace(config, mode="on", effort=kept, budget_tokens=budget)
    if levels is False and not profile.efforts and config.effort not in {None, OFF}:
        return replace(config, effort=None)
    return config


def _budgeted(config: ReasoningConfig, request: ChatRequest, profile: ModelProfile) -> ReasoningConfig:
    """`config` with a budget that leaves tokens for the answer, whether the caller has limited it or the model does."""
    if request.max_output_tokens is not None or profile.most_output is None:
        return _within(config, request.max_output_tokens)
    most = max(LEAST, profile.most_output - ANSWER)
    return config if (config.budget_tokens or 0) <= most else replace(config, budget_tokens=most)


def _within(config: ReasoningConfig, limit: int | None) -> ReasoningConfig:
    """`config` with a budget that leaves tokens for the answer; without thinking if there is no such budget.

    A `limit` of 0 asks for no answer, only for a cache of the prompt.
    """
    if not limit or max(LEAST, config.budget_tokens or LEAST) < limit:
        return config
    return replace(config, budget_tokens=max(LEAST, limit - LEAST)) if limit > LEAST else NOT_THINKING


def _hindering(request: ChatRequest) -> Iterator[str]:
    """The settings that do not go with thinking."""
    if request.temperature not in {None, 1}:
        yield "temperature"
    if request.top_p is not None and request.top_p < LEAST_TOP_P:
        yield "top_p"
    if request.top_k is not None:
        yield "top_k"
