"""The application as a whole: health, models, bugs of our own, and its end."""

import pytest

from dragoman.client import Client
from dragoman.config import Config, FrontConfig, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.errors import InvalidRequestError, RateLimitError
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiGateway
from dragoman.protocols.webchat.cromicle import digest
from dragoman.routing.caller import LIBRARY, Caller
from dragoman.types import ChatRequest, PartDelta, PartStart, ResponseStart, StreamEvent, Text
from dragoman.wire import json
from tests.support.gateway import LOCAL, ask, chat, chat_body, connect, running, running_gateway
from tests.support.server import Exchange, serve


async def test_is_alive_and_ready_until_it_drains() -> None:
    async with running(timeouts=ServerTimeouts(grace=30)) as up:
        live = await ask(up.url, "GET", "/health/live")
        ready = await ask(up.url, "GET", "/health/ready")
        head = await ask(up.url, "GET", "/health/ready")
        up.gateway.drain()
        draining = await ask(up.url, "GET", "/health/ready")
        still = await ask(up.url, "GET", "/health/live")
    assert (live.status, live.text) == (200, '{"status":"ok"}')
    assert (ready.status, head.status, draining.status, still.status) == (200, 200, 503, 200)
    assert draining.text == '{"status":"draining"}'


async def test_a_head_request_has_a_head_alone() -> None:
    async with running_gateway() as url, connect(url) as wire:
        wire.send("HEAD", "/health/live")
        assert await wire.head() == 200
        wire.send("GET", "/health/live")
        assert (await wire.answer()).text == '{"status":"ok"}'


async def test_lists_the_models_of_services_and_shows_any_that_a_chat_may_ask_for() -> None:
    async def service(exchange: Exchange) -> None:
        assert (exchange.request.method, exchange.request.path) == ("GET", "/v1/models")
        await exchange.reply(headers={"content-type": "application/json"}, body=b'{"data":[{"id":"offline/eliza"}]}')

    async with serve(service) as up:
        provider = ProviderConfig(protocol="openai-chat", url=f"{up.url}/v1")
        config = Config(gateway=GatewayConfig(port=0), providers={"up": provider})
        async with running_gateway(config) as url:
            listed = json.decode_event((await ask(url, "GET", "/v1/models")).body)
            assert listed["data"][0]["id"] == "up/offline/eliza"
            assert listed["data"][0]["owned_by"] == "up"
            for path in ("up%2Foffline%2Feliza", "up/offline/eliza"):
                assert json.decode_event((await ask(url, "GET", f"/v1/models/{path}")).body) == listed["data"][0]
            missing = await ask(url, "GET", "/v1/models/eliza")
            nameless = await ask(url, "GET", "/v1/models/")
    assert (missing.status, "did you mean 'offline/eliza'?" in missing.text) == (404, True)
    assert nameless.status == 404


async def test_lists_models_and_shows_one() -> None:
    config = Config(gateway=GatewayConfig(port=0), models={"fast": ModelConfig(targets=("offline/echo",))})
    async with running_gateway(config) as url:
        listed = json.decode_event((await ask(url, "GET", "/v1/models")).body)
        plain = json.decode_event((await ask(url, "GET", "/v1/models/offline/eliza")).body)
        quoted = json.decode_event((await ask(url, "GET", "/v1/models/offline%2Feliza")).body)
        missing = await ask(url, "GET", "/v1/models/offline/elisa")
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["fast", "offline/eliza", "offline/echo", "offline/script"]
    assert [model["owned_by"] for model in listed["data"]][:2] == ["dragoman", "offline"]
    assert {(type(model["created"]), model["object"]) for model in listed["data"]} == {(int, "model")}
    assert plain == quoted == listed["data"][1]
    assert missing.status == 404
    assert "did you mean eliza?" in missing.text


async def test_a_front_without_a_model_of_its_own_asks_the_default() -> None:
    fronts = {"aibn": FrontConfig(model="offline/script"), "cromicle": FrontConfig()}
    config = Config(gateway=GatewayConfig(port=0, default_model="offline/echo"), fronts=fronts)
    gateway = Gateway(config)
    assert gateway.client.default_model == "offline/echo"
    async with running_gateway(config) as url:
        got = await ask(url, "POST", "/cromicle/chat", body=cromicle("text: echoed"))
        named = json.decode_event((await chat(url, "text: scripted")).body)
    assert got.text == "text: echoed"
    assert named["choices"][0]["message"]["content"] == "scripted"


def cromicle(text: str) -> bytes:
    """A question in Cromicle's protocol."""
    return json.encode({"message": text, "token": "abc", "hash": digest(text)})


CANARY = "canary-4417"


