"""`/v1/responses` over a WebSocket, with the library's own client as caller."""

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.lib.responses_websocket import AsyncResponsesWebSocketSession, ResponsesWebSocketLimits
from websockets.exceptions import ConnectionClosed

from dragoman.gateway.http.websocket import MAX_ACTIVE
from dragoman.protocols.openai_responses.socket_turns import MAX_LANES
from tests.support.responses_socket import (
    ANSWER,
    CHAT,
    EVENTS,
    JSON,
    USER,
    ended,
    gateway,
    say,
    socket,
    streams,
)
from tests.support.server import Exchange


@pytest.mark.parametrize("model", ["up/m", "chat/m"])
async def test_a_conversation_goes_on_by_new_items_alone(model: str) -> None:
    """As Codex talks: nothing to be said first, then new items and the id of the answer before them."""
    answer = ANSWER if model == "up/m" else CHAT
    async with (
        gateway(streams(answer)) as (run, up, outcomes),
        socket(run, session_id="s1", openai_beta="responses_websockets=2026-02-06") as caller,
    ):
        first = [USER % "rules"]
        begun, warm = await say(caller, f"[{first[0]}]", model=model, generate=False, store=False, x_new=1)
        assert (begun["type"], warm["type"], warm["response"]["output"]) == (
            "response.created",
            "response.completed",
            [],
        )
        assert up.requests == []
        second = await say(caller, f"[{USER % 'hi'}]", previous_response_id=warm["response"]["id"], model=model)
        kinds = [event["type"] for event in second]
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        done = second[-1]["response"]
        (item,) = [event["item"] for event in second if event["type"] == "response.output_item.done"]
        await say(caller, f"[{USER % 'more'}]", previous_response_id=done["id"], model=model, store=False)
        bodies = [request.body for request in up.requests]
    assert all(b"previous_response_id" not in body and b"generate" not in body for body in bodies)
    if model == "up/m":
        said = [json.loads(body)["input"] for body in bodies]
        assert said[0] == [json.loads(USER % "rules"), json.loads(USER % "hi")]
        assert said[1] == [*said[0], item, json.loads(USER % "more")]
        before = f"[{USER % 'rules'},{USER % 'hi'}".encode()
        assert all(before in body for body in bodies), "the beginning is not the same, byte for byte"
        assert up.requests[0].headers["session-id"] == "s1"
        assert "openai-beta" not in up.requests[0].headers
    else:
        texts = [message["content"] for message in json.loads(bodies[1])["messages"]]
        assert [texts[0], texts[1], texts[3]] == ["rules", "hi", "more"]
    asked = [(outcome.method, outcome.status) for outcome in outcomes]
    assert asked == [("POST", 200), ("POST", 200), ("GET", 101)]


@pytest.mark.parametrize("model", ["up/m", "chat/m"])
async def test_openai_s_client_has_several_conversations_on_one_connection(model: str) -> None:
    limits = ResponsesWebSocketLimits(
        max_lanes=4, max_events_per_lane=99, max_events=999, max_bytes_per_lane=1 << 20, max_bytes=1 << 22
    )
    async with (
        gateway(streams(ANSWER if model == "up/m" else CHAT)) as (run, up, _),
        AsyncOpenAI(base_url=f"{run.url}/v1", api_key="x", max_retries=0) as client,
        client.responses.connect() as connection,
        AsyncResponsesWebSocketSession(connection, limits=limits) as session,
    ):
        lanes = {name: session.lane(name) for name in ("one", "two")}
        for name, lane in lanes.items():
            await lane.send({"type": "response.create", "model": model, "input": f"hi {name}", "store": False})
        answers = {name: await lane.get_final_response() for name, lane in lanes.items()}
        for name, lane in lanes.items():
            again: Any = {"type": "response.create", "model": model, "input": "more", "store": False}
            await lane.send(again | {"previous_response_id": answers[name].id})
            await lane.recv()
            assert (await lane.get_final_response()).status == "completed"
        bodies = [request.body.decode() for request in up.requests]
    assert all(answer.output_text for answer in answers.values())
    assert not any("stream_id" in body or "previous_response_id" in body for body in bodies)
    assert [("hi one" in body, "hi two" in body) for body in bodies] == [(True, False), (False, True)] * 2


