"""Answers that a service keeps itself: who may ask for them, and where that goes. Over real sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openai
import pytest
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway.owners import Owners
from dragoman.gateway.remembered import Memory
from dragoman.store import MemoryStore
from tests.support.asgi import under_uvicorn
from tests.support.gateway import ask, running
from tests.support.keeping import Keeper, keeping
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}
PATH = "/v1/responses"


def configured(one: str, two: str, chat: str, **gateway: Any) -> Config:
    """Two services that keep answers, one that does not, and routes over them."""
    providers = {
        "one": ProviderConfig(protocol="openai-responses", url=f"{one}/v1", api_key="canary"),
        "two": ProviderConfig(protocol="openai-responses", url=f"{two}/v1", api_key="canary"),
        "chat": ProviderConfig(protocol="openai-chat", url=f"{chat}/v1", api_key="canary"),
    }
    models = {
        "both": ModelConfig(targets=("one/a", "two/b")),
        "late": ModelConfig(targets=("two/b", "one/a")),
        "chats": ModelConfig(targets=("two/b", "chat/m")),
    }
    return Config(gateway=GatewayConfig(port=0, **gateway), providers=providers, models=models)


@asynccontextmanager
async def gateway(**settings: Any) -> AsyncIterator[tuple[str, Keeper, Keeper, list[dict[str, Any]]]]:
    """The URL of a gateway, its two services that keep answers, and what its service of chats was sent."""
    chats: list[dict[str, Any]] = []

    async def chat(exchange: Exchange) -> None:
        chats.append(json.loads(exchange.request.body))
        choice = {"index": 0, "message": {"role": "assistant", "content": "chat"}, "finish_reason": "stop"}
        answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        await exchange.reply(200, JSON, json.dumps(answer).encode())

    async with keeping("one") as one, keeping("two") as two, serve(chat) as other:
        config = configured(one.server.url, two.server.url, other.url, **settings)
        async with running(config) as up:
            yield up.url, one, two, chats


def caller(url: str, key: str = "k") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


async def created(asks: AsyncOpenAI, model: str, *, stream: bool = False, **more: Any) -> Any:
    """An answer, streamed or not."""
    made: Any = await asks.responses.create(model=model, input="Hi", stream=stream, **more)
    return [each async for each in made][-1].response if stream else made


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_asked_for_at_the_service_that_gave_it(stream: bool) -> None:
    async with gateway() as (url, one, two, _), caller(url) as asks:
        made = await created(asks, "late", stream=stream)
        assert made.id == "two_1"
        again = await asks.responses.retrieve(made.id, include=["reasoning.encrypted_content"])
        assert again.output == made.output
        items = await asks.responses.input_items.list(made.id, limit=3, order="asc")
        assert items.to_dict()["x_from"] == "two"
        cancelled = await asks.responses.cancel(made.id)
        assert cancelled.status == "cancelled"
        await asks.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)
        assert one.asked == []
        assert two.asked == [
            f"POST {PATH}",
            f"GET {PATH}/two_1?include%5B%5D=reasoning.encrypted_content",
            f"GET {PATH}/two_1/input_items?limit=3&order=asc",
            f"POST {PATH}/two_1/cancel",
            f"DELETE {PATH}/two_1",
        ]


async def test_body_and_status_pass_as_they_came_and_no_key_of_a_query_does() -> None:
    async with gateway() as (url, one, _, _):
        body = json.dumps({"model": "one/a", "input": "Hi"}).encode()
        made = await ask(url, "POST", PATH, JSON | {"authorization": "Bearer k"}, body)
        got = await ask(url, "GET", f"{PATH}/one_1?key=k&x=1&include_obfuscation=false")
        assert (got.status, got.body) == (200, made.body)
        assert b'\n   "id"' in got.body
        assert got.headers["content-type"] == "application/json"
        assert one.asked[-1] == f"GET {PATH}/one_1?include_obfuscation=false"
        strange = await ask(url, "GET", f"{PATH}/one_1?include=%20%22&key=k")
        assert strange.status == 200  # a value that is escaped passes as it came
        assert one.asked[-1] == f"GET {PATH}/one_1?include=%20%22"
        refused = await ask(url, "GET", f"{PATH}/one_1?include=<a>&key=k")
        assert refused.status == 400
        assert len(one.asked) == 3


async def test_a_stream_is_taken_up_again_where_it_broke_off() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        one.stops = True
        with pytest.raises(openai.APIError):
            await created(asks, "one/a", stream=True)
        one.stops = False
        events = [each async for each in await asks.responses.retrieve("one_1", stream=True, starting_after=3)]
        assert [each.sequence_number for each in events] == [4, 5, 6, 7]
        assert events[-1].type == "response.completed"
        one.stops = True
        with pytest.raises(openai.APIError):
            [each async for each in await asks.responses.retrieve("one_1", stream=True, starting_after=1)]


@pytest.mark.parametrize(
    "name", ["resp_" + "bGl0+ZWxs/bTpj" * 50 + "==", "a/b/c", "a?b#c%2e", "a/input_items/b", "x:y"]
)
async def test_an_id_of_another_gateway_is_one(name: str) -> None:
    async with gateway() as (url, one, *_), caller(url) as asks:
        one.name = name
        made = await created(asks, "one/a")
        assert made.id == f"{name}_1"
        later = await created(asks, "one/a", previous_response_id=made.id)
        assert later.previous_response_id == made.id
        assert (await asks.responses.retrieve(made.id)).id == made.id
        assert one.asked[-1] == f"GET {PATH}/{quote(made.id, safe='=+:')}"


async def test_an_answer_in_the_background_is_asked_for_until_it_is_there() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        made = await created(asks, "one/a", background=True)
        assert made.status == "queued"
        one.answers[made.id]["status"] = "in_progress"
        assert (await asks.responses.retrieve(made.id)).status == "in_progress"


async def test_the_service_s_own_errors_are_told_as_all_errors_are() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        made = await created(asks, "one/a")
        one.answers.clear()
        with pytest.raises(openai.NotFoundError) as caught:
            await asks.responses.retrieve(made.id)
        assert caught.value.code == "response_not_found"
        assert "No response one_1 at one" in caught.value.message
        assert "canary" not in caught.value.message


async def test_a_service_that_fails_is_an_error_of_the_gateway() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        made = await created(asks, "one/a")
        one.down = True
        with pytest.raises(openai.InternalServerError):
            await asks.responses.retrieve(made.id)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_refers_to_an_answer_goes_to_its_service_alone(stream: bool) -> None:
    async with gateway() as (url, one, two, _), caller(url) as asks:
        first = await created(asks, "late")
        second = await created(asks, "both", stream=stream, previous_response_id=first.id)
        third = await created(asks, "two/another", stream=stream, previous_response_id=second.id)
        assert (second.id, third.id) == ("two_2", "two_3")
        assert [body.get("previous_response_id") for body in two.bodies] == [None, "two_1", "two_2"]
        assert [body["model"] for body in two.bodies] == ["b", "b", "another"]
        assert one.asked == []


async def test_no_other_target_is_asked_if_the_owner_fails() -> None:
    async with gateway() as (url, one, two, _), caller(url) as asks:
        made = await created(asks, "late")
        two.down = True
        with pytest.raises(openai.InternalServerError):
            await created(asks, "late", previous_response_id=made.id)
        assert one.asked == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["chats", "two/b", "chat/m"])
async def test_a_route_without_the_owner_is_refused(model: str, stream: bool) -> None:
    async with gateway() as (url, _, two, chats), caller(url) as asks:
        made = await created(asks, "one/a")
        with pytest.raises(openai.BadRequestError, match="'one' keeps this response") as caught:
            await created(asks, model, stream=stream, previous_response_id=made.id)
        assert (caught.value.param, caught.value.code) == ("previous_response_id", "previous_response_elsewhere")
        assert two.asked == []
        assert chats == []


ESCAPED = b'{"model":"one/a","input":"Hi","previous\\u005fresponse_id":"one_1"}'


async def test_an_id_of_another_key_is_unknown() -> None:
    async with (
        gateway(api_keys=("ann", "bob")) as (url, one, _, _),
        caller(url, "ann") as ann,
        caller(url, "bob") as bob,
    ):
        made = await created(ann, "one/a")
        for name in (made.id, "resp_of_nobody"):
            with pytest.raises(openai.NotFoundError) as missing:
                await bob.responses.retrieve(name)
            assert missing.value.code == "response_not_found"
            for refused in (bob.responses.delete, bob.responses.cancel, bob.responses.input_items.list):
                with pytest.raises(openai.NotFoundError):
                    await refused(name)
            with pytest.raises(openai.BadRequestError) as unknown:
                await created(bob, "one/a", previous_response_id=name)
            assert unknown.value.code == "previous_response_not_found"
        got = await ask(url, "POST", PATH, JSON | {"authorization": "Bearer bob"}, ESCAPED)
        assert got.status == 400
        assert len(one.asked) == 1
        assert (await ask(url, "POST", PATH, JSON | {"authorization": "Bearer ann"}, ESCAPED)).status == 200


async def test_what_the_service_does_not_keep_is_not_noted() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        made = await created(asks, "one/a", store=False)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)
        assert len(one.asked) == 1


async def test_no_service_sees_an_id_of_ours() -> None:
    async with gateway() as (url, one, _, chats), caller(url) as asks:
        made = await created(asks, "chat/m")
        for model in ("both", "chat/m"):
            later = await created(asks, model, previous_response_id=made.id)
            assert later.previous_response_id == made.id
        count = await asks.responses.input_tokens.count(model="one/a", input="Hi", previous_response_id=made.id)
        assert count.object == "response.input_tokens"
        assert made.id not in json.dumps([*one.bodies, *chats])
        assert [item["role"] for item in one.bodies[0]["input"]] == ["user", "assistant", "user"]
        assert one.bodies[-1]["input"] == one.bodies[0]["input"]


async def test_a_count_refers_to_an_answer_at_its_service_alone() -> None:
    async with gateway() as (url, one, two, _), caller(url) as asks:
        made = await created(asks, "one/a")
        for model, name in (("two/b", made.id), ("one/a", "resp_of_nobody")):
            with pytest.raises(openai.BadRequestError, match="previous_response_id"):
                await asks.responses.input_tokens.count(model=model, input="Hi", previous_response_id=name)
        assert len(one.asked) == 1
        assert two.asked == []


async def test_a_translated_request_that_refers_to_a_service_s_answer_is_kept_there_too() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        first = await created(asks, "both")
        one.plain = True  # a stream was asked for: so the reply must be decoded
        second = await created(asks, "both", stream=True, previous_response_id=first.id)
        third = await created(asks, "both", previous_response_id=second.id)
        assert (second.id, third.id) == ("one_2", "one_3")
        assert [body.get("previous_response_id") for body in one.bodies] == [None, "one_1", "one_2"]
        assert (await asks.responses.retrieve(second.id)).output_text == second.output_text == "one 2"


async def test_an_answer_of_the_next_target_is_kept_here() -> None:
    async with gateway() as (url, _, two, chats), caller(url) as asks:
        two.down = True
        made = await created(asks, "chats")
        assert made.output_text == "chat"
        assert (await asks.responses.retrieve(made.id)).to_dict() == made.to_dict()
        await created(asks, "chats", previous_response_id=made.id)
        assert [message["role"] for message in chats[-1]["messages"]] == ["user", "assistant", "user"]


async def test_an_answer_of_ours_cannot_be_cancelled() -> None:
    async with gateway() as (url, *_), caller(url) as asks:
        made = await created(asks, "chat/m")
        with pytest.raises(openai.BadRequestError, match="in the background"):
            await asks.responses.cancel(made.id)
        with pytest.raises(openai.BadRequestError, match="cannot be streamed"):
            await asks.responses.retrieve(made.id, stream=True)


async def test_a_part_is_asked_for_by_its_own_method_alone() -> None:
    async with gateway() as (url, one, _, _), caller(url) as asks:
        made = await created(asks, "one/a")
        shown = {"authorization": "Bearer k"}
        for method, part in (("DELETE", "input_items"), ("GET", "cancel"), ("DELETE", "cancel")):
            assert (await ask(url, method, f"{PATH}/{made.id}/{part}", shown)).status == 404
        assert one.asked == [f"POST {PATH}"]
        assert (await asks.responses.retrieve(made.id)).id == made.id


async def test_the_owner_outlives_the_gateway(tmp_path: Path) -> None:
    place = str(tmp_path / "store.db")
    async with keeping("one") as one, keeping("two") as two:
        config = configured(one.server.url, two.server.url, two.server.url, store=place)
        async with running(config) as up, caller(up.url) as asks:
            made = await created(asks, "both")
        async with running(config) as up, caller(up.url) as asks:
            assert (await asks.responses.retrieve(made.id)).output == made.output
        gone = configured(one.server.url, two.server.url, two.server.url, store=place)
        gone.providers.pop("one")
        models = {name: route for name, route in gone.models.items() if name == "chats"}
        gone = Config(gateway=gone.gateway, providers=gone.providers, models=models)
        async with running(gone) as up, caller(up.url) as asks:
            with pytest.raises(openai.NotFoundError):
                await asks.responses.retrieve(made.id)


def test_what_is_noted_expires_and_meets_no_answer_of_ours() -> None:
    now = [0.0]
    store = MemoryStore(1 << 20)
    owners, memory = Owners(store, 10, lambda: now[0]), Memory(store, 10, lambda: now[0])
    owners.note("ann", "resp_1", "one/a")
    assert owners.find("ann", "resp_1") == memory.owners.find("ann", "resp_1") == "one/a"
    assert memory.find("ann", "resp_1") is None
    assert owners.find("bob", "resp_1") == ""
    now[0] = 10.0
    assert owners.find("ann", "resp_1") == ""


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a b", "x" * 1025, "é", "a\n"])
def test_an_id_that_is_no_part_of_a_path_is_not_noted(name: str) -> None:
    owners = Owners(MemoryStore(1 << 20), 10, lambda: 0.0)
    owners.note("ann", name, "one/a")
    assert owners.find("ann", name) == ""


async def test_an_application_of_asgi_keeps_the_service_s_answers_as_its_own() -> None:
    async with keeping("one") as one, keeping("two") as two:
        config = configured(one.server.url, two.server.url, two.server.url)
        async with under_uvicorn(config) as url, caller(url) as asks:
            made = await created(asks, "one/a")
            again = await asks.responses.retrieve(made.id)
            assert again.to_dict() == made.to_dict()
            later = await created(asks, "two/b", previous_response_id=made.id)
            assert later.previous_response_id == made.id
            assert "previous_response_id" not in two.bodies[0]
