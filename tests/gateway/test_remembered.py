"""Answers of /v1/responses that callers refer to, over a service that keeps none, by OpenAI's own client."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.engine.beside import MANY
from tests.support.gateway import running_gateway
from tests.support.server import Exchange, ReceivedRequest, Server, serve

JSON = {"content-type": "application/json"}


def answer(text: str) -> bytes:
    """An answer of the service; one without words has used up its tokens."""
    reason = "stop" if text else "length"
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps(head | {"choices": [choice]}).encode()


@asynccontextmanager
async def over_a_chat(answers: list[str] | None = None, **gateway: object) -> AsyncIterator[tuple[Server, str]]:
    """A service of chats, which says these `answers`, and then how many turns it got, behind a gateway."""
    said = list(answers or [])

    async def counts(exchange: Exchange) -> None:
        messages = json.loads(exchange.request.body)["messages"]
        await exchange.reply(200, JSON, answer(said.pop(0) if said else f"turn {len(messages)}"))

    async with serve(counts) as service:
        config = Config(
            gateway=GatewayConfig(port=0, default_model="up/m", **gateway),  # type: ignore[arg-type]
            providers={"up": ProviderConfig(protocol="openai-chat", url=f"{service.url}/v1", api_key="k")},
        )
        async with running_gateway(config) as url:
            yield service, url


def caller(url: str, key: str = "k") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def turns(seen: ReceivedRequest) -> list[tuple[str, object]]:
    return [(message["role"], message["content"]) for message in json.loads(seen.body)["messages"]]


@pytest.mark.parametrize("place", [None, "answers.db"])
async def test_without_an_age_an_answer_is_kept_as_long_as_there_is_room(tmp_path: Path, place: str | None) -> None:
    store = None if place is None else str(tmp_path / place)
    async with over_a_chat(store=store, store_age=None) as (_, url), caller(url) as asks:
        first = await asks.responses.create(model="up/m", input="one")
        second = await asks.responses.create(model="up/m", input="two", previous_response_id=first.id)
    assert (first.output_text, second.output_text) == ("turn 1", "turn 3")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_later_request_goes_on_from_an_earlier_answer(stream: bool) -> None:
    async with over_a_chat() as (service, url), caller(url) as asks:
        if stream:
            events = [each async for each in await asks.responses.create(model="up/m", input="one", stream=True)]
            last = events[-1]
            assert last.type == "response.completed"
            first = last.response
            assert events[0].response.id == first.id  # type: ignore[union-attr]
        else:
            first = await asks.responses.create(model="up/m", instructions="Be brief.", input="one")
        second = await asks.responses.create(model="up/m", input="two", previous_response_id=first.id)
        third = await asks.responses.create(model="up/m", input="three", previous_response_id=second.id)
        assert third.output_text == "turn 5" if stream else third.output_text.startswith("turn ")
        assert third.previous_response_id == second.id
        assert len({first.id, second.id, third.id}) == 3
        last_turns = turns(service.requests[-1])
        assert [text for role, text in last_turns if role == "user"] == ["one", "two", "three"]
        # Instructions are not carried over: https://platform.openai.com/docs/api-reference/responses/create
        assert not any(role in {"system", "developer"} for role, _ in last_turns)


@pytest.mark.parametrize("turns_before", [1, 3, MANY + 1])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_of_any_length_is_kept_and_listed(turns_before: int, stream: bool) -> None:
    said: Any = [
        {"role": ("user", "assistant")[number % 2], "content": f'the "{number}"\n'} for number in range(turns_before)
    ]
    async with over_a_chat() as (service, url), caller(url) as asks:
        if stream:
            events: list[Any] = [
                each async for each in await asks.responses.create(model="up/m", input=said, stream=True)
            ]
            made = events[-1].response
        else:
            made = await asks.responses.create(model="up/m", input=said)
        items: Any = [each async for each in asks.responses.input_items.list(made.id, limit=100, order="asc")]
        assert [item.to_dict()["content"][0]["text"] for item in items] == [each["content"] for each in said]
        await asks.responses.create(model="up/m", input="two", previous_response_id=made.id)
        expected = [*((each["role"], each["content"]) for each in said), ("assistant", f"turn {turns_before}")]
        assert turns(service.requests[-1]) == [*expected, ("user", "two")]


async def test_an_answer_is_given_back_listed_and_forgotten() -> None:
    async with over_a_chat() as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input="one", metadata={"a": "b"})
        again = await asks.responses.retrieve(made.id)
        assert (again.id, again.output_text, again.status) == (made.id, "turn 1", "completed")
        assert again.metadata == {"a": "b"}
        (item,) = (await asks.responses.input_items.list(made.id)).data
        assert item.to_dict()["content"] == [{"type": "input_text", "text": "one"}]
        await asks.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.delete(made.id)


async def test_what_was_sent_is_listed_a_page_at_a_time() -> None:
    said: Any = [{"role": "user", "content": str(number)} for number in range(7)]
    async with over_a_chat() as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input=said)
        pages = asks.responses.input_items.list(made.id, limit=3)
        texts = [item.to_dict()["content"][0]["text"] async for item in pages]  # type: ignore[index]  # an item's fields
        assert texts == ["6", "5", "4", "3", "2", "1", "0"]
        with pytest.raises(openai.BadRequestError, match="limit: expected an integer"):
            await asks.responses.input_items.list(made.id, limit=0)


async def test_earlier_answers_are_listed_as_their_caller_got_them() -> None:
    async with running_gateway() as url, caller(url) as asks:
        first = await asks.responses.create(model="offline/script", input="reasoning: Hmm\ntext: Yes")
        assert [item.type for item in first.output] == ["reasoning", "message"]
        second = await asks.responses.create(model="offline/script", input="text: a", previous_response_id=first.id)
        third = await asks.responses.create(model="offline/script", input="text: b", previous_response_id=second.id)
        items: Any = [item.to_dict() async for item in asks.responses.input_items.list(third.id, order="asc")]
        assert [item.get("role", item["type"]) for item in items] == [
            *("user", "reasoning", "assistant"),
            *("user", "assistant"),
            "user",
        ]
        assert items[1:3] == [item.to_dict() for item in first.output]
        assert items[4] == second.output[0].to_dict()
        assert len({item["id"] for item in items}) == len(items)


async def test_an_answer_without_words_is_gone_on_from_without_an_empty_turn() -> None:
    async with over_a_chat(answers=[""]) as (service, url), caller(url) as asks:
        first = await asks.responses.create(model="up/m", input="one")
        assert first.output == []
        await asks.responses.create(model="up/m", input="two", previous_response_id=first.id)
        assert turns(service.requests[-1]) == [("user", "one"), ("user", "two")]


async def test_another_key_finds_nothing() -> None:
    keyed = over_a_chat(api_keys=("ann", "bob"))
    async with keyed as (service, url), caller(url, "ann") as ann, caller(url, "bob") as bob:
        made = await ann.responses.create(model="up/m", input="one")
        with pytest.raises(openai.NotFoundError):
            await bob.responses.retrieve(made.id)
        with pytest.raises(openai.BadRequestError):
            await bob.responses.create(model="up/m", input="two", previous_response_id=made.id)
        assert (await ann.responses.retrieve(made.id)).id == made.id
        assert len(service.requests) == 1


async def test_what_must_not_be_stored_is_not() -> None:
    async with over_a_chat() as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input="one", store=False)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_says_what_it_goes_on_from(stream: bool, store: bool) -> None:
    async with over_a_chat() as (_, url), caller(url) as asks:
        first = await asks.responses.create(model="up/m", input="one")
        made: Any = await asks.responses.create(
            model="up/m", input="two", previous_response_id=first.id, store=store, stream=stream
        )
        answers = [e.response async for e in made if hasattr(e, "response")] if stream else [made]
        assert [each.previous_response_id for each in answers] == [first.id] * len(answers)


async def test_an_answer_that_is_larger_than_the_store_is_not_kept_and_that_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with over_a_chat(store_size=1000) as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input="x" * 1000)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)
    assert "is not kept: it is larger than the store" in caplog.text


async def test_an_id_that_nobody_here_gave_is_refused_and_never_guessed() -> None:
    async with over_a_chat() as (service, url), caller(url) as asks:
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            await asks.responses.create(model="up/m", input="two", previous_response_id="resp_of_another")
        assert service.requests == []


async def test_a_file_outlives_the_gateway(tmp_path: Path) -> None:
    place = str(tmp_path / "store.db")
    async with over_a_chat(store=place) as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input="one")
    async with over_a_chat(store=place) as (_, url), caller(url) as asks:
        again = await asks.responses.create(model="up/m", input="two", previous_response_id=made.id)
        assert again.output_text == "turn 3"


async def test_what_another_version_has_stored_counts_as_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "x.db"
    async with over_a_chat(store=str(place)) as (_, url), caller(url) as asks:
        first = await asks.responses.create(model="up/m", input="one")
        with closing(sqlite3.connect(place)) as database:
            database.execute("UPDATE entries SET value = ?", (b'{"messages": 7}',))
            database.commit()
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError):
            await asks.responses.create(model="up/m", input="two", previous_response_id=first.id)
    assert "the store has an answer that cannot be read" in caplog.text


async def test_an_answer_that_cannot_be_deleted_now_is_not_told_to_be_missing(tmp_path: Path) -> None:
    place = tmp_path / "x.db"
    async with over_a_chat(store=str(place)) as (_, url), caller(url) as asks:
        made = await asks.responses.create(model="up/m", input="one")
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(openai.InternalServerError, match="is still there") as caught:
                await asks.responses.delete(made.id)
            assert (caught.value.status_code, "retry-after" in caught.value.response.headers) == (503, True)
        await asks.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await asks.responses.retrieve(made.id)


async def test_a_store_may_be_in_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with over_a_chat(store="~/x.db"):
        assert (tmp_path / "x.db").exists()
