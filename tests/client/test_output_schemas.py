"""The schema that an output is asked for with: one that strict services take, or one that is not said to be strict."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar, assert_type

import pydantic
import pytest
from msgspec import Meta, Struct

from dragoman import Client
from dragoman.client.output import OutputRun, OutputStream, shape_of, with_form
from dragoman.config import Config
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


@dataclass
class Visit:
    at: datetime
    until: time | None = None


class Visits(Struct):
    first: Visit
    all: list[datetime]
    days: dict[str, time]
    pair: tuple[int, datetime]
    later: "Visits | None" = None


class Dated(Struct, tag=True):
    at: datetime


T = TypeVar("T")


class Timed(Struct, Generic[T]):
    at: datetime
    value: T


class Zoned(Struct):
    here: Annotated[datetime, Meta(tz=False)]
    utc: Annotated[datetime, Meta(tz=True, description="In UTC.")]


class Slot(NamedTuple):
    place: int
    at: datetime


class Slots(Struct, array_like=True, tag=True):
    until: time
    taken: list[Slot]


AT = {"type": "string", "format": "date-time"}
OF_DAY = {"type": "string", "format": "time"}


def test_a_point_in_time_has_its_format_wherever_it_stands() -> None:
    schema = shape_of(Visits).schema
    found = schema["properties"]
    assert (found["all"]["items"], found["days"]["additionalProperties"]) == (AT, OF_DAY)
    assert found["pair"]["prefixItems"] == [{"type": "integer"}, AT]
    visit = schema["$defs"]["Visit"]["properties"]
    assert (visit["at"], visit["until"]["anyOf"]) == (AT, [OF_DAY, {"type": "null"}])
    assert shape_of(Timed[int]).schema["properties"] == {"at": AT, "value": {"type": "integer"}}
    assert shape_of(Timed[time]).schema["properties"] == {"at": AT, "value": OF_DAY}
    assert shape_of(Dated | Tea).schema["properties"]["value"]["anyOf"] == [
        {"$ref": "#/$defs/Dated"},
        {"$ref": "#/$defs/Tea"},
    ]
    assert shape_of(Dated | Tea).schema["$defs"]["Dated"]["properties"]["at"] == AT


def test_a_point_in_time_has_its_format_in_an_array_of_fields_too() -> None:
    schema = shape_of(list[Slots]).schema["$defs"]
    assert schema["Slots"]["prefixItems"][1] == OF_DAY
    assert schema["Slot"]["prefixItems"] == [{"type": "integer"}, AT]


def test_a_type_that_says_what_it_wants_of_a_zone_keeps_the_format_that_it_has() -> None:
    found = shape_of(Zoned).schema["properties"]
    assert found == {"here": {"type": "string"}, "utc": {**AT, "description": "In UTC."}}


async def test_an_offline_model_fills_a_point_in_time() -> None:
    async with Client(Config()) as client:
        reply = await client.chat("offline/eliza", "When?", output=Visit, output_retries=0)
    assert reply.output.at == datetime(2000, 1, 1, tzinfo=UTC)


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
