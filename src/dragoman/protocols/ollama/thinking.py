"""How much a model should think, in this protocol's words and in ours."""

from collections.abc import Iterator

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.speech import OURS
from dragoman.types import ChangedField, Loss, ReasoningConfig

EFFORTS = ("low", "medium", "high")
NEAREST = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Efforts that this protocol does not have, to the nearest that it has."""
OWN_EFFORTS = (*EFFORTS, "max")
"""Those that callers may say: some models have the last one."""
OWN = "think"
"""Notes that a caller of this protocol said the effort: then the model has such words."""


def decode_think(fields: Fields) -> ReasoningConfig | None:
    """What `think` says: a boolean, or an effort."""
    value, path = fields.any("think"), fields.path("think")
    match value:
        case None:
            return None
        case bool():
            return ReasoningConfig(mode="on" if value else "off")
        case str():
            if value in OWN_EFFORTS:
                return ReasoningConfig(effort=value, extra={OURS: {OWN: value}})
            raise refused(path, f"expected a boolean or one of {', '.join(OWN_EFFORTS)}, got {cut(value, 40)!r}")
        case _:
            raise wrong_type(path, f"a boolean or one of {', '.join(OWN_EFFORTS)}", value)


def encode_think(config: ReasoningConfig | None) -> bool | str | None:
    """The same on the wire; None if nothing is said.

    A budget is told as thinking without an effort: most models of this protocol refuse an effort.
    """
    if config is None:
        return None
    if config.mode == "off" or config.effort == "none":
        return False
    if _is_own(config):
        return config.effort
    if config.effort is not None:
        return config.effort if config.effort in EFFORTS else NEAREST.get(config.effort, True)
    if config.budget_tokens is not None:
        return config.budget_tokens != 0
    return None if config.mode is None else True


def fitted_thinking(config: ReasoningConfig, *, levels: bool | None) -> ReasoningConfig:
    """`config` as a model takes it. Most models only think or do not, and the service refuses efforts for them."""
    if levels or config.effort in {None, "none"} or config.mode == "off" or _is_own(config):
        return config
    return replace(config, mode="on", effort=None, budget_tokens=None)


def _is_own(config: ReasoningConfig) -> bool:
    return config.effort is not None and config.extra.get(OURS, {}).get(OWN) == config.effort


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