class Buggy(Answer):
    """An answer with a bug behind its first batch, or before it."""

    def __init__(self, first: list[StreamEvent]) -> None:
        self._first = first
        self.closed = False

    async def read(self) -> list[StreamEvent]:
        batch, self._first = self._first, []
        if not batch:
            raise KeyError(CANARY)
        return batch

    def close(self) -> None:
        self.closed = True


class BuggyClient(Client):
    """Gives `answer` to everything."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(LOCAL)
        self.answer = answer

    def handler(self, model: str, caller: Caller = LIBRARY) -> Handler:
        async def opened(request: ChatRequest) -> Answer:
            return self.answer

        return opened


BEGUN: list[StreamEvent] = [ResponseStart(), PartStart(Text(text="")), PartDelta("half")]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_bug_of_ours_is_a_500_that_names_the_request(stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    answer = Buggy([])
    async with running_gateway(client=BuggyClient(answer)) as url:
        got = await chat(url, "hi", stream=stream, headers={"x-request-id": "req-1"})
    error = json.decode_event(got.body)["error"]
    assert (got.status, error["code"]) == (500, "internal_error")
    assert "req-1" in error["message"]
    assert answer.closed
    assert "request req-1: KeyError" in caplog.text
    assert "in read" in caplog.text
    assert CANARY not in caplog.text + got.text


class Recursive(Buggy):
    """An answer whose reading is deeper than Python goes."""

    async def read(self) -> list[StreamEvent]:
        return await self.read()


async def test_a_bugs_place_is_logged_and_not_all_of_its_thousand_frames(caplog: pytest.LogCaptureFixture) -> None:
    async with running_gateway(client=BuggyClient(Recursive([]))) as url:
        assert (await chat(url, "hi")).status == 500
    assert "RecursionError" in caplog.text
    assert "in read" in caplog.text
    assert len(caplog.text) < 3000


async def test_a_bug_in_mid_stream_ends_it_without_its_end(caplog: pytest.LogCaptureFixture) -> None:
    answer = Buggy(list(BEGUN))
    async with running_gateway(client=BuggyClient(answer)) as url:
        got = await chat(url, "hi", stream=True)
    assert got.status == 200
    assert not got.clean
    assert b"half" in got.body
    assert answer.closed
    assert "KeyError" in caplog.text


class Endless(Buggy):
    """An answer that stops without having ended."""

    async def read(self) -> list[StreamEvent]:
        batch, self._first = self._first, []
        return batch


async def test_an_answer_that_stops_without_its_end_is_truncated() -> None:
    async with running_gateway(client=BuggyClient(Endless(list(BEGUN)))) as url:
        got = await chat(url, "hi", stream=True)
    assert got.clean
    assert b"[DONE]" not in got.body
    assert b'"code":"truncated"' in got.chunks[-1]


class Refusing(Buggy):
    """An answer that begins, says nothing, and fails."""

    async def read(self) -> list[StreamEvent]:
        batch, self._first = self._first, []
        if not batch:
            raise RateLimitError("slow down", retry_after=3)
        return batch


async def test_an_answer_that_only_began_can_still_fail_with_a_status() -> None:
    async with running_gateway(client=BuggyClient(Refusing([ResponseStart()]))) as url:
        got = await chat(url, "hi", stream=True)
    assert (got.status, got.headers["retry-after"]) == (429, "3")


async def test_a_stop_ends_streams_with_an_error_once_their_grace_is_over() -> None:
    async with (
        running(timeouts=ServerTimeouts(grace=0.05)) as up,
        connect(up.url) as wire,
        connect(up.url) as other,
    ):
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: half\nhang", stream=True))
        other.send("POST", "/v1/chat/completions", body=chat_body("hang"))
        await wire.head()
        assert b"half" in await wire.chunk()
        up.server.stop()
        assert b'"code":"stopped"' in await wire.chunk()
        assert not await wire.chunk()
        whole = await other.answer()
    assert whole.status == 503
    assert json.decode_event(whole.body)["error"]["code"] == "stopped"


async def test_a_stop_lets_a_stream_end_well_within_its_grace() -> None:
    async with running(timeouts=ServerTimeouts(grace=30)) as up, connect(up.url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.3\ntext: b", stream=True))
        await wire.head()
        await wire.chunk()
        up.server.stop()
        last = b""
        while chunk := await wire.chunk():
            last = chunk
    assert last.endswith(b"data: [DONE]\n\n")


async def test_only_http_is_spoken() -> None:
    async def receive() -> dict[str, object]:
        return {}

    async def send(message: object) -> None:
        raise AssertionError(message)

    with pytest.raises(InvalidRequestError, match="telephone"):
        await AsgiGateway(Gateway(LOCAL))({"type": "telephone"}, receive, send)
