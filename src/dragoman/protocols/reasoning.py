"""How much to think, if one protocol says it in words and another in tokens. Knows no protocol by name."""

from collections.abc import Sequence
from math import log2

from msgspec.structs import replace

from dragoman.types import ReasoningConfig

OFF = "none"
"""The effort that is no thinking at all."""

BUDGETS: dict[str, int] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}
"""An effort to the tokens that mean about as much. Vendors publish no such table; gateways use figures like these."""


def effort_of(budget: int) -> str:
    """The effort that means about as much as a budget in tokens; a budget of 0 is no thinking at all."""
    if budget == 0:
        return OFF
    return next((effort for effort, most in BUDGETS.items() if 0 < budget <= most), "max" if budget > 0 else "medium")


def budget_of(effort: str) -> int | None:
    """The budget in tokens that means about as much as an effort; None if the word is not known."""
    return 0 if effort == OFF else BUDGETS.get(effort)


def thinks(config: ReasoningConfig | None) -> bool:
    """Whether thinking is asked for."""
    if config is None or config.mode == "off" or config.effort == OFF or config.budget_tokens == 0:
        return False
    return any(said is not None for said in (config.mode, config.effort, config.budget_tokens))


def nearest(effort: str, efforts: Sequence[str]) -> str:
    """The one of `efforts` that means about as much as `effort`; of two that are as near, the lesser one.

    Who asks for thinking gets some, if there is any. A word of which nothing is known is itself.
    """
    if effort in efforts or (effort != OFF and effort not in BUDGETS):
        return effort
    known = sorted((each for each in efforts if each in BUDGETS), key=BUDGETS.__getitem__)
    wanted = log2(BUDGETS.get(effort, 1))
    other = next((each for each in efforts if each != OFF), OFF)
    return min(known, key=lambda each: abs(log2(BUDGETS[each]) - wanted), default=other)


def taken(effort: str | None, efforts: Sequence[str] | None) -> bool:
    """Whether a model that takes only these `efforts` takes this one.

    True if no effort is asked for (None), or if nothing is known of what the model takes (`efforts` is None).
    """
    return effort is None or efforts is None or (bool(efforts) and nearest(effort, efforts) == effort)


def always_thinks(efforts: Sequence[str] | None) -> bool:
    """Whether thinking cannot be switched off in models with these `efforts`."""
    return bool(efforts) and OFF not in (efforts or ())


def said_effort(config: ReasoningConfig, *, alone: bool) -> str | None:
    """The effort that `config` asks for, no thinking among them.

    `alone`: the effort is all that a service is told, so that it says too that thinking is off, and how many tokens.
    """
    if alone and config.mode == "off":
        return OFF
    if config.effort is not None:
        return config.effort
    if config.mode == "off" or config.budget_tokens == 0:
        return OFF
    return effort_of(config.budget_tokens) if alone and config.budget_tokens is not None else None


def silences_effort(config: ReasoningConfig | None) -> bool:
    """Whether an effort is asked for that counts for nothing, since thinking is off."""
    return config is not None and config.mode == "off" and config.effort not in {None, OFF}


def as_taken(config: ReasoningConfig, efforts: Sequence[str] | None, *, alone: bool) -> ReasoningConfig:
    """`config` with an effort that models with these `efforts` take, without any if they take none; the same object if
    they take its own.

    `alone`: see `said_effort`.
    """
    if efforts is not None and not efforts:
        unsaid = replace(config, mode=None, effort=None, budget_tokens=None)
        return config if unsaid == config else unsaid
    effort = said_effort(config, alone=alone)
    if effort is None or efforts is None or (new := nearest(effort, efforts)) == effort:
        return config
    mode = None if config.mode == "off" and new != OFF else config.mode
    return replace(config, mode=mode, effort=new, budget_tokens=None if effort == OFF else config.budget_tokens)


def changed_name(config: ReasoningConfig) -> str:
    """The name of the field of `config` from which `as_taken` has its effort."""
    if config.effort is not None:
        return "reasoning.effort"
    return "reasoning.mode" if config.mode == "off" else "reasoning.budget_tokens"
