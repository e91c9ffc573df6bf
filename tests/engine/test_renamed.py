"""Tools under other names: what a service gets, and what comes back, however the answer is read."""

import json
from collections.abc import Awaitable

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Receive
from dragoman.engine.draft import draft
from dragoman.engine.operations import count_tokens
from dragoman.engine.renamed import Renamed, names_for
from dragoman.engine.service import Service
from dragoman.engine.text_bypass import SendAhead
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.protocols.tools.search import MARK, found
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.transport.base import Route
from dragoman.types import (
    ChatRequest,
    LostField,
    ModelProfile,
    PartDelta,
    PartEnd,
    PartStart,
    RenamedTool,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    user,
)
from tests.support.canned import CannedReply, CannedTransport
from tests.support.env import fixed_env

READ = Tool("read", namespace="mcp__files", namespace_description="Files.")
REQUEST = ChatRequest(model="m", messages=(user("hi"),), tools=(READ,))
CHAT = OpenAIChatClient("http://127.0.0.1:9/v1")


class Told(Answer):
    """An answer that is there already."""

    def __init__(self, *batches: list[StreamEvent]) -> None:
        self.batches = [*batches]

    async def read(self) -> list[StreamEvent]:
        return self.batches.pop(0) if self.batches else []

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        while self.batches:
            assert receive(self.batches.pop(0))
        return None

    def close(self) -> None:
        pass


def batches() -> list[list[StreamEvent]]:
    call = ToolCall(id="c", name="mcp__files__read")
    return [[PartStart(Text(text="")), PartDelta("hi"), PartEnd()], [PartStart(call)], [PartDelta("{}"), PartEnd()]]


RESTORED = PartStart(ToolCall(id="c", name="read", namespace="mcp__files"))


async def test_calls_come_back_under_the_callers_names_when_the_answer_is_read() -> None:
    names = names_for(REQUEST, CHAT, ModelProfile())
    assert names is not None
    answer = Renamed(Told(*batches()), names)
    said, _, more = batches()
    assert [await answer.read() for _ in range(4)] == [said, [RESTORED], more, []]


def test_and_when_it_is_followed() -> None:
    names = names_for(REQUEST, CHAT, ModelProfile())
    assert names is not None
    got: list[list[StreamEvent]] = []

    def receive(events: list[StreamEvent]) -> bool:
        got.append(events)
        return True

    Renamed(Told(*batches()), names).follow(receive, lambda _: True)
    said, _, more = batches()
    assert got == [said, [RESTORED], more]


def test_a_draft_has_the_names_that_are_sent_and_notes_them() -> None:
    made = draft("Up", CHAT, REQUEST, fixed_env(), strict=True)
    assert made.request is not None
    assert json.loads(made.request.body)["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "mcp__files__read",
                "description": "About all tools whose names begin with mcp__files__: Files.",
            },
        }
    ]
    assert made.losses == (RenamedTool("tools[0].name"),)


def test_a_protocol_with_groups_keeps_them_and_one_without_tools_loses_them_under_their_own_names() -> None:
    responses = OpenAIResponsesClient("http://127.0.0.1:9/v1")
    assert names_for(REQUEST, responses, ModelProfile()) is None
    assert names_for(REQUEST, responses, ModelProfile(freeform_tools=False)) == names_for(REQUEST, CHAT, ModelProfile())
    aibn = AibnClient(url="http://127.0.0.1:9")
    assert names_for(REQUEST, aibn, ModelProfile()) is None
    assert LostField("tools") in draft("Aibn", aibn, REQUEST, fixed_env(), strict=False).losses


async def test_a_count_has_each_tool_that_was_found_once() -> None:
    transport = CannedTransport(CannedReply([[b'{"input_tokens": 7}']], 200, "application/json"))
    service = Service("Up", AnthropicClient("http://127.0.0.1:9"), transport, Route())
    tools = (Tool("tool_search", extra=MARK), found(READ, "1"), found(READ, "2"))
    await count_tokens(service, replace(REQUEST, tools=tools), fixed_env())
    sent = json.loads(transport.sent[0].body)["tools"]
    assert [tool["name"] for tool in sent] == ["tool_search", "mcp__files__read"]


async def test_a_count_is_asked_for_under_the_names_that_are_sent() -> None:
    transport = CannedTransport(CannedReply([[b'{"input_tokens": 7}']], 200, "application/json"))
    codec = AnthropicClient("http://127.0.0.1:9")
    service = Service("Up", codec, transport, Route())
    counted = await count_tokens(service, REQUEST, fixed_env())
    assert counted.input_tokens == 7
    assert json.loads(transport.sent[0].body)["tools"][0]["name"] == "mcp__files__read"