@pytest.mark.parametrize("model", ["up/m", "chat/m"])
async def test_openai_s_client_takes_the_end_of_a_broken_turn_for_that_of_no_other(model: str) -> None:
    answer = ANSWER if model == "up/m" else CHAT

    async def script(exchange: Exchange) -> None:
        await streams(answer if len(up.requests) > 1 else answer[:-200], end=len(up.requests) > 1)(exchange)

    limits = ResponsesWebSocketLimits(
        max_lanes=4, max_events_per_lane=99, max_events=999, max_bytes_per_lane=1 << 20, max_bytes=1 << 22
    )
    async with (
        gateway(script) as (run, up, _),
        AsyncOpenAI(base_url=f"{run.url}/v1", api_key="x", max_retries=0) as client,
        client.responses.connect() as connection,
        AsyncResponsesWebSocketSession(connection, limits=limits) as session,
    ):
        ends = []
        for text in ("one", "two"):
            await session.default.send({"type": "response.create", "model": model, "input": text})
            ends.append((await session.default.get_final_response()).status)
    assert ends == ["failed", "completed"]


async def test_dozens_of_conversations_on_one_connection_may_ask_at_once() -> None:
    lanes = {f"lane {number}" for number in range(MAX_LANES)}
    async with gateway(streams(ANSWER)) as (run, _, _), socket(run) as caller:
        for lane in lanes:
            await caller.send(json.dumps({"type": "response.create", "input": "hi", "stream_id": lane}))
        answered = [await ended(caller) for _ in lanes]
    assert set(answered) == lanes


@pytest.mark.parametrize("model", ["up/m", "chat/m"])
async def test_a_slow_lane_keeps_no_other_waiting_and_its_own_turns_keep_their_order(model: str) -> None:
    go = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if b"slow" in exchange.request.body:
            await go.wait()
        await streams(ANSWER if model == "up/m" else CHAT)(exchange)

    async with gateway(script) as (run, up, _), socket(run) as caller:
        for lane, text in (("one", "slow"), ("one", "second"), ("two", "quick"), ("three", "quick")):
            await caller.send(json.dumps({"type": "response.create", "model": model, "input": text, "stream_id": lane}))
        assert {await ended(caller), await ended(caller)} == {"two", "three"}
        assert not any(b"second" in request.body for request in up.requests)
        go.set()
        assert [await ended(caller), await ended(caller)] == ["one", "one"]


async def test_so_many_are_answered_at_once_and_the_next_once_one_has_ended() -> None:
    go: asyncio.Queue[None] = asyncio.Queue()

    async def script(exchange: Exchange) -> None:
        await go.get()
        await streams(ANSWER)(exchange)

    async with gateway(script) as (run, up, outcomes), socket(run) as caller:
        for number in range(MAX_ACTIVE + 1):
            await caller.send(json.dumps({"type": "response.create", "input": "hi", "stream_id": str(number)}))
        failed = {"type": "response.steer", "previous_response_id": "resp_0", "input": "stop"}
        await caller.send(json.dumps(failed))
        assert json.loads(await caller.recv())["type"] == "response.steer.failed"
        await go.put(None)
        await ended(caller)
        assert len(outcomes) == 1
        for _ in range(MAX_ACTIVE):
            await go.put(None)
        assert {await ended(caller) for _ in range(MAX_ACTIVE)} <= {str(number) for number in range(MAX_ACTIVE + 1)}
        assert len(up.requests) == MAX_ACTIVE + 1


