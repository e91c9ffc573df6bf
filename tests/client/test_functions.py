"""Python functions as tools: what a model is told of them, and one call."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, TypedDict

import pydantic
import pytest
from msgspec import Meta, Struct

from dragoman import function_tool
from dragoman.errors import InvalidRequestError
from dragoman.types import Image, Text, Tool, ToolCall


class Unit(StrEnum):
    CELSIUS = "c"
    KELVIN = "k"


class Place(Struct):
    city: str
    country: str = "IT"


class Span(TypedDict):
    begin: int
    end: int


@dataclass
class Point:
    x: float


class Country(pydantic.BaseModel):
    code: str


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1)
    country: Country | None = None


async def get_weather(city: str, days: Annotated[int, Meta(ge=1)] = 1, unit: Unit = Unit.CELSIUS) -> str:
    """The weather of a city.

    It is never exact.

    Args:
        city: Its name, as its people
            spell it.
        days (int): For how many days.

    Returns:
        A sentence.
    """
    return f"{city} {days} {unit.value}"


def test_a_model_is_told_of_a_function_by_its_hints_and_docstring() -> None:
    tool = function_tool(get_weather).tool
    assert (tool.name, tool.description) == ("get_weather", "The weather of a city.\n\nIt is never exact.")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Its name, as its people spell it."},
            "days": {"type": "integer", "minimum": 1, "description": "For how many days."},
            "unit": {"$ref": "#/$defs/Unit"},
        },
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"Unit": {"title": "Unit", "enum": ["c", "k"], "type": "string"}},
    }


def test_all_of_it_may_be_said_by_hand() -> None:
    made = function_tool(lambda: "x", name="f", description="Does it.", strict=True)
    nothing = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert made.tool == Tool("f", "Does it.", nothing, True)
    assert made() == "x"


def test_a_strict_tool_has_no_optional_parameters_which_openai_would_refuse() -> None:
    def visit(place: Place | None = None, days: int = 1) -> None: ...

    schema = function_tool(visit, strict=True).tool.parameters
    assert schema is not None
    assert (schema["required"], schema["$defs"]["Place"]["required"]) == (["place", "days"], ["city", "country"])
    loose = function_tool(visit).tool.parameters
    assert loose is not None
    assert loose["required"] == []


async def call(function: Any, arguments: str = "{}") -> str:
    (part,) = await function_tool(function, name="f").call(arguments)
    assert isinstance(part, Text)
    return part.text


async def test_arguments_become_values_and_what_was_left_out_has_the_function_s_default() -> None:
    assert await call(get_weather, '{"city": "Roma", "unit": "k"}') == "Roma 1 k"

    def kinds(place: Place, span: Span, point: Point, person: Person, /, mode: Literal["a", "b"] = "b") -> list[Any]:
        return [place.country, span["end"], point.x, person.country, mode]

    person = {"name": "A", "country": {"code": "IT"}}
    said = {"place": {"city": "Roma"}, "span": {"begin": 1, "end": 2}, "point": {"x": 0.5}, "person": person}
    assert await call(kinds, json.dumps(said)) == '["IT",2,0.5,{"code":"IT"},"b"]'


def test_what_a_model_of_pydantic_refers_to_is_at_the_top() -> None:
    def greet(person: Person) -> str:
        return person.name

    schema = function_tool(greet).tool.parameters
    assert schema is not None
    assert set(schema["$defs"]) == {"Country"}
    assert schema["properties"]["person"]["properties"]["name"]["minLength"] == 1


async def test_without_parameters_or_with_a_default_nothing_need_be_said() -> None:
    assert await call(lambda: "x", "") == "x"
    assert await call(partial(get_weather, city="Roma"), "{}") == "Roma 1 c"


class Counter:
    def __init__(self) -> None:
        self.count = 0

    async def add(self, by: int) -> int:
        """Adds."""
        self.count += by
        return self.count

    def __call__(self, by: int) -> int:
        return self.count + by


async def test_methods_and_objects_that_can_be_called_are_functions() -> None:
    counter = Counter()
    assert function_tool(counter.add).tool.description == "Adds."
    assert await call(counter.add, '{"by": 2}') == "2"
    assert await call(counter, '{"by": 3}') == "5"


async def test_a_plain_function_runs_in_a_thread_and_a_coroutine_function_in_the_loop() -> None:
    assert await call(lambda: threading.current_thread() is threading.main_thread()) == "false"

    async def here() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await call(here) == "true"
    assert await call(partial(here)) == "true"


RETURNED: list[tuple[Any, str]] = [
    ("text", "text"),
    (None, "null"),
    ({"a": [1, 2.5]}, '{"a":[1,2.5]}'),
    (Place("Roma"), '{"city":"Roma","country":"IT"}'),
    (Point(1.0), '{"x":1.0}'),
    (Person(name="A"), '{"name":"A","country":null}'),
    ([], "[]"),
]


@pytest.mark.parametrize(("value", "text"), RETURNED)
async def test_what_it_returns_is_told_as_text_or_json(value: Any, text: str) -> None:
    assert await call(lambda: value) == text


@pytest.mark.parametrize("arguments", [{}, ToolCall(id="1", name="f")])
async def test_it_is_called_with_the_text_of_its_arguments(arguments: Any) -> None:
    with pytest.raises(TypeError, match=r"arguments: expected the text `arguments` of a call, got (dict|ToolCall)"):
        await function_tool(lambda: "x", name="f").call(arguments)


async def test_a_picture_is_shown_as_it_is() -> None:
    image = Image(url="https://x/y.png")
    assert await function_tool(lambda: image, name="f").call("{}") == (image,)
    both = [Text(text="look"), image]
    assert await function_tool(lambda: both, name="f").call("{}") == tuple(both)
    assert await function_tool(lambda: ("look", image), name="f").call("{}") == tuple(both)
    in_url = Image(url="data:image/png;base64,aGk=")
    assert await function_tool(lambda: in_url, name="f").call("{}") == (Image(data="aGk=", media_type="image/png"),)
    with pytest.raises(InvalidRequestError, match=r"result\[0\]\.data: expected base64"):
        await function_tool(lambda: Image(data="a.png"), name="f").call("{}")


WRONG = [
    ('{"city": 5}', r"Expected `str`, got `int` - at `\$.city`"),
    ('{"days": 1}', "missing required field `city`"),
    ('{"city": "Roma", "cit": 1}', "unknown field `cit`"),
    ('{"city": "Roma", "days": 0}', r"`int` >= 1 - at `\$.days`"),
    ('{"city": "Ro', "truncated"),
    ("[]", "Expected `object`, got `array`"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
async def test_arguments_that_do_not_fit_are_refused_with_their_place(arguments: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        await function_tool(get_weather).call(arguments)


async def test_what_a_model_of_pydantic_refuses_is_refused() -> None:
    def greet(person: Person) -> str:
        return person.name

    with pytest.raises(InvalidRequestError, match="at least 1 character"):
        await function_tool(greet).call('{"person": {"name": ""}}')


def box(name: str, of: Any) -> Any:
    """A model of pydantic with a list of items, each of which has the field `name`; their class is named Item."""
    return pydantic.create_model("Box", items=list[pydantic.create_model("Item", **{name: of})])  # type: ignore[misc, call-overload]  # made here


@dataclass
class Item:
    weight: float


def test_classes_of_one_name_are_told_apart() -> None:
    ordered, billed = box("sku", str), box("price", int)

    def compare(a: ordered, b: billed, c: Item, d: list[ordered]) -> None: ...  # type: ignore[valid-type]  # made above

    schema = function_tool(compare).tool.parameters
    assert schema is not None

    def fields(parameter: dict[str, Any]) -> set[str]:
        if "$ref" in parameter:
            parameter = schema["$defs"][parameter["$ref"].removeprefix("#/$defs/")]
        return set(parameter["properties"])

    kinds = schema["properties"]
    assert fields(kinds["a"]["properties"]["items"]["items"]) == {"sku"}
    assert fields(kinds["b"]["properties"]["items"]["items"]) == {"price"}
    assert fields(kinds["c"]) == {"weight"}
    assert len(schema["$defs"]) == 4


class Cat(pydantic.BaseModel):
    lives: int


async def test_parameters_are_of_pydantic_s_types_too() -> None:
    often = Annotated[int, pydantic.Field(description="How often.", gt=0)]

    def feed(pet: Cat | Country, times: often = 1) -> list[Any]:
        """Feeds it.

        Args:
            times: Overridden.
        """
        return [type(pet).__name__, times]

    tool = function_tool(feed)
    assert tool.tool.parameters is not None
    assert tool.tool.parameters["properties"]["times"]["description"] == "How often."
    assert tool.tool.parameters["properties"]["times"]["exclusiveMinimum"] == 0
    assert await call(feed, '{"pet": {"code": "IT"}}') == '["Country",1]'
    with pytest.raises(InvalidRequestError, match="greater than 0"):
        await tool.call('{"pet": {"lives": 9}, "times": 0}')


async def test_what_a_partial_has_bound_is_not_told_and_not_taken() -> None:
    def orders(shop: threading.Thread, user: str, limit: int = 3) -> str:
        """The orders of the user."""
        return f"{shop.name} {user} {limit}"

    shop = threading.Thread(name="tea")
    tool = function_tool(partial(orders, shop, user="ann"), name="orders")
    assert tool.tool.description == "The orders of the user."
    assert tool.tool.parameters is not None
    assert set(tool.tool.parameters["properties"]) == {"limit"}
    assert (await tool.call('{"limit": 5}'))[0] == Text(text="tea ann 5")
    with pytest.raises(InvalidRequestError, match="unknown field `user`"):
        await tool.call('{"user": "bob"}')


async def test_a_class_is_told_of_by_its_own_docstring_and_its_fields() -> None:
    for kind in (Country, Place, Point):
        tool = function_tool(kind).tool
        assert "pydantic" not in (tool.description or "")
        assert tool.parameters is not None
        assert all(each["type"] for each in tool.parameters["properties"].values())
    assert await call(Country, '{"code": "IT"}') == '{"code":"IT"}'


async def test_a_number_without_a_fraction_is_an_integer_as_json_schema_has_it() -> None:
    def add(a: int, b: list[int], c: float = 0.5, d: Any = None) -> list[Any]:
        return [a, b, c, d]

    assert await call(add, '{"a": 3.0, "b": [1e2], "c": 2.0}') == "[3,[100],2.0,null]"
    assert await call(add, '{"a": 3, "b": [], "d": 3.0}') == "[3,[],0.5,3.0]"
    with pytest.raises(InvalidRequestError, match="Expected `int`, got `float`"):
        await call(add, '{"a": 3.5, "b": []}')


def field_as_default(count: int = pydantic.Field(gt=0)) -> None: ...


def any_number(*values: int) -> int:
    return sum(values)


def unsayable(thing: threading.Thread) -> None: ...


def unknown(thing: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the point


def yields(count: int) -> Iterator[int]:
    yield count


async def yields_later(count: int) -> AsyncIterator[int]:
    yield count


NO_TOOLS: list[tuple[Any, str]] = [
    (any_number, r"any_number: expected parameters by name, got \*values"),
    (dict, "dict: expected a function with a signature"),
    (yields, "yields: expected a function that returns what the model is told, got a generator"),
    (yields_later, "yields_later: expected a function that returns what the model is told, got a generator"),
    (field_as_default, r"expected Annotated\[…, Field\(…\)\], got Field\(…\) as the default of count"),
    (unsayable, "unsayable: expected types that JSON can express"),
    (unknown, "unknown: expected types that JSON can express: name 'Nowhere'"),
    (lambda: 1, "expected a function with a name, or function_tool"),
    (5, "expected a function, got int"),
]


@pytest.mark.parametrize(("function", "words"), NO_TOOLS)
def test_what_can_be_no_tool_is_a_type_error(function: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        function_tool(function)
