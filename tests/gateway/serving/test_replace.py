"""A server changes its gateway: each request is answered by one, and none is lost."""

import asyncio
import gc
import socket
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig
from dragoman.errors import AuthenticationError, ConfigurationError
from dragoman.gateway import Gateway
from dragoman.types import Outcome, ServerRequest
from dragoman.wire import json
from tests.gateway.serving.test_plan import good
from tests.gateway.serving.test_routes import failing
from tests.gateway.serving.test_routes import routed as fallback
from tests.support.gateway import LOCAL, CallerConnection, Running, ask, chat, chat_body, connect, running
from tests.support.relaying import post, question
from tests.support.server import serve

CHAT = "/v1/chat/completions"


def routed(target: str, **gateway: object) -> Config:
    """A configuration in which `m` is `target`."""
    return Config(gateway=GatewayConfig(port=0, **gateway), models={"m": ModelConfig(targets=(target,))})  # type: ignore[arg-type]  # fields by name


ECHO, HANG = routed("offline/echo"), routed("offline/script")


def reload(up: Running, config: Config) -> Gateway:
    """Puts a gateway of `config` in the place of the present one."""
    gateway = up.server.gateway.successor(Client(config))
    up.server.replace(gateway)
    return gateway


async def test_the_next_request_of_an_open_connection_is_answered_by_the_new_gateway() -> None:
    async with running(ECHO) as up, connect(up.url) as wire:
        for _ in range(2):  # the second by its known head
            wire.send("POST", CHAT, body=chat_body("text: a", "m"))
            assert b"text: a" in (await wire.answer()).body
        reload(up, HANG)
        for _ in range(2):
            wire.send("POST", CHAT, body=chat_body("text: a", "m"))
            got = await wire.answer()
            assert b'"content":"a"' in got.body
        await closed(up)


async def closed(up: Running) -> None:
    """Returns once all old gateways of `up` are closed."""
    async with asyncio.timeout(10):
        while up.server._retired or up.server._closing:  # noqa: ASYNC110  # nobody else waits for that
            await asyncio.sleep(0)


async def test_metrics_tell_of_the_requests_that_the_old_gateway_answers_and_of_no_breaker_that_is_gone() -> None:
    async with serve(failing) as service:
        config = fallback([service, service], ModelConfig(targets=("s0/m", "s1/m")))
        async with running(config) as up, connect(up.url) as one:
            async with connect(up.url) as other:
                for wire in (one, other):
                    wire.send("POST", CHAT, body=chat_body("text: a\nhang", "offline/script", stream=True))
                    await wire.head()
                assert 'dragoman_breaker_state{target="s0/m"}' in (await ask(up.url, "GET", "/metrics")).text
                reload(up, HANG)
            old = up.server._retired[0].gateway
            async with asyncio.timeout(10):
                while old.under_way > 1:  # noqa: ASYNC110  # nobody else waits for that
                    await asyncio.sleep(0)
            lines = (await ask(up.url, "GET", "/metrics")).text.splitlines()
    assert "dragoman_in_flight 2" in lines
    assert 'dragoman_requests_total{front="openai-chat",route="direct",status="2xx",end="gone"} 1' in lines
    assert not [line for line in lines if line.startswith('dragoman_breaker_state{target="s0/m"}')]


