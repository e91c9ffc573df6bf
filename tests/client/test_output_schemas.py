"""The schema that an output is asked for with: one that strict services take, or one that is not said to be strict."""

from typing import Annotated, Any, Literal, assert_type

import pydantic
import pytest
from msgspec import Meta, Struct

from dragoman.client.output import OutputRun, OutputStream, shape_of, with_form
from dragoman.types import ChatRequest, user
from tests.client.test_output import Customer, Receipt, answer, client_of, sent


class Placed(pydantic.BaseModel):
    at: tuple[int, str]


async def test_a_tuple_says_what_its_items_are_where_they_cannot_differ() -> None:
    # AnswerDotAI/fastcore#798
    client, transport = client_of(answer('{"at":[1,"x"]}'))
    assert (await client.chat("up/gpt-5", "x", output=Placed)).output == Placed(at=(1, "x"))
    form = sent(transport)["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["properties"]["at"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}


class Open(Struct):
    counts: dict[str, int]


class Anything(Struct):
    value: Any


class AnyList(Struct):
    values: list  # type: ignore[type-arg]  # the point of the test


class Choice(Struct):
    colour: Literal["red", "blue"]
    size: Literal[1, "x", None]


class Tea(Struct, tag=True):
    cups: int


class Milk(Struct, tag=True):
    litres: int


def test_a_list_of_values_names_their_type() -> None:
    choices = shape_of(Choice).schema["properties"]
    assert choices["colour"] == {"enum": ["blue", "red"], "type": "string"}
    assert sorted(choices["size"]["type"]) == ["integer", "null", "string"]
    for kind in ("Tea", "Milk"):
        assert shape_of(Tea | Milk).schema["$defs"][kind]["properties"]["type"]["type"] == "string"


@pytest.mark.parametrize("kind", [Receipt, Customer, Open, Anything, AnyList])
def test_a_form_that_strict_services_would_refuse_is_not_strict(kind: type[Any]) -> None:
    request = with_form(ChatRequest(model="m", messages=(user("x"),)), shape_of(kind))
    assert request.response_format is not None
    assert request.response_format.strict is None


async def test_a_type_checker_knows_what_an_output_is_if_it_is_no_class_too() -> None:
    # What is asserted here fails in mypy.
    client, _ = client_of(answer('{"value":{"type":"Tea","cups":1}}'))
    reply = await client.chat("up/m", "x", output=Tea | Milk)
    assert_type(reply.output, Tea | Milk)
    assert reply.output == Tea(cups=1)
    count = Annotated[int, Meta(gt=0)]
    assert_type(client.stream("up/m", "x", output=count), OutputStream[int])
    assert_type(client.run("up/m", "x", output=Literal["a", "b"]), OutputRun[Literal["a", "b"]])
