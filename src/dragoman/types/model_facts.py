"""What a service says of a model in its list of models."""

from math import isfinite

from msgspec import Struct


class ModelFacts(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Sizes in tokens, prices in US dollars for a million tokens. None: the list does not say."""

    context: int | None = None
    """The tokens of a conversation with its answer, or those of its input, as the service counts."""
    max_output: int | None = None
    """The tokens of an answer."""
    input_price: float | None = None
    output_price: float | None = None


def known_size(value: object) -> int | None:
    """A number of tokens from a list; None for what is none, and for 0, by which some say that they do not know."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 1
    return int(value) if known and isinstance(value, int | float) else None


def known_price(value: object) -> float | None:
    """A price from a list; None for what is none, and for negative ones, by which some say that it depends."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0
    return float(value) if known and isinstance(value, int | float) else None
