"""Tools in conversations that go on by `previous_response_id`, over a service of chats, as if all was sent again."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}
PATH = "/v1/responses"
SEARCH = {"type": "tool_search", "execution": "client", "description": "find", "parameters": {"type": "object"}}
FREEFORM = {"type": "custom", "name": "patch"}
DONE = {"content": "done"}


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}, "strict": False}


def call(name: str, call_id: str, arguments: str = "{}") -> dict[str, Any]:
    made = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"content": None, "tool_calls": [made]}


def found(call_id: str, *names: str) -> dict[str, Any]:
    tools = [function(name) for name in names]
    return {"type": "tool_search_output", "call_id": call_id, "execution": "client", "status": "completed"} | {
        "tools": tools
    }


def result(call_id: str, kind: str = "function_call_output") -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, "output": "ok"}


class Talk:
    """One conversation: each question goes on from the answer before it."""

    def __init__(self, url: str, sent: list[dict[str, Any]]) -> None:
        self.url, self.sent = url, sent
        self.last: str | None = None
        self.losses: str | None = None

    async def ask(self, *items: dict[str, Any], stream: bool = False, **more: Any) -> dict[str, Any]:
        body = {"model": "up/m", "input": list(items), "previous_response_id": self.last, "stream": stream} | more
        got = await ask(self.url, "POST", PATH, JSON, json.dumps(body).encode())
        self.losses = got.headers.get("x-dragoman-losses")
        answer: dict[str, Any] = json.loads(got.body.split(b"data: ")[-1] if stream else got.body)
        answer = answer.get("response", answer)
        self.last = answer.get("id", self.last)
        return answer

    async def items(self) -> list[dict[str, Any]]:
        got = await ask(self.url, "GET", f"{PATH}/{self.last}/input_items?order=asc")
        listed: list[dict[str, Any]] = json.loads(got.body)["data"]
        return listed

    @property
    def names(self) -> list[str]:
        """Those of the tools that the service was sent last."""
        return [tool[tool["type"]]["name"] for tool in self.sent[-1].get("tools", [])]


@asynccontextmanager
async def talk(*messages: dict[str, Any]) -> AsyncIterator[Talk]:
    """A conversation with a service that says these messages."""
    sent: list[dict[str, Any]] = []

    async def says(exchange: Exchange) -> None:
        sent.append(json.loads(exchange.request.body))
        choice = {"index": 0, "message": {"role": "assistant"} | messages[len(sent) - 1], "finish_reason": "stop"}
        head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
        await exchange.reply(200, JSON, json.dumps(head | {"choices": [choice]}).encode())

    async with serve(says) as up:
        entry = ProviderConfig(protocol="openai-chat", url=f"{up.url}/v1", api_key="k")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
            yield Talk(url, sent)


USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_that_were_found_can_be_called_in_every_later_turn(stream: bool) -> None:
    replies = call("tool_search", "s1"), call("a", "c1"), call("tool_search", "s2"), call("b", "c2"), DONE
    async with talk(*replies) as said:
        more: Any = {"tools": [function("own"), SEARCH], "stream": stream}
        await said.ask(USER, **more)
        await said.ask(found("s1", "a"), **more)
        await said.ask(result("c1"), **more)
        assert said.names == ["own", "tool_search", "a"]
        assert (await said.items())[1]["type"] == "tool_search_call"
        await said.ask(found("s2", "b", "a"), **more)
        assert said.names == ["own", "tool_search", "a", "b"]
        await said.ask(result("c2"), **more)
        assert said.names == ["own", "tool_search", "a", "b"]
        assert said.losses is None, "what means nothing to a model is no loss in a later turn either"


async def test_a_freeform_call_is_kept_as_its_caller_got_it() -> None:
    async with talk(call("patch", "c1", '{"input": "*** x"}'), DONE) as said:
        answer = await said.ask(USER, tools=[FREEFORM])
        assert answer["output"][0]["type"] == "custom_tool_call"
        await said.ask(result("c1", "custom_tool_call_output"), tools=[FREEFORM])
        listed = (await said.items())[1]
        assert (listed["type"], listed["input"]) == ("custom_tool_call", "*** x")


async def test_the_result_of_a_call_that_nobody_made_is_refused_and_reaches_no_service() -> None:
    async with talk(call("a", "c1"), DONE) as said:
        await said.ask(USER, tools=[function("a")])
        refused = await said.ask(result("c2"))
        assert refused["error"]["param"] == "input"
        assert "'c2'" in refused["error"]["message"]
        assert len(said.sent) == 1
        assert (await said.ask(result("c1")))["status"] == "completed"
