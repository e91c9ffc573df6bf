"""Types that pydantic reads: how they are found, and what is said of values that do not fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NewType, TypedDict

import pydantic
import pydantic.dataclasses
import pytest
from msgspec import Struct
from typing_extensions import TypeAliasType
from typing_extensions import TypedDict as NewTypedDict

from dragoman.client.functions import function_tool
from dragoman.client.output import shape_of
from dragoman.errors import InvalidRequestError
from dragoman.types import Text


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


class Cat(pydantic.BaseModel):
    lives: int


class Dog(pydantic.BaseModel):
    tricks: int


Pet = TypeAliasType("Pet", Cat | Dog)
Tricks = NewType("Tricks", Annotated[int, pydantic.Field(gt=0)])
NAMED: list[tuple[Any, str, Any]] = [
    (Pet, '{"tricks":1}', Dog(tricks=1)),
    (list[Pet], '[{"lives":9}]', [Cat(lives=9)]),
]


@pytest.mark.parametrize(("kind", "text", "value"), NAMED)
def test_the_name_of_a_type_stands_for_it(kind: Any, text: str, value: Any) -> None:
    assert shape_of(kind).read(f'{{"value":{text}}}') == value


def test_a_new_type_has_the_constraints_of_what_it_is_made_of() -> None:
    with pytest.raises(InvalidRequestError, match="greater than 0"):
        shape_of(Tricks).read('{"value":0}')


def test_every_mistake_is_told_without_the_address_of_a_page() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shape_of(list[Cat]).read('{"value":[{"lives":"many"},{}]}')
    assert caught.value.message == (
        "0.lives: Input should be a valid integer, unable to parse string as an integer; 1.lives: Field required"
        " - at `$.value`"
    )


class Person(pydantic.BaseModel):
    full_name: str = pydantic.Field(alias="fullName")


async def test_a_result_has_the_names_that_the_arguments_had() -> None:
    def greeted(person: Person, others: list[Person]) -> list[Person]:
        return [person, *others]

    tool = function_tool(greeted)
    ann, bob = '{"fullName":"Ann"}', '{"fullName":"Bob"}'
    assert await tool.call(f'{{"person":{ann},"others":[{bob}]}}') == (Text(text=f"[{ann},{bob}]"),)


class Search(pydantic.BaseModel):
    """Finds books.

    Args:
        limit: How many.
        query: Overridden.
    """

    query: str = pydantic.Field(description="Words of the title.", min_length=2)
    limit: int = 3
    in_shop: bool = pydantic.Field(default=False, alias="in-shop")


@pydantic.dataclasses.dataclass
class Order:
    count: int = pydantic.Field(gt=0)


async def test_a_class_of_pydantic_s_as_a_tool_has_its_own_schema() -> None:
    search = function_tool(Search)
    assert (search.tool.description, search.tool.parameters) == (
        "Finds books.",
        {
            "type": "object",
            "properties": {
                "query": {"type": "string", "title": "Query", "minLength": 2, "description": "Words of the title."},
                "limit": {"type": "integer", "title": "Limit", "default": 3, "description": "How many."},
                "in-shop": {"type": "boolean", "title": "In-Shop", "default": False},
            },
            "required": ["query"],
        },
    )
    said = '{"query":"tea","limit":3,"in-shop":true}'
    assert await search.call('{"query":"tea","in-shop":true}') == (Text(text=said),)
    with pytest.raises(InvalidRequestError, match="query: String should have at least 2 characters"):
        await search.call('{"query":"t"}')
    assert await function_tool(Order).call('{"count":1}') == (Text(text='{"count":1}'),)


def test_a_class_of_one_value_is_no_tool() -> None:
    with pytest.raises(TypeError, match="Numbers: expected parameters by name, got a class of one value"):
        function_tool(pydantic.RootModel[list[int]], name="Numbers")


class Measured(NewTypedDict):
    size: Annotated[int, pydantic.Field(gt=0)]


class Pets(NewTypedDict):
    first: Cat | Dog


class OlderMeasured(TypedDict):
    size: Annotated[int, pydantic.Field(gt=0)]


@pytest.mark.parametrize("kind", [Measured, OlderMeasured])
def test_constraints_of_a_dictionary_hold_or_it_is_refused(kind: Any) -> None:
    with pytest.raises((InvalidRequestError, TypeError), match=r"greater than 0|typing_extensions"):
        shape_of(kind).read('{"size":0}')


def test_a_dictionary_of_pydantic_s_unions_is_read() -> None:
    assert shape_of(Pets).read('{"first":{"tricks":1}}') == {"first": Dog(tricks=1)}


class Shelf(pydantic.BaseModel):
    books: list[Person]


def test_the_objects_of_a_strict_tool_are_closed_as_services_demand() -> None:
    def sort(shelf: Shelf) -> None: ...

    for tool in (function_tool(sort, strict=True), function_tool(Shelf, strict=True)):
        schema = tool.tool.parameters
        assert schema is not None
        shelf = schema["properties"].get("shelf", schema)
        assert schema["additionalProperties"] is shelf["additionalProperties"] is False
        assert schema["$defs"]["Person"]["additionalProperties"] is False


class Calling(pydantic.BaseModel):
    back: Callable[[int], int]


class Unknown(pydantic.BaseModel):
    thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # the point


@dataclass
class Beside:
    dog: Dog
    thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # the point


class Named(Struct):
    thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # the point


NO_SCHEMA = [
    (Calling, "CallableSchema"),
    (Unknown, "`Unknown` is not fully defined"),
    (Beside, "'Nowhere' is not defined"),
    (Named, "'Nowhere' is not defined"),
]


@pytest.mark.parametrize(("kind", "words"), NO_SCHEMA)
def test_a_class_that_has_no_schema_is_a_type_error_in_a_line(kind: Any, words: str) -> None:
    def give(value: Any) -> None: ...

    give.__annotations__["value"] = kind
    for make in (lambda: shape_of(kind), lambda: function_tool(kind), lambda: function_tool(give)):
        with pytest.raises(TypeError, match=rf"^\w+: expected [^\n]*: [^\n]*{words}[^\n]*$"):
            make()
