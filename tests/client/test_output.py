"""Answers as values of a type: what is asked for, what is read, and what is no value."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pydantic
import pydantic.dataclasses
import pytest
from msgspec import Struct

from dragoman import Client, SyncClient
from dragoman.client.output import Partials, shape_of, unfenced
from dragoman.config import Config, ProviderConfig
from dragoman.errors import InvalidRequestError, OutputError, TimeoutError, TurnLimitError
from dragoman.types import (
    EmulatedForm,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseFormat,
    Text,
)
from tests.support.canned import CannedReply, CannedTransport


class Line(Struct):
    what: str
    count: int


class Invoice(Struct):
    number: str
    lines: list[Line]


@dataclass
class Receipt:
    number: str
    paid: bool = True


class Span(TypedDict):
    begin: int
    end: int


class Customer(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1)
    tags: list[str] = []


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int = pydantic.Field(gt=0)


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)

    day: date


@pydantic.dataclasses.dataclass
class Checked:
    count: int = pydantic.Field(gt=0)


@dataclass
class Holder:
    count: Annotated[int, pydantic.Field(gt=0)]
    pet: Cat | Dog | None = None


class Pair(NamedTuple):
    number: pydantic.PositiveInt
    pet: Cat


class Mixed(Struct):
    day: Strict


GOOD = '{"number":"7","lines":[{"what":"tea","count":2}]}'
INVOICE = Invoice("7", [Line("tea", 2)])

TYPES: list[tuple[type[Any], str, Any]] = [
    (Invoice, GOOD, INVOICE),
    (Receipt, '{"number":"7"}', Receipt("7")),
    (Span, '{"begin":1,"end":2}', {"begin": 1, "end": 2}),
    (Customer, '{"name":"A"}', Customer(name="A")),
    (Line, '{"what":"tea","count":2.0}', Line("tea", 2)),
    (Strict, '{"day":"2026-01-02"}', Strict(day=date(2026, 1, 2))),
    (Mixed, '{"day":{"day":"2026-01-02"}}', Mixed(Strict(day=date(2026, 1, 2)))),
    (Checked, '{"count":1}', Checked(count=1)),
    (Holder, '{"count":1,"pet":{"kind":"dog"}}', Holder(1, Dog(kind="dog"))),
    (Invoice, f"```json\n{GOOD}\n```", INVOICE),
    (Invoice, f"  {GOOD}\n", INVOICE),
]


BLOCKS = [
    ("```json\n{}\n```", "{}"),
    ("```\n{}\xa0```", "{}"),
    (" \n```\n\n{}```\n", "\n{}"),
    ("```json  \n```", ""),
    ('{"a": "```"}', None),
    ("```json {}\n```x", None),
    ("``` a block\n{}\n```", None),
    ("```json\n{}", None),
    ("```json\n" + "\n" * 50_000 + "{}", None),
]


@pytest.mark.parametrize(("text", "inside"), BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_code_that_is_the_whole_answer_is_opened(text: str, inside: str | None) -> None:
    assert unfenced(text) == (text if inside is None else inside)


def end(reason: str = "stop") -> bytes:
    said = {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return f"data: {json.dumps(said)}\n\ndata: [DONE]\n\n".encode()


def word(text: str) -> bytes:
    said = {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}
    return f"data: {json.dumps(said)}\n\n".encode()


CALL = (
    b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function",'
    b'"function":{"name":"look","arguments":"{}"}}]}}]}\n\n'
)


def answer(*texts: str, reason: str = "stop") -> CannedReply:
    return CannedReply([*([word(text)] for text in texts), [end(reason)]], media_type="text/event-stream")


def client_of(*replies: CannedReply | Exception, **settings: Any) -> tuple[Client, CannedTransport]:
    transport = CannedTransport(*replies)
    service: dict[str, Any] = {"protocol": "openai-chat", "url": "http://up/v1", **settings}
    return Client(Config(providers={"up": ProviderConfig(**service)}), transport=transport, retries=0), transport


def sent(transport: CannedTransport, place: int = -1) -> Any:
    return json.loads(transport.sent[place].body or b"")


@pytest.mark.parametrize(("kind", "text", "value"), TYPES)
async def test_an_answer_is_a_value_of_the_type(kind: type[Any], text: str, value: Any) -> None:
    client, _ = client_of(answer(text), answer(text))
    reply = await client.chat("up/m", "x", output=kind)
    assert reply.output == value
    assert (reply.text, reply.finish_reason, reply.losses) == (text, "stop", ())
    assert (await client.stream("up/m", "x", output=kind).response()).output == value


async def test_the_form_is_asked_for_in_the_protocol_s_own_way() -> None:
    client, transport = client_of(answer(GOOD))
    await client.chat("up/m", "x", output=Invoice)
    form = sent(transport)["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    schema = form["json_schema"]["schema"]
    assert (schema["type"], schema["required"]) == ("object", ["number", "lines"])
    assert schema["additionalProperties"] is schema["$defs"]["Line"]["additionalProperties"] is False
    assert sent(transport)["messages"] == [{"role": "user", "content": "x"}]


HELD: list[tuple[Any, str, Any]] = [
    (list[Line], '[{"what":"tea","count":2}]', [Line("tea", 2)]),
    (list[Customer], '[{"name":"A"}]', [Customer(name="A")]),
    (pydantic.RootModel[list[int]], "[1]", pydantic.RootModel[list[int]]([1])),
    (Customer | None, "null", None),
    (Cat | Dog, '{"kind":"dog"}', Dog(kind="dog")),
    (list[Cat | Dog], '[{"kind":"dog"}]', [Dog(kind="dog")]),
    (Pair, '[1,{"kind":"cat","lives":9}]', Pair(1, Cat(kind="cat", lives=9))),
    (Literal["a", "b"], '"a"', "a"),
    (int, "7", 7),
]


@pytest.mark.parametrize(("kind", "text", "value"), HELD)
async def test_a_type_that_is_no_object_is_asked_for_as_the_field_of_one(kind: Any, text: str, value: Any) -> None:
    held = f'{{"value":{text}}}'
    client, transport = client_of(answer(held), answer(held), answer(text))
    assert (await client.chat("up/m", "x", output=kind)).output == value
    schema = sent(transport)["response_format"]["json_schema"]["schema"]
    assert (schema["type"], schema["required"]) == ("object", ["value"])
    stream = client.stream("up/m", "x", output=kind)
    assert [each async for each in stream.partial][-1] == json.loads(text)
    assert (await stream.response()).output == value
    # One that leaves the object out is understood, too.
    assert (await client.chat("up/m", "x", output=kind)).output == value


async def test_what_is_wrong_in_a_held_value_is_told_with_its_place() -> None:
    client, _ = client_of(answer('{"value":[{"what":"tea","count":"two"}]}'))
    with pytest.raises(OutputError, match=r"expected list: Expected `int`, got `str` - at `\$.value\[0\].count`"):
        await client.chat("up/m", "x", output=list[Line], output_retries=0)


CONSTRAINTS: list[tuple[Any, str]] = [
    (Checked, '{"count":0}'),
    (Holder, '{"count":0}'),
    (Holder, '{"count":1,"pet":{"kind":"cat","lives":0}}'),
    (Annotated[int, pydantic.Field(gt=0)], '{"value":0}'),
    (pydantic.PositiveInt, '{"value":0}'),
    (Pair, '{"value":[0,{"kind":"cat","lives":9}]}'),
    (Mixed, '{"day":{"day":"soon"}}'),
]


@pytest.mark.parametrize(("kind", "text"), CONSTRAINTS)
async def test_what_pydantic_demands_of_a_type_holds(kind: Any, text: str) -> None:
    client, _ = client_of(answer(text))
    with pytest.raises(OutputError, match=r"greater than 0|valid date"):
        await client.chat("up/m", "x", output=kind, output_retries=0)


@pytest.mark.parametrize(("protocol", "path"), [("anthropic", "v1"), ("gemini", "v1beta"), ("ollama", "")])
async def test_other_protocols_are_asked_for_it_too_and_nothing_is_lost(protocol: str, path: str) -> None:
    refused = CannedReply([[b'{"error":{"message":"no"}}']], 400, "application/json")
    client, transport = client_of(refused, protocol=protocol, url=f"http://up/{path}", strict=True)
    with pytest.raises(Exception, match="no"):
        await client.chat("up/m", "x", output=Invoice)
    assert b'"lines"' in (transport.sent[0].body or b"")


async def test_a_service_that_takes_no_schema_is_told_in_words() -> None:
    for settings, kept in (
        ({"protocol": None, "type": "deepseek", "api_key": "k"}, {"type": "json_object"}),
        ({"protocol": "cromicle", "url": "http://up"}, None),
    ):
        raw = settings["protocol"] == "cromicle"
        reply = CannedReply([[GOOD.encode()]]) if raw else answer(GOOD)
        client, transport = client_of(reply, strict=True, **settings)
        found = await client.chat("up/m", "What is it?", output=Invoice, system=None if raw else "Be brief.")
        assert found.output == INVOICE
        assert found.losses == (EmulatedForm("response_format"),)
        body = (transport.sent[-1].body or b"").decode()
        assert "Answer with one JSON value" in body
        assert "What is it?" in body
        if kept:
            assert sent(transport)["response_format"] == kept
            assert [message["role"] for message in sent(transport)["messages"]] == ["system", "system", "user"]


async def test_a_form_that_the_caller_does_not_check_is_lost_as_before() -> None:
    form = ResponseFormat("json_schema", schema={"type": "object"})
    client, transport = client_of(CannedReply([[b"hi"]]), protocol="cromicle", url="http://up")
    reply = await client.chat("up/m", "x", response_format=form)
    assert [loss.name for loss in reply.losses] == ["response_format"]
    assert "JSON" not in (transport.sent[0].body or b"").decode()


BAD = '{"number":7,"lines":[]}'
WORDS = "expected Invoice: Expected `str`, got `int` - at `$.number`"


async def test_an_answer_that_does_not_fit_is_asked_for_again_with_what_is_wrong() -> None:
    client, transport = client_of(answer(BAD), answer(GOOD))
    assert (await client.chat("up/m", "x", output=Invoice)).output == INVOICE
    assert sent(transport)["messages"][1:] == [
        {"role": "assistant", "content": BAD},
        {
            "role": "user",
            "content": f"That does not fit the JSON Schema: {WORDS}. Answer again, with the corrected JSON "
            "and nothing else.",
        },
    ]


@pytest.mark.parametrize(("retries", "asked"), [(None, 2), (0, 1), (2, 3)])
async def test_how_often_is_a_setting_and_then_it_is_an_error_with_the_text(retries: int | None, asked: int) -> None:
    client, transport = client_of(*[answer(BAD) for _ in range(5)])
    with pytest.raises(OutputError) as caught:
        await client.chat("up/m", "x", output=Invoice, output_retries=retries)
    assert (caught.value.message, caught.value.text) == (WORDS, BAD)
    assert len(transport.sent) == asked


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_that_was_cut_is_no_value_and_is_not_asked_for_again(reason: str) -> None:
    client, transport = client_of(answer(GOOD, reason=reason))
    with pytest.raises(OutputError, match=f"expected Invoice, got an answer that ended with '{reason}'") as caught:
        await client.chat("up/m", "x", output=Invoice)
    assert not caught.value.retryable
    assert len(transport.sent) == 1


async def test_an_answer_that_calls_tools_has_no_output_yet() -> None:
    call = CannedReply([[CALL], [end("tool_calls")]], media_type="text/event-stream")
    client, _ = client_of(call)
    reply = await client.chat("up/m", "x", output=Invoice, tools=[{"type": "function", "function": {"name": "look"}}])
    assert reply.tool_calls[0].name == "look"
    with pytest.raises(OutputError, match="calls of tools"):
        _ = reply.output


async def test_a_value_grows_while_it_streams() -> None:
    pieces = ['```json\n{"num', 'ber":"', '7","li', 'nes":[{"what":"te', 'a","cou', 'nt":1', "2}", "]}\n```"]
    client, _ = client_of(answer(*pieces))
    stream = client.stream("up/m", "x", output=Invoice)
    assert [value async for value in stream.partial] == [
        {},
        {"number": ""},
        {"number": "7"},
        {"number": "7", "lines": [{"what": "te"}]},
        {"number": "7", "lines": [{"what": "tea"}]},
        {"number": "7", "lines": [{"what": "tea", "count": 12}]},
    ]
    assert (await stream.response()).output == Invoice("7", [Line("tea", 12)])


def test_a_partial_value_needs_no_block_of_code() -> None:
    for first in ("", "\n", " "):
        partials = Partials()
        assert partials([PartStart(Text(text="")), PartDelta(first)]) == []
        assert partials([PartDelta('{"a":[1,')]) == [{"a": [1]}]


def test_the_last_partial_value_is_the_whole_one() -> None:
    partials = Partials()
    text = json.dumps({"a": ["word"] * 5_000})
    shown = partials([PartStart(Text(text=""))])
    for place in range(0, len(text), 10):
        shown = partials([PartDelta(text[place : place + 10])]) or shown
    assert len(shown[-1]["a"]) < 5_000
    assert partials([PartEnd(), ResponseEnd("stop")]) == [{"a": ["word"] * 5_000}]


def test_a_line_that_never_ends_is_no_block_of_code() -> None:
    partials = Partials()
    assert partials([PartStart(Text(text="")), PartDelta(" " * 1_000), PartDelta("```" + "x" * 1_000)]) == []
    assert partials([PartDelta("[1,")]) == []


async def test_a_stream_is_not_asked_for_again() -> None:
    client, transport = client_of(answer(BAD), answer(GOOD))
    stream = client.stream("up/m", "x", output=Invoice)
    with pytest.raises(OutputError) as caught:
        await stream.response()
    assert caught.value.text == BAD
    assert [value async for value in stream.partial][-1] == {"number": 7, "lines": []}
    assert len(transport.sent) == 1


async def test_the_time_of_a_call_covers_both_attempts() -> None:
    async with Client(Config()) as client:
        with pytest.raises(TimeoutError):
            await client.chat("offline/script", "text: {\nhang", output=Invoice, timeout=0.05)


async def test_what_is_wrong_with_an_output_is_said() -> None:
    client, _ = client_of()
    ask: Callable[..., Any]
    for ask in (client.chat, client.stream):
        with pytest.raises(TypeError, match="output: expected a type that JSON can express"):
            await ask("up/m", "x", output=object)
        with pytest.raises(TypeError, match=r"output: expected a type, .* goes into `response_format`"):
            await ask("up/m", "x", output={"type": "object"})  # type: ignore[call-overload]  # the point of the test
        with pytest.raises(InvalidRequestError, match="output: expected no response_format beside it"):
            await ask("up/m", "x", output=Invoice, response_format={"type": "json_object"})
        with pytest.raises(InvalidRequestError, match="got a class, which is for `output`"):
            await ask("up/m", "x", response_format=Customer)  # type: ignore[call-overload]  # the point of the test


async def test_an_answer_that_is_nested_too_deeply_is_no_value() -> None:
    async with Client(Config()) as client:
        with pytest.raises(OutputError, match="not nested so deeply"):
            await client.chat("offline/script", f'text: {{"what":{"[" * 50_000}', output=dict, output_retries=0)


def test_a_type_that_json_cannot_express_is_named_and_no_hook_of_msgspec() -> None:
    with pytest.raises(TypeError, match=r"express: Type <class 'complex'> is not supported$"):
        shape_of(complex)


async def test_the_last_answer_of_a_run_is_a_value_too() -> None:
    call = CannedReply([[CALL], [end("tool_calls")]], media_type="text/event-stream")
    client, transport = client_of(call, answer(BAD), answer(GOOD))
    run = client.run("up/m", "x", tools=[look], output=Invoice)
    assert (await run.response()).output == INVOICE
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert [turn.text for turn in run.turns] == ["", BAD, GOOD]
    for request in transport.sent:
        assert json.loads(request.body)["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (1, 2)])
async def test_a_run_that_ends_without_a_value_is_an_error(retries: int, asked: int) -> None:
    client, transport = client_of(*[answer(BAD) for _ in range(3)])
    run = client.run("up/m", "x", tools=[look], output=Invoice, output_retries=retries)
    for _ in range(2):
        with pytest.raises(OutputError) as caught:
            await run.response()
        assert caught.value.text == BAD
    assert len(transport.sent) == asked


async def test_corrections_count_among_the_answers_of_a_run() -> None:
    client, _ = client_of(answer(BAD), answer(GOOD))
    with pytest.raises(TurnLimitError, match="within 1 answers, got one that does not fit"):
        await client.run("up/m", "x", tools=[look], output=Invoice, max_turns=1).response()


def look() -> str:
    """Looks."""
    return "empty"


def test_without_a_loop() -> None:
    with SyncClient(Config()) as client:
        assert client.run("offline/script", f"text: {GOOD}", output=Invoice).response().output == INVOICE
        assert client.chat("offline/script", f"text: {GOOD}", output=Invoice).output == INVOICE
        stream = client.stream("offline/script", f"text: {GOOD}", output=Invoice)
        assert list(stream.partial)[-1] == json.loads(GOOD)
        assert stream.response().output == INVOICE
