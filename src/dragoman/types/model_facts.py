"""What a service says of a model in its list of models."""

from typing import TypeGuard

from dragoman.types.value import Value


class ModelFacts(Value, frozen=True, kw_only=True):
    """Sizes in tokens, prices in US dollars for a million tokens. None: the list does not say."""

    context: int | None = None
    """The tokens of a conversation with its answer, or those of its input, as the service counts."""
    max_output: int | None = None
    """The tokens of an answer."""
    input_price: float | None = None
    output_price: float | None = None


MOST = 1e15
"""No size and no price is as large: what a list says beyond it is no fact, and an integer may not even fit a float."""


def known_size(value: object) -> int | None:
    """A number of tokens from a list; None for what is no number, and for 0, which some write for "unknown"."""
    return int(value) if _is_number(value) and 1 <= value < MOST else None


def known_price(value: object) -> float | None:
    """A price from a list; None for what is no price, and for negative ones, by which some say that it depends."""
    return float(value) if _is_number(value) and 0 <= value < MOST else None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
