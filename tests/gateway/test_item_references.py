"""Items that callers of /v1/responses name by their ids, as the AI SDK does, over a service that keeps none."""

import json
from typing import Any

import openai
import pytest

from tests.gateway.test_remembered import caller, over_a_chat
from tests.support.gateway import running_gateway

TOOLS: Any = [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}]


async def made(asks: openai.AsyncOpenAI, stream: bool, **fields: Any) -> Any:
    answer: Any = await asks.responses.create(stream=stream, **fields)
    return [event async for event in answer][-1].response if stream else answer


def references(answer: Any) -> list[Any]:
    return [{"type": "item_reference", "id": item.id} for item in answer.output]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_item_is_named_in_place_of_what_the_model_said(stream: bool) -> None:
    async with over_a_chat() as (service, url), caller(url) as asks:
        first = await made(asks, stream, model="up/m", input="one")
        said: Any = [{"role": "user", "content": "one"}, *references(first), {"role": "user", "content": "two"}]
        second = await made(asks, stream, model="up/m", input=said)
        said += [*references(second), {"role": "user", "content": "three"}]
        await made(asks, stream, model="up/m", input=said)
        messages = json.loads(service.requests[-1].body)["messages"]
        assert [message["content"] for message in messages] == ["one", "turn 1", "two", "turn 3", "three"]


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_that_are_named_by_their_items_get_their_results(stream: bool) -> None:
    script = 'reasoning: Hm\ntext: I look.\ntool: look {"at":1}\ntool: look {"at":2}\n---\ntext: Seen.'
    async with running_gateway() as url, caller(url) as asks:
        first = await made(asks, stream, model="offline/script", input=script, tools=TOOLS)
        assert len({item.id for item in first.output}) == 4
        calls = [item.call_id for item in first.output if item.type == "function_call"]
        results = [{"type": "function_call_output", "call_id": name, "output": "x"} for name in calls]
        said = [{"role": "user", "content": script}, *references(first), *results]
        second = await made(asks, stream, model="offline/script", input=said, tools=TOOLS)
        assert second.output_text == "Seen."
        with pytest.raises(openai.BadRequestError, match="no call before it"):
            await made(asks, stream, model="offline/script", input=[*said[:-2], results[0] | {"call_id": "other"}])
        named: Any = await asks.responses.input_tokens.count(model="offline/script", input=said[:5])
        whole = [said[0], *(item.to_dict() for item in first.output)]
        assert named == await asks.responses.input_tokens.count(model="offline/script", input=whole)


async def test_an_item_of_an_answer_that_is_not_here_is_refused() -> None:
    keyed = over_a_chat(api_keys=("ann", "bob"))
    async with keyed as (service, url), caller(url, "ann") as ann, caller(url, "bob") as bob:
        first = await made(ann, False, model="up/m", input="one")
        with pytest.raises(openai.BadRequestError, match="item_reference"):
            await made(bob, False, model="up/m", input=references(first))
        await ann.responses.delete(first.id)
        with pytest.raises(openai.BadRequestError, match="item_reference"):
            await made(ann, False, model="up/m", input=references(first))
        with pytest.raises(openai.BadRequestError, match="item_reference"):
            await made(ann, False, model="up/m", input=[{"type": "item_reference", "id": "msg_1"}])
        assert len(service.requests) == 1


async def test_an_item_of_an_answer_that_broke_off_is_refused() -> None:
    async with over_a_chat() as (service, url), caller(url) as asks:
        answer: Any = await asks.responses.create(
            model="offline/script", input="reasoning: Hm\ntext: so\ncut", stream=True
        )
        with pytest.raises(openai.APIError, match="breaks the answer off"):
            async for event in answer:
                if event.type == "response.output_item.done":
                    named = event.item.id
        with pytest.raises(openai.BadRequestError, match="item_reference"):
            await made(asks, False, model="up/m", input=[{"type": "item_reference", "id": named}])
        assert service.requests == []


async def test_words_that_only_look_like_a_reference_stay() -> None:
    async with over_a_chat() as (service, url), caller(url) as asks:
        first = await made(asks, False, model="up/m", input="one")
        words = json.dumps(references(first)[0])
        await made(asks, False, model="up/m", input=words)
        assert json.loads(service.requests[-1].body)["messages"][0]["content"] == words
