"""Tokens of thinking as models take them that have no levels of it. Knows no model by name."""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dragoman.protocols.reasoning import OFF, always_thinks, changed_name, said_effort, taken
from dragoman.types import ChangedField, ChatRequest, Loss, ModelProfile, ReasoningConfig

LEVEL = re.compile(rb'"thinking_?[lL]evel"\s*:\s*"([A-Za-z_]+)"')
BUDGET = re.compile(rb'"thinking_?[bB]udget"\s*:\s*(-?[0-9]+)')
SHOWN = re.compile(rb'"include_?[tT]houghts"\s*:\s*true')
"""Where a body says how much to think. In a text the quotes would be escaped; if a schema or the arguments of a call
have such a key, the request is translated in vain, and nothing else happens."""


def efforts_of(profile: ModelProfile) -> Sequence[str] | None:
    """The efforts that models of `profile` take in this protocol, which says none at all by a number."""
    efforts = profile.efforts
    return (*efforts, OFF) if efforts and profile.least_budget == 0 and OFF not in efforts else efforts


def takes_thinking(body: bytes, profile: ModelProfile) -> bool:
    """Whether models of `profile` take the thinking for which a request with this body asks."""
    if body.find(b"hinking") < 0:
        return True
    level, budget, efforts = LEVEL.search(body), BUDGET.search(body), efforts_of(profile)
    if efforts == ():
        return not (level or budget or SHOWN.search(body))
    if level is not None and (profile.thinking_levels is False or not taken(level[1].decode().lower(), efforts)):
        return False
    tokens = None if budget is None else int(budget[1])
    if tokens == 0:
        return not always_thinks(efforts)
    return tokens is None or tokens < 0 or (profile.least_budget or 1) <= tokens <= (profile.most_budget or tokens)


def with_budget(request: ChatRequest, profile: ModelProfile) -> ChatRequest:
    """`request` with a budget that models of `profile` take; the same object if they take what is asked for."""
    config = request.reasoning
    if config is None or (new := _within(config, profile)) is config:
        return request
    return replace(request, reasoning=new)


def changed_budget(request: ChatRequest, profile: ModelProfile) -> Iterator[Loss]:
    """What `with_budget` changes."""
    config = request.reasoning
    if config is not None and with_budget(request, profile) is not request:
        yield ChangedField(changed_name(config))


def _within(config: ReasoningConfig, profile: ModelProfile) -> ReasoningConfig:
    least, most, budget = profile.least_budget or 1, profile.most_budget, config.budget_tokens
    if said_effort(config, alone=False) == OFF:
        if profile.thinking_levels is not False or not always_thinks(profile.efforts):
            return config
        return replace(config, mode=None, effort=None, budget_tokens=least)
    if not budget or least <= budget <= (most or budget):
        return config
    return replace(config, budget_tokens=max(least, min(budget, most or budget)))
