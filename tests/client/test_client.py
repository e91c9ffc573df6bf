"""The client: any model by its name, over real sockets and offline."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.config import Config, ProviderConfig
from dragoman.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ModelNotFoundError,
    TruncatedStreamError,
)
from dragoman.protocols.operations import KeptCall
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import ChatRequest, LostField, PartDelta, ResponseEnd, ResponseStart, system, user
from tests.support.server import Exchange, serve

UP = b"".join(
    b"data: " + json.dumps(chunk).encode() + b"\n\n"
    for chunk in (
        {
            "id": "c1",
            "model": "m",
            "created": 1,
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}],
        },
        {"id": "c1", "model": "m", "created": 1, "choices": [{"index": 0, "delta": {"content": "lo"}}]},
        {"id": "c1", "model": "m", "created": 1, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "c1", "model": "m", "created": 1, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    )
)


async def up(exchange: Exchange) -> None:
    """A service on OpenAI's chat protocol."""
    await exchange.head(headers={"content-type": "text/event-stream"})
    await exchange.chunk(UP)
    await exchange.chunk(b"data: [DONE]\n\n")
    await exchange.end()


def configuration(folder: Path, text: str) -> Path:
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return path


def one_service(folder: Path, url: str, more: str = "") -> Path:
    return configuration(
        folder, f'[providers.up]\nprotocol = "openai-chat"\nurl = "{url}/v1"\napi_key = "sk-mine"\n{more}'
    )


async def test_with_nothing_configured_the_offline_model_answers() -> None:
    async with Client(Config()) as client:
        assert client.default_model == "offline/eliza"
        reply = await client.chat("", "Hello")
        assert reply.text
        assert reply.finish_reason == "stop"
        assert (await client.chat("offline/echo", "Привет  мир")).text == "Привет  мир"


