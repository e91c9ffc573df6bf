"""How much a model should think, in this protocol's words and in ours."""

from collections.abc import Iterator

from dragoman.errors import cut
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.types import ChangedField, Loss, ReasoningConfig

EFFORTS = ("low", "medium", "high")
NEAREST = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Efforts that this protocol does not have, to the nearest that it has."""


def decode_think(fields: Fields) -> ReasoningConfig | None:
    """What `think` says: a boolean, or an effort."""
    value, path = fields.any("think"), fields.path("think")
    match value:
        case None:
            return None
        case bool():
            return ReasoningConfig(mode="on" if value else "off")
        case str():
            if value in EFFORTS:
                return ReasoningConfig(effort=value)
            raise refused(path, f"expected a boolean or one of {', '.join(EFFORTS)}, got {cut(value, 40)!r}")
        case _:
            raise wrong_type(path, f"a boolean or one of {', '.join(EFFORTS)}", value)


def encode_think(config: ReasoningConfig | None) -> bool | str | None:
    """The same on the wire; None if nothing is said.

    A budget is told as thinking without an effort: most models of this protocol refuse an effort.
    """
    if config is None:
        return None
    if config.mode == "off" or config.effort == "none":
        return False
    if config.effort is not None:
        return config.effort if config.effort in EFFORTS else NEAREST.get(config.effort, True)
    if config.budget_tokens is not None:
        return config.budget_tokens != 0
    return None if config.mode is None else True


def changed_thinking(config: ReasoningConfig) -> Iterator[Loss]:
    """What of `config` arrives as something near it."""
    told = encode_think(config)
    mode, effort, budget = config.mode, config.effort, config.budget_tokens
    if mode is not None and not (told is False if mode == "off" else mode == "on" and told is not False):
        yield ChangedField("reasoning.mode")
    if effort is not None and not (told is False if effort == "none" else told == effort):
        yield ChangedField("reasoning.effort")
    if budget is not None and not (budget == 0 and told is False):
        yield ChangedField("reasoning.budget_tokens")