async def test_forks_of_a_large_conversation_are_asked_one_after_another() -> None:
    """A short message asks for all of a conversation again: as many as there are lanes would be as much memory."""
    under_way, most = 0, 0

    async def script(exchange: Exchange) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await exchange.head(200, EVENTS)
        await exchange.chunk(ANSWER)
        under_way -= 1
        await exchange.end()

    async with gateway(script, max_body=6000) as (run, up, _), socket(run) as caller:
        _, warm = await say(caller, f"[{USER % ('x' * 4000)}]", generate=False)
        fork = {"type": "response.create", "input": "hi", "previous_response_id": warm["response"]["id"]}
        for number in range(4):
            await caller.send(json.dumps(fork | {"stream_id": str(number)}))
        assert {await ended(caller) for _ in range(4)} == {"0", "1", "2", "3"}
    assert (len(up.requests), most) == (4, 1)


async def test_an_error_names_its_lane() -> None:
    async with gateway(streams(ANSWER)) as (run, _, _), socket(run) as caller:
        (error,) = await say(caller, '"hi"', model="nobody/m", stream_id="one")
        assert (error["type"], error["stream_id"]) == ("error", "one")
        assert all("stream_id" not in event for event in await say(caller, '"hi"'))


@pytest.mark.parametrize(
    ("message", "given_back"),
    [
        (
            {"type": "response.steer", "previous_response_id": "resp_1", "input": "stop"},
            {"steer": {"input": "stop", "previous_response_id": "resp_1"}},
        ),
        (
            {"type": "response.inject", "response_id": "resp_1", "input": [{"type": "x_new"}]},
            {"input": [{"type": "x_new"}], "response_id": "resp_1"},
        ),
    ],
)
async def test_what_cannot_be_added_to_an_answer_is_given_back_and_the_connection_lives_on(
    message: dict[str, Any], given_back: dict[str, Any]
) -> None:
    async with gateway(streams(ANSWER)) as (run, up, _), socket(run) as caller:
        await caller.send(json.dumps(message))
        failed = json.loads(await caller.recv())
        assert (await say(caller, '"hi"'))[-1]["type"] == "response.completed"
    assert failed["type"] == f"{message['type']}.failed"
    assert failed["error"]["code"]
    assert given_back.items() <= failed.items()
    assert len(up.requests) == 1