async def test_a_chat_is_the_fold_of_the_stream(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        reply = await client.chat("up/gpt-x", "Hi", temperature=0)
        events = [event async for event in client.stream("up/gpt-x", [{"role": "user", "content": "Hi"}])]
    assert (reply.text, reply.id, reply.model, reply.finish_reason) == ("Hello", "c1", "up/gpt-x", "stop")
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (3, 2)
    assert "".join(event.text for event in events if isinstance(event, PartDelta)) == "Hello"
    assert isinstance(events[0], ResponseStart)
    assert isinstance(events[-1], ResponseEnd)
    first = server.requests[0]
    assert (first.path, first.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-mine")
    body = json.loads(first.body)
    assert (body["model"], body["temperature"], body["stream"]) == ("gpt-x", 0, True)


async def test_an_answer_has_the_name_that_was_asked_and_may_be_asked_again(tmp_path: Path) -> None:
    async with serve(up) as server:
        path = one_service(tmp_path, server.url, 'default_model = "m"\n[models.fast]\ntargets = ["up/gpt-x"]\n')
        async with Client(path) as client:
            for asked, named in {"up/gpt-x": "up/gpt-x", "up/m": "up/m", "fast": "fast", "": "fast"}.items():
                reply = await client.chat(asked, "Hi")
                assert reply.model == named
                target = {} if asked.startswith("up/") else {"target": "up/gpt-x"}
                assert reply.extra["dragoman"] == {"model": "m"} | target
                assert (await client.chat(reply.model, "Hi")).text == "Hello"
            start = await anext(client.stream("fast", "Hi"))
    assert isinstance(start, ResponseStart)
    assert start.model == "fast"


async def test_messages_may_be_our_own_values(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        await client.chat("up/m", [system("Be brief."), user("Hi")])
    assert json.loads(server.requests[0].body)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


async def test_connections_are_kept_between_calls(tmp_path: Path) -> None:
    async with serve(up) as server, Client(one_service(tmp_path, server.url)) as client:
        for _ in range(3):
            assert (await client.chat("up/m", "Hi")).text == "Hello"
        assert len(server.connections) == 1


async def test_leaving_a_stream_closes_the_socket_and_spares_the_client(tmp_path: Path) -> None:
    async def half(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        await exchange.chunk(UP[: len(UP) // 2])
        await exchange.closed()

    async with serve(half) as server, Client(one_service(tmp_path, server.url)) as client:
        async for _ in client.stream("up/m", "Hi"):
            break
        await asyncio.wait_for(server.peer_closed(), 5)
        async with client.stream("up/m", "Hi") as stream:
            assert isinstance(await anext(stream), ResponseStart)
        await asyncio.wait_for(server.peer_closed(), 5)


async def test_a_broken_answer_is_never_whole(tmp_path: Path) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        await exchange.chunk(UP[:200])
        await exchange.end()

    async with serve(broken) as server, Client(one_service(tmp_path, server.url)) as client:
        with pytest.raises(TruncatedStreamError, match="up: "):
            await client.chat("up/m", "Hi")


async def test_a_route_falls_back_to_the_next_target(tmp_path: Path, unused_tcp_port: int) -> None:
    async with serve(up) as server:
        path = configuration(
            tmp_path,
            f"""
            [providers.down]
            protocol = "openai-chat"
            url = "http://127.0.0.1:{unused_tcp_port}/v1"
            [providers.up]
            protocol = "openai-chat"
            url = "{server.url}/v1"
            [models.fast]
            targets = ["down/a", "up/b"]
            """,
        )
        async with Client(path) as client:
            assert client.default_model == "fast"
            assert (await client.chat("fast", "Hi")).text == "Hello"
            assert json.loads(server.requests[0].body)["model"] == "b"


async def test_a_change_of_a_breaker_is_told_and_what_is_known_of_targets_can_be_read(unused_tcp_port: int) -> None:
    told: list[BreakerChange] = []
    tables = {
        "gateway": {"breaker_failures": 1, "breaker_rest": 7},
        "providers": {"up": {"protocol": "openai-chat", "url": f"http://127.0.0.1:{unused_tcp_port}/v1"}},
        "models": {"fast": {"targets": ["up/m", "offline/echo"]}, "alone": {"targets": ["up/other"]}},
    }
    async with Client(tables) as client:
        client.hear(told.append)
        assert (await client.chat("fast", "Hello")).text == "Hello"
        assert told == [BreakerChange("up/m", State.OPEN, "connect_error", 7)]
        assert {name: health.breaker.state for name, health in client.healths().items()} == {
            "up/m": State.OPEN,
            "offline/echo": State.CLOSED,
        }


async def test_a_class_of_the_catalogue_takes_other_attributes(tmp_path: Path) -> None:
    async def text(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk("Привет".encode())
        await exchange.end()

    async with serve(text) as server:
        path = configuration(
            tmp_path,
            f'[providers.home]\ntype = "aibn"\nurl = "{server.url}"\nsecret = ""\npassword = "hunter2"\n'
            f'[providers.cromicle]\nurl = "{server.url}"\n',
        )
        async with Client(path) as client:
            assert (await client.chat("home/gpt-3.5-turbo", "Hi")).text == "Привет"
            assert (await client.chat("cromicle/any", "Hi", temperature=1)).losses == (LostField("temperature"),)
    assert json.loads(server.requests[0].body)["pass"] == "hunter2"


@pytest.mark.parametrize(
    ("model", "nearest"),
    [
        ("offline/elisa", "eliza"),
        ("ofline/eliza", "offline/eliza"),
        ("eliza", "offline/eliza"),
        ("openai", "'openai' is a service: its models are openai/NAME"),
    ],
)
async def test_an_unknown_model_names_the_nearest(model: str, nearest: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(ModelNotFoundError, match=nearest):
            await client.chat(model, "Hi")


@pytest.mark.parametrize("model", ["ofline/a", "openaicompatibl/a"])
async def test_a_hint_names_nothing_that_is_not_there(model: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(ModelNotFoundError) as caught:
            await client.chat(model, "Hi")
    assert "did you mean offline/a" not in str(caught.value)
    assert "did you mean openaicompatible/a" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[providers.home]\ntype = "aibm"\n', "dragoman.toml:2: providers.home.type: no provider type 'aibm'.*aibn"),
        ('[providers.home]\nprotocol = "openai-chats"\nurl = "http://x"\n', "dragoman.toml:2: .*openai-chat"),
        ('[providers.home]\ntype = "zzz"\n', "no provider type 'zzz'; `dragoman providers` lists them"),
        ('[providers.home]\nprotocol = "zzz"\nurl = "http://x"\n', "no protocol 'zzz'; expected one of .*openai-chat"),
        (
            "[providers.mine]\nurl = 'http://x'\n",
            "dragoman.toml:1: providers.mine: expected protocol or type, got neither",
        ),
        ('[models.fast]\ntargets = ["nowhere/x"]\n', r"dragoman.toml:2: models.fast.targets\[0\]: .*nowhere/x"),
        ('[gateway]\ndefault_model = "offline/elisa"\n', "dragoman.toml:2: gateway.default_model: .*eliza"),
    ],
)
def test_a_name_that_stands_for_nothing_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Client(configuration(tmp_path, text))


def test_all_names_that_stand_for_nothing_are_told_at_once(tmp_path: Path) -> None:
    text = (
        '[providers.home]\ntype = "aibm"\n[providers.mine]\n[models.fast]\ntargets = ["home/x", "nowhere/x"]\n'
        '[gateway]\ndefault_model = "offline/elisa"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        Client(configuration(tmp_path, text))
    assert [line.partition("dragoman.toml:")[2].partition(": ")[0] for line in str(caught.value).splitlines()] == [
        "2",
        "3",
        "5",
        "7",
    ]


CIRCLES = [
    (
        '[models.a]\ntargets = ["offline/echo", "a"]\n',
        "2: models.a.targets[1]: expected no route that is part of itself, got 'a'",
    ),
    (
        '[models.a]\ntargets = ["b"]\n[models.b]\ntargets = ["a"]\n',
        "4: models.b.targets[0]: expected no route that is part of itself, got 'a'",
    ),
]


@pytest.mark.parametrize(("text", "message"), CIRCLES)
def test_a_route_is_no_part_of_itself(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Client(configuration(tmp_path, text))
    assert message in str(caught.value)


def test_a_route_may_have_the_name_of_a_service_s_model(tmp_path: Path) -> None:
    text = '[models."offline/eliza"]\ntargets = ["offline/eliza", "offline/echo"]\n'
    assert Client(configuration(tmp_path, text)).default_model == "offline/eliza"


def test_no_service_may_take_the_offline_models_name(tmp_path: Path) -> None:
    text = '[providers.offline]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1/v1"\n'
    with pytest.raises(ConfigurationError, match=r"dragoman.toml:1: providers.offline: expected another name, since "):
        Client(configuration(tmp_path, text))


async def test_a_service_is_never_replaced_by_the_offline_model_in_silence(tmp_path: Path) -> None:
    async with Client(one_service(tmp_path, "http://127.0.0.1:1")) as client:
        assert client.default_model == ""
        with pytest.raises(InvalidRequestError, match=r"no model was named, .* set gateway.default_model"):
            await client.chat("", "Hi")
        assert (await client.chat("offline/echo", "Hi")).text == "Hi"


@pytest.mark.parametrize(
    ("more", "default"),
    [
        ('default_model = "a"\n', "up/a"),
        ('models = ["b", "a"]\n', "up/b"),
        ('models = ["b", "a"]\ndefault_model = "a"\n', "up/a"),
        ('[models.fast]\ntargets = ["up/z"]\n', "fast"),
        ('[gateway]\ndefault_model = "up/y"\n', "up/y"),
    ],
)
def test_the_default_is_a_model_that_is_known(tmp_path: Path, more: str, default: str) -> None:
    assert Client(one_service(tmp_path, "http://127.0.0.1:1", more)).default_model == default


async def test_tables_in_the_program_configure_a_client() -> None:
    async with serve(up) as server:
        tables = {"providers": {"up": {"protocol": "openai-chat", "url": f"{server.url}/v1", "api_key": "sk-mine"}}}
        async with Client(tables) as client:
            assert (await client.chat("up/m", "Hi")).text == "Hello"
    with pytest.raises(ConfigurationError, match=r"^providers.up.ulr: unknown key; did you mean url\?$"):
        Client({"providers": {"up": {"ulr": "http://x"}}})


async def test_a_wrong_option_is_named() -> None:
    async with Client(Config()) as client:
        with pytest.raises(InvalidRequestError, match="temperature"):
            await client.chat("offline/echo", "Hi", temperature="hot")  # type: ignore[call-overload]  # the point of the test


def test_a_default_model_is_known_where_any_name_may_be_asked_for(tmp_path: Path) -> None:
    path = one_service(tmp_path, "http://127.0.0.1:1", 'default_model = "m"\n')
    assert Client(path).models()[0] == "up/m"


def test_models_lists_routes_and_known_models(tmp_path: Path) -> None:
    path = configuration(
        tmp_path,
        '[providers.up]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1/v1"\nmodels = ["a", "b"]\n'
        '[models.fast]\ntargets = ["up/a"]\n',
    )
    assert Client(path).models() == ("fast", "up/a", "up/b", "offline/eliza", "offline/echo", "offline/script")


@pytest.mark.parametrize("messages", [None, 5, user("a message alone")])
async def test_messages_of_a_wrong_type_are_named(messages: object) -> None:
    async with Client(Config()) as client:
        with pytest.raises(InvalidRequestError, match="messages: expected"):
            await client.chat("offline/echo", messages)  # type: ignore[call-overload]  # the point of the test


CALLS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "chat": lambda client: client.chat("up/m", "Hi"),
    "stream": lambda client: client.stream("up/m", "Hi").response(),
    "run": lambda client: client.run("up/m", "Hi", tools=[]).response(),
    "map": lambda client: client.map("up/m", ["Hi"]),
    "embed": lambda client: client.embed("up/m", "Hi"),
    "count_tokens": lambda client: client.count_tokens("up/m", "Hi"),
    "list_models": lambda client: client.list_models(),
    "find_servers": lambda client: client.find_servers(),
    "forward": lambda client: client.forward("up", KeptCall("GET", "resp_1")),
    "async with": lambda client: client.__aenter__(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_client_says_so_and_calls_nobody(call: str) -> None:
    async with serve(up) as server:
        client = Client({"providers": {"up": {"protocol": "openai-chat", "url": f"{server.url}/v1"}}})
        await client.aclose()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await CALLS[call](client)
        assert not server.requests


async def test_a_client_that_is_closed_says_so_to_who_waits_for_its_models() -> None:
    asked = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        asked.set()
        await exchange.closed()

    async with serve(silent) as server:
        client = Client({"providers": {"up": {"protocol": "openai-chat", "url": f"{server.url}/v1"}}})
        waiting = asyncio.ensure_future(client.list_models())
        await asked.wait()
        await client.aclose()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gpt-5", "; expected PROVIDER/MODEL, or a route of the configuration"),
        ("openai:gpt-5", "; did you mean openai/gpt-5?"),
        ("qqqqqq/gpt-5", "; there is no service 'qqqqqq'"),
        ("google/gemini-2.5-pro", "; there is no service 'google'"),
        ("vertex_ai/gemini-2.5-pro", "; did you mean vertex/gemini-2.5-pro?"),
        ("opnai/gpt-5", "; did you mean openai/gpt-5?"),
        ("echo", "; did you mean 'offline/echo'?"),
    ],
)
async def test_a_name_of_no_model_is_told_with_what_a_name_is(name: str, hint: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(ModelNotFoundError) as caught:
            await client.chat(name, "Hi")
    assert caught.value.message == f"there is no model {name!r}{hint}"


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({}, "No key was sent: set OPENAI_API_KEY, or `api_key` of its entry."),
        ({"url": "http://127.0.0.1:{port}/own"}, "No key was sent: set `api_key` of its entry."),
        ({"api_key": "sk-wrong"}, None),
    ],
)
async def test_who_has_set_no_key_is_told_where_and_the_service_keeps_its_words(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, str], note: str | None
) -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(401, {"content-type": "application/json"}, b'{"error": {"message": "Who are you?"}}')

    async with serve(refuses) as server, serve(refuses) as other:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        entry = {key: value.format(port=other.port) for key, value in more.items()}
        async with Client({"providers": {"openai": entry}}) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.chat("openai/m", "Hi")
    assert caught.value.message == "Who are you?"
    assert getattr(caught.value, "__notes__", [None]) == [note]


async def test_a_name_that_no_model_has_costs_nothing_and_is_not_remembered() -> None:
    up = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9001/v1")
    async with Client(Config(providers={"up": up})) as client:
        assert client.plan("up/" + "e" * 1021).targets
        for name in ("up/" + "e" * 1022, "x" * 10_000_000):
            with pytest.raises(InvalidRequestError, match="model: expected at most 1024 characters, got 10") as caught:
                client.plan(name)
            assert (caught.value.param, name in client._models._plans) == ("model", False)


@pytest.mark.parametrize("model", [5, b"offline/echo", ["offline/echo"]])
async def test_a_model_that_is_no_text_is_named(model: Any) -> None:
    async with Client(Config()) as client:
        with pytest.raises(InvalidRequestError, match="model: expected a string"):
            client.handler(model)
        with pytest.raises(InvalidRequestError, match="model: expected"):
            await client.chat(model, "Hi")
        with pytest.raises(InvalidRequestError, match="model: expected a string"):
            await client.open(ChatRequest(model=model, messages=(user("Hi"),)))
        with pytest.raises(InvalidRequestError, match="expected a ChatRequest"):
            await client.open(model)


async def test_a_stream_reads_its_arguments_at_once() -> None:
    async with Client(Config()) as client:
        conversation = [user("first")]
        stream = client.stream("offline/echo", conversation)
        conversation.append(user("later"))
        assert (await stream.response()).text == "first"
        with pytest.raises(InvalidRequestError, match=r"messages\[0\].role"):
            client.stream("offline/echo", [{"role": "usr", "content": "x"}])
        with pytest.raises(InvalidRequestError, match="timeout: expected seconds above 0"):
            client.stream("offline/echo", "x", timeout=0)


@pytest.mark.parametrize("config", [[], 5, b"dragoman.toml", ()])
def test_a_configuration_of_a_wrong_type_is_named(config: Any) -> None:
    with pytest.raises(TypeError, match=f"^config: expected tables, .* got {type(config).__name__}$"):
        Client(config)


async def test_a_whole_reply_among_messages_is_told_what_is_meant() -> None:
    async with Client(Config()) as client:
        reply = await client.chat("offline/echo", "x")
        with pytest.raises(
            InvalidRequestError, match=r"^messages\[1\]: .* got a ChatResponse, whose `message` is one$"
        ):
            await client.chat("offline/echo", [user("x"), reply])
