"""What a function's docstring says of it and of its parameters."""

from dataclasses import dataclass

import pytest

from dragoman import function_tool
from dragoman.client import docstrings

GOOGLE = """Does it.

Args:
    a: First.
    *b (list[int]): Second: too.

Raises:
    ValueError: never.
"""
NUMPY = """Does it.

Parameters
----------
a : int
    First.
b
    Second:
    too.

Returns
-------
int
"""
SPHINX = """Does it.

:param a: First.
:param int b: Second:
    too.
:returns: x
"""
BOTH = {"a": "First.", "b": "Second: too."}

DOCSTRINGS: list[tuple[str | None, str, dict[str, str]]] = [
    (None, "", {}),
    ("One line.", "One line.", {}),
    ("Does it:\n\nthis and that.", "Does it:\n\nthis and that.", {}),
    *((form, "Does it.", BOTH) for form in (GOOGLE, NUMPY, SPHINX)),
]


@pytest.mark.parametrize(("docstring", "description", "words"), DOCSTRINGS)
def test_docstrings_of_three_forms_are_read(docstring: str | None, description: str, words: dict[str, str]) -> None:
    assert docstrings.read(docstring) == (description, words)


def google(rest: str) -> str:
    return f"Does it.\n\nArgs:\n    a: First.\n    b: Second.\n\n{rest}"


def numpy(rest: str) -> str:
    return f"Does it.\n\nParameters\n----------\na : int\n    First.\nb : int\n    Second.\n\n{rest}"


ONLY = {"a": "First.", "b": "Second."}

FURTHER: list[tuple[str, dict[str, str]]] = [
    (google("Todo:\n    * More.\n"), ONLY),
    (google("See also: the manual.\n"), ONLY),
    (google("And more of it.\n"), ONLY),
    (google("Keyword Args:\n    c (dict(str, int)): Third.\n"), {**ONLY, "c": "Third."}),
    (numpy("See Also\n--------\nfoo : bar\n    Another.\n"), ONLY),
    (numpy("Warns\n-----\nUserWarning\n    Often.\n"), ONLY),
    (numpy("Other Parameters\n----------------\nc, *d : int\n    More.\n"), {**ONLY, "c": "More.", "d": "More."}),
    ("Does it.\n\n:param a: First.\n\n    At length.\n:param b: Second.", {"a": "First. At length.", "b": "Second."}),
]


@pytest.mark.parametrize(("docstring", "words"), FURTHER)
def test_sections_that_are_not_known_are_no_words_of_parameters(docstring: str, words: dict[str, str]) -> None:
    assert docstrings.read(docstring) == ("Does it.", words)


def test_a_line_that_begins_with_a_role_of_sphinx_is_part_of_the_description() -> None:
    words = "Does it as\n:func:`other` does."
    assert docstrings.read(f"{words}\n\n:param a: First.") == (words, {"a": "First."})


@pytest.mark.parametrize(
    "words",
    [
        "Attributes:\n    a: First.\n    b: Second.",
        "Attributes\n----------\na : int\n    First.\nb : int\n    Second.",
        ":ivar a: First.\n:var int b: Second.",
    ],
)
def test_the_attributes_of_a_class_are_its_parameters(words: str) -> None:
    @dataclass
    class Place:
        a: int
        b: int

    Place.__doc__ = f"Does it.\n\n{words}\n"
    tool = function_tool(Place).tool
    assert tool.description == "Does it."
    assert tool.parameters is not None
    assert {name: each["description"] for name, each in tool.parameters["properties"].items()} == ONLY


class Search:
    async def __call__(self, a: int, b: int) -> None:
        """Does it.

        Args:
            a: First.
            b: Second.
        """


class Described(Search):
    """Searches the web."""


def test_an_object_that_can_be_called_is_told_of_by_its_class_and_by_its_way_of_being_called() -> None:
    for search, description in ((Search(), "Does it."), (Described(), "Searches the web.")):
        tool = function_tool(search, name="search").tool
        assert tool.description == description
        assert tool.parameters is not None
        assert {name: each["description"] for name, each in tool.parameters["properties"].items()} == ONLY