async def test_an_error_is_a_message_and_the_connection_lives_on() -> None:
    async def script(exchange: Exchange) -> None:
        if len(up.requests) == 1:
            body = b'{"error":{"message":"slow down","type":"rate_limit_exceeded","code":"rate_limit_exceeded"}}'
            await exchange.reply(429, JSON | {"retry-after": "3"}, body)
        else:
            await streams(ANSWER)(exchange)

    async with gateway(script) as (run, up, _), socket(run) as caller:
        (error,) = await say(caller, '"hi"')
        assert (error["type"], error["status"], error["headers"]["retry-after"]) == ("error", 429, "3")
        assert error["error"]["message"] == "slow down"
        assert (await say(caller, '"hi"'))[-1]["type"] == "response.completed"
        (unknown,) = await say(caller, '"hi"', model="nobody/m")
        assert (unknown["status"], unknown["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("odd", [b"\\ud83d", b"\xff"])
async def test_what_is_no_character_ends_no_conversation(odd: bytes, repeated: bool) -> None:
    """A model that is cut within a character writes so."""
    item = b'{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hi%b"}]}' % odd
    output = item if repeated else b""
    answer = (
        b'data: {"type":"response.created","response":{"id":"resp_1","output":[]}}\n\n'
        b'data: {"type":"response.output_item.done","output_index":0,"item":%b}\n\n'
        b'data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[%b]}}\n\n'
    ) % (item, output)
    async with gateway(streams(answer)) as (run, up, _), socket(run) as caller:
        await say(caller, f"[{USER % 'hi'}]", store=False)
        assert (await say(caller, f"[{USER % 'more'}]", previous_response_id="resp_1"))[-1]["type"] != "error"
    said = json.loads(up.requests[1].body)["input"]
    assert [each["role"] for each in said] == ["user", "assistant", "user"]
    assert said[1]["content"][0]["text"] == "Hi\ufffd"


@pytest.mark.parametrize("model", ["up/m", "chat/m"])
async def test_an_answer_that_broke_off_never_ends_well_and_is_no_part_of_the_conversation(model: str) -> None:
    half = (ANSWER if model == "up/m" else CHAT)[:-200]

    async with gateway(streams(half, end=False)) as (run, up, _), socket(run) as caller:
        _, warm = await say(caller, f"[{USER % 'rules'}]", model=model, generate=False)
        broken = await say(caller, f"[{USER % 'hi'}]", model=model, previous_response_id=warm["response"]["id"])
        assert broken[-1]["type"] in {"error", "response.failed"}
        assert len(up.requests) == 1


@pytest.mark.parametrize(
    ("message", "lane"),
    [
        ("{}", None),
        ('{"type":"response.cancel","stream_id":"one"}', "one"),
        ("[1]", None),
        ("not JSON", None),
        ('{"type":"response.create","stream_id":"one","input":' + "[" * 20_000 + "]" * 20_000 + "}", None),
        ('{"type":"response.create","input":5,"stream_id":"one"}', "one"),
        ('{"type":"response.create","input":[],"input":[],"stream_id":"one"}', "one"),
        ('{"type":"response.create","stream_id":1}', None),
        ('{"type":"response.create","generate":false,"input":[{"role":"nobody"}],"stream_id":"one"}', "one"),
    ],
)
async def test_what_is_no_request_is_told_in_its_lane_and_ends_nothing(message: str, lane: str | None) -> None:
    async with gateway(streams(ANSWER)) as (run, up, outcomes), socket(run) as caller:
        await caller.send(message)
        error = json.loads(await caller.recv())
        assert (error["type"], error["status"], error.get("stream_id")) == ("error", 400, lane)
        assert (await say(caller, '"hi"', stream_id="one"))[-1]["type"] == "response.completed"
        assert len(up.requests) == 1
        refused, _ = outcomes
        assert (refused.method, refused.status, refused.error) == ("POST", 400, error["error"]["code"])


@pytest.mark.parametrize(("message", "code"), [(b"\xff", 1003), ("x" * 70_000, 1009)])
async def test_what_is_no_message_ends_the_connection(message: str | bytes, code: int) -> None:
    async with gateway(streams(ANSWER), max_body=65_536) as (run, up, outcomes):
        async with socket(run) as caller:
            await caller.send(message)
            with pytest.raises(ConnectionClosed):
                await caller.recv()
            assert caller.close_code == code
        assert up.requests == []
    assert [(row.method, row.status, row.error) for row in outcomes] == [("GET", 101, "invalid_request")]


async def test_a_conversation_that_grew_too_large_is_told() -> None:
    async with gateway(streams(ANSWER), max_body=4000) as (run, _, _), socket(run) as caller:
        _, warm = await say(caller, f"[{USER % ('x' * 3000)}]", generate=False)
        answer_id = warm["response"]["id"]
        (error,) = await say(caller, f"[{USER % ('x' * 3000)}]", previous_response_id=answer_id, stream_id="one")
        assert (error["status"], error["error"]["code"]) == (413, "request_too_large")
        assert error["stream_id"] == "one"
        assert (await say(caller, '"hi"', previous_response_id=answer_id))[-1]["type"] == "response.completed"


async def test_a_long_conversation_goes_on_and_forks() -> None:
    long = USER % ("x" * 300_000)
    async with gateway(streams(ANSWER)) as (run, up, _), socket(run) as caller:
        answer = (await say(caller, f"[{long}]", stream_id="one"))[-1]["response"]["id"]
        for lane in ("two", "one"):
            again = await say(caller, f"[{USER % lane}]", previous_response_id=answer, stream_id=lane)
            assert (again[-1]["type"], again[-1]["stream_id"]) == ("response.completed", lane)
    first, *more = [json.loads(request.body)["input"] for request in up.requests]
    assert [len(items) for items in more] == [3, 3]
    assert all(items[0] == first[0] == json.loads(long) for items in more)


async def test_an_id_of_nobody_is_refused() -> None:
    async with gateway(streams(CHAT)) as (run, up, _), socket(run) as caller:
        (error,) = await say(caller, f"[{USER % 'hi'}]", model="chat/m", previous_response_id="resp_0")
        assert error["status"] in {400, 404}
        assert "previous_response_id" in json.dumps(error)
        assert up.requests == []
