"""Types that pydantic reads: how they are found, and what is said of values that do not fit."""

from dataclasses import dataclass

import pydantic
import pytest

from dragoman.client.output import shape_of
from dragoman.errors import InvalidRequestError


@dataclass
class Street:
    numbers: "dict[str, list[int]]"
    length: "int | None"


@dataclass
class Cats:
    lives: "list[pydantic.PositiveInt]"


@dataclass
class Town:
    street: "Street"
    cats: "Cats"


def test_hints_that_are_text_are_of_pydantic_s_types_too() -> None:
    # Each look at such a hint makes its type anew, and maybe where another one was: what else is there decides that.
    kept: list[list[object]] = []
    for i in range(100):
        kept.append([[each] for each in range(i)])
        with pytest.raises(InvalidRequestError, match="greater than 0"):
            shape_of(Town).read('{"street":{"numbers":{},"length":null},"cats":{"lives":[0]}}')