async def test_a_caller_who_was_just_accepted_is_answered_by_the_new_gateway() -> None:
    async with running(HANG) as up:
        connection = up.server._connect()
        reload(up, ECHO)
        await closed(up)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            caller = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        accepted.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        reader, writer = await asyncio.open_connection(sock=caller)
        body = chat_body("text: a", "m")
        writer.write(b"POST %b HTTP/1.1\r\nhost: localhost\r\n" % CHAT.encode())
        writer.write(b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        assert b"text: a" in await reader.read()
        assert not up.server._connections
        writer.close()


async def test_of_those_that_were_replaced_none_is_held_but_the_first() -> None:
    async with running(HANG) as up:
        old = [ref(reload(up, ECHO)) for _ in range(3)]
        reload(up, HANG)
        await closed(up)
        await asyncio.sleep(0)
        gc.collect()
        assert [each() for each in old] == [None] * 3


async def test_a_stream_ends_by_the_configuration_with_which_it_began() -> None:
    outcomes: list[Outcome] = []
    async with running(HANG, observers=[outcomes.append]) as up, connect(up.url) as wire, connect(up.url) as other:
        wire.send("POST", CHAT, body=chat_body("text: a\ndelay: 0.1\ntext: b", "m", stream=True))
        assert await wire.head() == 200
        old = up.gateway
        new = reload(up, ECHO)
        assert up.server.gateway is new
        assert old.under_way == 1
        other.send("POST", CHAT, body=chat_body("text: c", "m"))
        assert b"text: c" in (await other.answer()).body
        got = await wire.rest(200)
        assert b"[DONE]" in got.body
        wire.send("POST", CHAT, body=chat_body("text: d", "m"))
        assert b"text: d" in (await wire.answer()).body
        await closed(up)
        with pytest.raises(RuntimeError, match="closed"):
            await old.client.chat("offline/echo", "hi")
    assert [each.status for each in outcomes] == [200, 200, 200]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_whose_head_was_read_is_answered_by_the_gateway_that_has_admitted_it(stream: bool) -> None:
    body = chat_body("text: a", "m", stream=stream)
    async with running(HANG) as up, connect(up.url) as wire:
        wire.send("POST", CHAT, {"Content-Length": str(len(body))}, body[:-3], length=False)
        while not up.server._connections or not any(each._requests for each in up.server._connections):  # type: ignore[attr-defined]  # noqa: ASYNC110  # a caller cannot see it
            await asyncio.sleep(0)
        reload(up, ECHO)
        assert len(up.server._retired) == 1
        wire.writer.write(body[-3:])
        got = await wire.answer()
        assert b'"content":"a"' in got.body
        await closed(up)


async def test_requests_in_a_row_are_answered_by_both() -> None:
    def post(text: str) -> bytes:
        body = chat_body(text, "m")
        return b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)

    async with running(HANG) as up, connect(up.url) as wire:
        wire.writer.write(post("delay: 0.05\ntext: a") + post("text: b"))
        while not up.gateway.under_way:  # noqa: ASYNC110  # a caller cannot see it
            await asyncio.sleep(0)
        reload(up, ECHO)
        got = [await wire.answer(), await wire.answer()]
        assert b'"content":"a"' in got[0].body
        assert b"text: b" in got[1].body
        await closed(up)


async def test_a_key_that_was_taken_away_is_refused_at_once_on_open_connections_too() -> None:
    def keyed(key: str) -> Config:
        return routed("offline/script", api_keys=(key,))

    async with running(keyed("one")) as up, connect(up.url) as wire, connect(up.url) as other:
        for each in (wire, other):
            each.send("POST", CHAT, {"Authorization": "Bearer one"}, chat_body("text: a", "m"))
            assert (await each.answer()).status == 200
        other.send("POST", CHAT, {"Authorization": "Bearer one"}, chat_body("text: a\ndelay: 0.05", "m", stream=True))
        assert await other.head() == 200
        before = up.gateway.keys.generation
        reload(up, keyed("two"))
        # The old one is still at work, and a head that it has admitted counts no more.
        assert (up.gateway.under_way, up.gateway.keys.generation) == (1, before + 1)
        with pytest.raises(AuthenticationError):
            up.gateway.keys.check(ServerRequest(method="POST", path=CHAT, headers=((b"x-api-key", b"one"),)))
        assert b"[DONE]" in (await other.rest(200)).body
        for each in (wire, other):
            each.send("POST", CHAT, {"Authorization": "Bearer one"}, chat_body("text: a", "m"))
            assert (await each.answer()).status == 401
            each.send("POST", CHAT, {"Authorization": "Bearer two"}, chat_body("text: a", "m"))
            assert (await each.answer()).status == 200


async def test_the_next_message_of_an_open_websocket_is_answered_by_the_new_gateway() -> None:
    outcomes: list[Outcome] = []
    message = json.encode({"type": "response.create", "model": "m", "input": "text: a"}).decode()

    async def text(caller: ClientConnection) -> str:
        await caller.send(message)
        while (event := json.decode_event(await caller.recv(decode=False)))["type"] != "response.completed":
            pass
        return str(event["response"]["output"][0]["content"][0]["text"])

    async with running(HANG, observers=[outcomes.append]) as up:
        url = f"{up.url.replace('http', 'ws')}/v1/responses"
        async with websocket(url, proxy=None) as caller:
            assert await text(caller) == "a"
            reload(up, ECHO)
            assert await text(caller) == "text: a"
            await closed(up)  # although the connection stays
            assert await text(caller) == "text: a"
    assert sorted(each.status or 0 for each in outcomes) == [101, 200, 200, 200]


