"""Opaque state for callers who do not send it back: their service gets it all the same, and nobody else."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.engine.beside import MANY
from dragoman.gateway.kept_turns import AGE, MAX_TURN, KeptTurns
from dragoman.protocols.kept_turns import TurnReader, with_kept
from dragoman.store import MemoryStore
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Message,
    OpaqueState,
    Reasoning,
    Text,
    assistant,
    unfold,
    user,
)
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, Handler, Server, serve
from tests.support.signed import JSON, SIGNED, Body, Items, encoded

STATE = "Q2FuYXJ5QWxwaGFBbHBoYUFscGhh"
WORDS = "I am a."


def bare(caller: str, turn: Items) -> Items:
    """`turn` with nothing but its text."""
    match caller:
        case "gemini":
            return [{"role": "model", "parts": [{"text": WORDS}]}]
        case "openai-responses":
            return [each for each in turn if each["type"] == "message"]
        case _:
            return [{"role": "assistant", "content": WORDS}]


def signing(dialect: str) -> Handler:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, encoded(SIGNED[dialect].reply(STATE, WORDS)))

    return handler


def config(up: Server, dialect: str, **gateway: Any) -> Config:
    provider = ProviderConfig(protocol=dialect, url=up.url + SIGNED[dialect].base, api_key="k")
    return Config(gateway=GatewayConfig(port=0, **gateway), providers={"up": provider})


async def said(url: str, caller: str, items: Items, headers: Mapping[str, str] = JSON) -> tuple[Any, str]:
    """The answer, and the losses."""
    voice = SIGNED[caller]
    got = await ask(url, "POST", voice.path("up/m"), headers, encoded(voice.body("up/m", items)))
    assert got.status == 200, got.text
    return json.loads(got.body), got.headers.get("x-dragoman-losses", "")


PAIRS = [(caller, dialect) for caller in SIGNED for dialect, voice in SIGNED.items() if voice.signs]
PAIRS = [(caller, dialect) for caller, dialect in PAIRS if caller != dialect]


@pytest.mark.parametrize(("caller", "dialect"), PAIRS)
async def test_a_caller_who_sends_back_only_text_is_helped(caller: str, dialect: str) -> None:
    voice = SIGNED[caller]
    async with serve(signing(dialect)) as up, running_gateway(config(up, dialect)) as url:
        items: Items = [voice.user("Who are you?")]
        first, _ = await said(url, caller, items)
        items += [*bare(caller, voice.turn(first)), voice.user("Really?")]
        _, losses = await said(url, caller, items)
        edited = json.loads(json.dumps(items).replace(WORDS, "I am the king."))
        await said(url, caller, edited)
    assert [STATE.encode() in seen.body for seen in up.requests] == [False, True, False]
    assert "parts[" not in losses


async def test_thoughts_that_a_caller_has_in_one_place_come_back_where_they_were() -> None:
    content: Items = [
        {"type": "thinking", "thinking": "one", "signature": "c2lnMQ=="},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "thinking", "thinking": "two", "signature": "c2lnMg=="},
        {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
    ]
    reply = {"type": "message", "role": "assistant", "content": content, "stop_reason": "tool_use"}

    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, encoded(reply))

    async with serve(handler) as up, running_gateway(config(up, "anthropic")) as url:
        items: Items = [{"role": "user", "content": "x"}]
        answer, _ = await said(url, "openai-chat", items)
        results = [{"role": "tool", "tool_call_id": each, "content": "r"} for each in ("c1", "c2")]
        await said(url, "openai-chat", [*items, answer["choices"][0]["message"], *results])
    assert json.loads(up.requests[-1].body)["messages"][1]["content"] == content


@pytest.mark.parametrize("stands_on", ["text", "functionCall"])
async def test_thoughts_whose_state_a_caller_has_given_to_what_followed_come_back(stands_on: str) -> None:
    """agno leaves thoughts out, and keeps their signature with the next part (`agno/models/google/gemini.py`); so does
    genai for Rust (jeremychone/rust-genai)."""
    content: Items = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnMQ=="},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
    ]
    if stands_on == "functionCall":
        del content[1]
    reply = {"type": "message", "role": "assistant", "content": content, "stop_reason": "tool_use"}

    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, encoded(reply))

    async with serve(handler) as up, running_gateway(config(up, "anthropic")) as url:
        items: Items = [{"role": "user", "parts": [{"text": "x"}]}]
        answer, _ = await said(url, "gemini", items)
        thought, *rest = answer["candidates"][0]["content"]["parts"]
        assert stands_on in rest[0]
        rest[0]["thoughtSignature"] = thought["thoughtSignature"]
        result = {"functionResponse": {"name": "f", "response": {"output": "r"}}}
        items += [{"role": "model", "parts": rest}, {"role": "user", "parts": [result]}]
        _, losses = await said(url, "gemini", items)
    turn = json.loads(up.requests[-1].body)["messages"][1]["content"]
    assert [each | {"id": "c1"} if "id" in each else each for each in turn] == content
    assert "parts[" not in losses


CALLING: Items = [
    {"text": "I look."},
    {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2lnMQ=="},
    {"functionCall": {"name": "g", "args": {}}},
]


def as_thinking(block: Body) -> Body:
    """Kimi Code sends hidden thinking back as thinking without words, its data as the signature (2.1.0)."""
    hidden = block["type"] == "redacted_thinking"
    return {"type": "thinking", "thinking": "", "signature": block["data"]} if hidden else block


@pytest.mark.parametrize("caller", ["anthropic", "openai-responses"])
async def test_the_state_of_a_call_that_a_caller_has_put_first_comes_back_on_its_call(caller: str) -> None:
    """mistral-vibe puts the reasoning of a turn of Responses first (`vibe/core/llm/backend/openai_responses.py`)."""
    reply = {"candidates": [{"content": {"role": "model", "parts": CALLING}, "finishReason": "STOP"}]}

    async def handler(exchange: Exchange) -> None:
        event = b"data: " + encoded(reply) + b"\r\n\r\n"
        await exchange.reply(200, {"content-type": "text/event-stream"}, event)

    voice = SIGNED[caller]
    async with serve(handler) as up, running_gateway(config(up, "gemini")) as url:
        items: Items = [voice.user("x")]
        answer, _ = await said(url, caller, items)
        if caller == "anthropic":
            content = sorted(answer["content"], key=lambda block: block["type"] in {"text", "tool_use"})
            calls = [block["id"] for block in content if block["type"] == "tool_use"]
            results: Items = [{"type": "tool_result", "tool_use_id": each, "content": "r"} for each in calls]
            content = [as_thinking(block) for block in content]
            items += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
        else:
            output = sorted(answer["output"], key=lambda item: item["type"] != "reasoning")
            calls = [item["call_id"] for item in output if item["type"] == "function_call"]
            items += [*output, *({"type": "function_call_output", "call_id": each, "output": "r"} for each in calls)]
        await said(url, caller, items)
    assert json.loads(up.requests[-1].body)["contents"][1]["parts"] == CALLING


STATES = ["Q2FuYXJ5QWxwaGE=", "Q2FuYXJ5QmV0YUI=", "Q2FuYXJ5R2FtbWE="]


def signing_anew(dialect: str) -> Handler:
    """Each answer has another state and the same words."""
    states = iter(STATES)

    async def handler(exchange: Exchange) -> None:
        state = next(states)
        reply = json.dumps(SIGNED[dialect].reply(state, WORDS)).replace("rs_1", f"rs_{state[9:13]}")
        await exchange.reply(200, JSON, reply.encode())

    return handler


def order(body: bytes) -> list[str]:
    """The states that are in a request, as they stand there."""
    return sorted((state for state in STATES if state.encode() in body), key=lambda state: body.find(state.encode()))


@pytest.mark.parametrize(("caller", "dialect"), PAIRS)
async def test_a_turn_that_says_what_an_earlier_one_has_said_keeps_its_own_state(caller: str, dialect: str) -> None:
    """An agent runs its tests again and again. OpenAI refuses an input in which the id of an item is there twice."""
    voice = SIGNED[caller]
    async with serve(signing_anew(dialect)) as up, running_gateway(config(up, dialect)) as url:
        items: Items = [voice.user("Who are you?")]
        for _ in STATES:
            answer, _ = await said(url, caller, items)
            items += [*bare(caller, voice.turn(answer)), voice.user("Who are you?")]
    assert [order(seen.body) for seen in up.requests] == [[], STATES[:1], STATES[:2]]


async def test_conversations_in_which_the_same_tool_is_called_keep_the_state_of_their_own_calls() -> None:
    """Agents beside each other all begin by reading the same file."""
    number = iter("12")

    async def handler(exchange: Exchange) -> None:
        if b'"tool"' in exchange.request.body or b"tool_result" in exchange.request.body:
            await exchange.reply(200, JSON, encoded(SIGNED["anthropic"].reply(STATE, WORDS)))
            return
        n = next(number)
        thinking = {"type": "thinking", "thinking": "Hm.", "signature": STATES[int(n)]}
        use = {"type": "tool_use", "id": f"toolu_{n}", "name": "read", "input": {}}
        reply = {"type": "message", "role": "assistant", "content": [thinking, use], "stop_reason": "tool_use"}
        await exchange.reply(200, JSON, encoded(reply))

    async with serve(handler) as up, running_gateway(config(up, "anthropic")) as url:
        asked: list[Items] = [[{"role": "user", "content": who}] for who in ("a", "b")]
        turns = [(await said(url, "openai-chat", items))[0]["choices"][0]["message"] for items in asked]
        for items, turn in zip(asked, turns, strict=True):
            call = {"role": "assistant", "content": None, "tool_calls": turn["tool_calls"]}
            result = {"role": "tool", "tool_call_id": turn["tool_calls"][0]["id"], "content": "r"}
            await said(url, "openai-chat", [*items, call, result])
    assert [order(seen.body) for seen in up.requests[2:]] == [[STATES[1]], [STATES[2]]]


KEYS = [{"authorization": f"Bearer {key}"} | JSON for key in ("one", "two")]


async def test_another_callers_turn_is_not_known() -> None:
    items: Items = [SIGNED["ollama"].user("Who are you?")]
    async with (
        serve(signing("anthropic")) as up,
        running_gateway(config(up, "anthropic", api_keys=("one", "two"))) as url,
    ):
        await said(url, "ollama", items, KEYS[0])
        items += [*bare("ollama", []), SIGNED["ollama"].user("Really?")]
        await said(url, "ollama", items, KEYS[1])
        await said(url, "ollama", items, KEYS[0])
    assert [STATE.encode() in seen.body for seen in up.requests] == [False, False, True]


async def test_a_model_that_did_not_write_it_does_not_get_it_and_no_more_is_lost() -> None:
    caller = SIGNED["ollama"]
    async with serve(signing("anthropic")) as up, running_gateway(config(up, "anthropic")) as url:
        items: Items = [caller.user("Who are you?")]
        _, before = await said(url, "ollama", items)
        items += [*bare("ollama", []), caller.user("Really?")]
        got = await ask(url, "POST", "/api/chat", JSON, encoded(caller.body("up/other", items)))
    assert got.headers["x-dragoman-losses"] == before == "answer.reasoning.opaque"
    assert STATE.encode() not in up.requests[-1].body


TOOL: Body = {"function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}, "type": "function"}


async def test_a_tool_loop_over_a_service_that_wants_its_thinking_back() -> None:
    """The arguments come back in another spelling, as a caller writes them who has read them."""
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": STATE}
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln", "days": 2}}
    head = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": [thinking, use]}
    events: list[Body] = [
        {"type": "message_start", "message": head | {"content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": thinking | {"thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": STATE}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": use | {"input": {}}},
        *(
            {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in ('{"city": "K\\u00f6', 'ln",  "days": 2}')
        ),
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]

    async def handler(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        for event in events:
            await exchange.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        await exchange.end()

    call = {"function": {"name": "weather", "arguments": {"days": 2, "city": "Köln"}}}
    question = SIGNED["ollama"].user("How is the weather?")
    answered: Items = [
        question,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]
    async with serve(handler) as up, running_gateway(config(up, "anthropic")) as url:
        for messages in ([question], answered):
            body = {"model": "up/m", "messages": messages, "tools": [TOOL], "think": True}
            assert (await ask(url, "POST", "/api/chat", {}, encoded(body))).status == 200
    turn = json.loads(up.requests[-1].body)["messages"][1]
    assert turn["role"] == "assistant"
    assert [block["type"] for block in turn["content"]] == ["thinking", "tool_use"]
    assert turn["content"][0] == thinking


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def turn_of(data: str, text: str = "a") -> TurnReader:
    reader = TurnReader()
    state = OpaqueState("p", data, "o")
    reader.feed(unfold(ChatResponse(parts=(Reasoning(text="t", opaque=state), Text(text=text)))))
    return reader


REQUEST = ChatRequest(model="m", messages=(user("a"), assistant("a"), user("b")))


async def test_a_turn_is_kept_for_an_hour() -> None:
    clock = Clock()
    turns = KeptTurns(MemoryStore(1 << 20), clock)
    assert (await turns.recalled(REQUEST, "me"))[0] is REQUEST
    turns.keep(reader := turn_of("s"), "me", Counter())
    clock.now += AGE - 1
    found = (await turns.recalled(REQUEST, "me"))[0].messages
    assert found[1].extra == {"dragoman": {"kept_turn": (reader.kept(),)}}
    assert (found[0], found[2]) == (user("a"), user("b"))
    clock.now += 1
    assert (await turns.recalled(REQUEST, "me"))[0] == REQUEST


async def test_the_loop_goes_on_while_a_long_conversation_is_looked_through() -> None:
    turns = KeptTurns(MemoryStore(1 << 20), Clock())
    turns.keep(turn_of("s", "last"), "me", Counter())
    before = (each for i in range(MANY) for each in (user("a"), assistant(str(i))))
    long = ChatRequest(model="m", messages=(*before, user("a"), assistant("last")))
    looking = asyncio.create_task(turns.recalled(long, "me"))
    others = 0
    while not looking.done():
        await asyncio.sleep(0)
        others += 1
    request, said = looking.result()
    assert [bool(message.extra) for message in request.messages] == [False] * (2 * MANY + 1) + [True]
    assert said.total() == MANY + 1
    assert others > 2  # which it takes to begin and to be seen as over


def test_a_turn_that_is_too_large_is_not_kept() -> None:
    store = MemoryStore(4 * MAX_TURN)
    turns = KeptTurns(store, Clock())
    turns.keep(turn_of("s" * MAX_TURN), "me", Counter())
    assert store.size() == 0
    turns.keep(turn_of("s" * (MAX_TURN - 1000)), "me", Counter())
    assert store.size() > MAX_TURN - 1000


async def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    turns = KeptTurns(MemoryStore(4000), Clock())
    for text in "abc":
        turns.keep(turn_of("s" * 1000, text), "me", Counter())
        await turns.recalled(REQUEST, "me")  # uses the first one
    asked = ChatRequest(model="m", messages=tuple(assistant(text) for text in "abc"))
    found = (await turns.recalled(asked, "me"))[0].messages
    assert [bool(message.extra) for message in found] == [True, False, True]


async def test_a_turn_with_opaque_state_of_its_own_is_left_alone() -> None:
    turns = KeptTurns(MemoryStore(1 << 20), Clock())
    turns.keep(turn_of("s"), "me", Counter())
    signed = Message("assistant", (Text(text="a", opaque=OpaqueState("p", "own")),))
    request, _ = await turns.recalled(ChatRequest(model="m", messages=(signed,)), "me")
    assert with_kept(request, "p", None).messages[0].parts == signed.parts
