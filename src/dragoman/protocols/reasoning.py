"""How much to think, if one protocol says it in words and another in tokens. Knows no protocol by name."""

from dragoman.types import ReasoningConfig

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
        return "none"
    return next((effort for effort, most in BUDGETS.items() if 0 < budget <= most), "max" if budget > 0 else "medium")


def budget_of(effort: str) -> int | None:
    """The budget in tokens that means about as much as an effort; None if the word is not known."""
    return 0 if effort == "none" else BUDGETS.get(effort)


def thinks(config: ReasoningConfig | None) -> bool:
    """Whether thinking is asked for."""
    if config is None or config.mode == "off" or config.effort == "none" or config.budget_tokens == 0:
        return False
    return any(said is not None for said in (config.mode, config.effort, config.budget_tokens))