async def test_answers_in_memory_are_there_after_a_reload_and_after_the_old_gateway_is_closed() -> None:
    async with running() as up:
        body = json.encode({"model": "offline/echo", "input": "hi"})
        made = json.decode_event((await ask(up.url, "POST", "/v1/responses", body=body)).body)
        for _ in range(2):
            reload(up, ECHO)
            await closed(up)
        assert (await ask(up.url, "GET", f"/v1/responses/{made['id']}")).status == 200
        reload(up, routed("offline/echo", store_size=1 << 20))
        await closed(up)
        assert (await ask(up.url, "GET", f"/v1/responses/{made['id']}")).status == 404


async def test_the_request_log_goes_on_and_moves_only_if_it_is_told_to(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with running(routed("offline/echo", request_log=str(first))) as up:
        await chat(up.url, "a", "m")
        reload(up, routed("offline/script", request_log=str(first)))
        await chat(up.url, "text: b", "m")
        async with connect(up.url) as wire:
            wire.send("POST", CHAT, body=chat_body("text: a\ndelay: 0.05\ntext: b", "m", stream=True))
            await wire.head()
            reload(up, routed("offline/script", request_log=str(second)))
            await chat(up.url, "text: c", "m")
            await wire.rest(200)
        await closed(up)
    assert first.read_bytes().count(b"\n") == 3
    assert second.read_bytes().count(b"\n") == 1


async def test_a_store_that_cannot_be_opened_changes_nothing(tmp_path: Path) -> None:
    async with running(ECHO) as up:
        bad = routed("offline/script", store=str(tmp_path), request_log=str(tmp_path / "log"))
        with pytest.raises(ConfigurationError, match=r"gateway\.store"):
            up.server.gateway.successor(Client(bad))
        assert b"text: a" in (await chat(up.url, "text: a", "m")).body


async def test_old_gateways_end_in_their_order_and_a_stop_ends_all() -> None:
    async with running(HANG) as up, connect(up.url) as wire:
        wire.send("POST", CHAT, body=chat_body("text: a\nhang", "m", stream=True))
        await wire.head()
        assert b"a" in await wire.chunk()
        for config in (ECHO, HANG, ECHO):
            reload(up, config)
        assert len(up.server._retired) == 3
        up.server.stop()
        up.server.stop()
        assert b'"code":"stopped"' in await wire.chunk()


async def test_no_request_fails_while_the_gateway_is_replaced_again_and_again() -> None:
    configs = [ECHO, replace(HANG, models={"m": ModelConfig(targets=("offline/script", "offline/echo"))})]
    over = asyncio.Event()

    async def caller(wire: CallerConnection, *, stream: bool) -> int:
        count = 0
        while not over.is_set():
            wire.send("POST", CHAT, body=chat_body("text: a\ntext: b", "m", stream=stream))
            got = await wire.answer()
            assert (got.status, got.clean) == (200, True)
            assert not stream or b"[DONE]" in got.body
            count += 1
        return count

    async with running(LOCAL) as up:
        reload(up, ECHO)
        async with connect(up.url) as one, connect(up.url) as two, connect(up.url) as three:
            tasks = [
                asyncio.create_task(caller(wire, stream=stream))
                for wire, stream in ((one, True), (two, False), (three, True))
            ]
            for turn in range(12):
                reload(up, configs[turn % 2])
                for _ in range(20):
                    await asyncio.sleep(0)
            over.set()
            assert all(count > 1 for count in await asyncio.gather(*tasks))
        await closed(up)


@pytest.mark.parametrize(
    ("changed", "asked"),
    [({}, 1), ({"api_key": "another"}, 1), ({"strict": True}, 2)],
    ids=["the same service", "another key", "another setting"],
)
async def test_a_target_that_was_found_broken_is_left_out_after_it_unless_its_service_has_changed(
    changed: dict[str, Any], asked: int
) -> None:
    settings = GatewayConfig(breaker_failures=1, breaker_rest=60.0)
    async with serve(failing) as first, serve(good) as second:
        before = fallback([first, second], ModelConfig(targets=("s0/m", "s1/m")), settings)
        services = before.providers | {"s0": replace(before.providers["s0"], **changed)}
        after = replace(before, providers=services, gateway=replace(before.gateway, max_body=1 << 20))
        async with running(before) as up:
            assert (await post(up.url, question("route", stream=False))).status == 200
            reload(up, after)
            metrics = await ask(up.url, "GET", "/metrics")
            assert f'dragoman_breaker_state{{target="s0/m"}} {4 - 2 * asked}\n' in metrics.text
            for _ in range(3):
                assert (await post(up.url, question("route", stream=False))).status == 200
            await closed(up)
    assert (len(first.requests), len(second.requests)) == (asked, 4)
