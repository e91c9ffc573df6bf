"""Servers of models on this machine: which are found, how they are told apart, and what is never asked."""

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest

from dragoman.cli.commands.models import described, words
from dragoman.client import Client, SyncClient
from dragoman.client.local_servers import FoundServer
from dragoman.errors import ModelNotFoundError
from dragoman.providers.openai_services.local import SERVERS
from dragoman.providers.openai_services.row import LocalServer
from dragoman.wire.json import encode
from tests.support.canned import CannedReply, CannedTransport
from tests.support.server import Exchange, Handler, serve

LIST = "application/json"


def listing(owner: str | None, *names: str, status: int = 200) -> Handler:
    """A server whose list has these models."""
    entries = [{"id": name} | ({} if owner is None else {"owned_by": owner}) for name in names]

    async def answer(exchange: Exchange) -> None:
        assert (exchange.request.method, exchange.request.path) == ("GET", "/v1/models")
        assert "authorization" not in exchange.request.headers
        await exchange.reply(status, {"content-type": LIST}, encode({"object": "list", "data": entries}))

    return answer


def saying(status: int, kind: str, body: bytes) -> Handler:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(status, {"content-type": kind}, body)

    return answer


def table(url: str) -> tuple[LocalServer, ...]:
    """Three programs that share a port."""
    return (
        LocalServer("llamacpp", "llama.cpp", f"{url}/v1", "llamacpp"),
        LocalServer("localai", "LocalAI", f"{url}/v1"),
        LocalServer("mlx", "MLX LM", f"{url}/v1"),
    )


async def found_at(handler: Handler, config: dict[str, Any] | None = None) -> tuple[FoundServer, ...]:
    async with serve(handler) as server, Client(config or {}) as client:
        return await client.find_servers(table(server.url))


@pytest.mark.parametrize(
    ("owner", "title"),
    [
        ("llamacpp", "llama.cpp"),
        (None, "LocalAI or MLX LM"),
        ("somebody else", "LocalAI or MLX LM"),
    ],
)
async def test_programs_on_one_port_are_told_apart_by_the_owner_of_their_models(owner: str | None, title: str) -> None:
    (found,) = await found_at(listing(owner, "a", "b"))
    assert (found.title, found.models, found.keyed) == (title, ("a", "b"), False)


async def test_several_are_found_in_the_order_of_their_addresses_and_each_is_asked_once() -> None:
    async with serve(listing("vllm", "a")) as one, serve(listing("sglang", "b")) as two, Client({}) as client:
        servers = (
            LocalServer("vllm", "vLLM", f"{one.url}/v1", "vllm"),
            LocalServer("sglang", "SGLang", f"{two.url}/v1"),
        )
        found = await client.find_servers(servers)
        assert sorted(each.title for each in found) == ["SGLang", "vLLM"]
        assert (len(one.connections), len(two.connections)) == (1, 1)


@pytest.mark.parametrize(
    "handler",
    [
        saying(200, "text/html", b"<html>hello</html>"),
        saying(200, LIST, b'{"status":"ok"}'),
        saying(200, LIST, b'{"data":null}'),
        saying(200, LIST, b"{"),
        saying(404, LIST, b'{"error":"no such path"}'),
        saying(401, LIST, b'{"error":"who are you?"}'),
        saying(302, "text/html", b""),
    ],
)
async def test_other_programs_are_not_taken_for_servers_of_models(handler: Handler) -> None:
    assert await found_at(handler) == ()


async def test_nobody_listens(unused_tcp_port: int) -> None:
    async with Client({}) as client:
        assert await client.find_servers(table(f"http://127.0.0.1:{unused_tcp_port}")) == ()


async def test_one_that_says_nothing_in_time_is_left_out() -> None:
    transport = CannedTransport(CannedReply([TimeoutError()]))
    async with Client({}, transport=transport) as client:
        assert await client.find_servers(table("http://127.0.0.1:1")) == ()
    (route,) = transport.routes
    assert (route.timeouts.connect, route.timeouts.total, route.proxy) == (0.3, 2.0, None)


async def test_no_other_machine_is_asked() -> None:
    transport = CannedTransport()
    async with Client({}, transport=transport) as client:
        assert await client.find_servers([LocalServer("up", "Up", "http://up.example:8080/v1")]) == ()
    assert transport.sent == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_one_that_is_configured_is_not_asked_again(host: str) -> None:
    transport = CannedTransport()
    tables = {"providers": {"mine": {"protocol": "openai-chat", "url": f"http://{host}:8080/v1"}}}
    async with Client(tables, transport=transport) as client:
        assert await client.find_servers(table("http://127.0.0.1:8080")) == ()
    assert transport.sent == []


async def test_one_that_always_wants_a_key_is_found_by_its_refusal() -> None:
    async with serve(saying(401, LIST, b'{"error":"no key"}')) as server, Client({}) as client:
        (found,) = await client.find_servers([LocalServer("jan", "Jan", f"{server.url}/v1", keyed=True)])
    assert (found.title, found.keyed) == ("Jan", True)
    assert entry(found) == '[providers.jan]\napi_key = { env = "JAN_API_KEY" }'


LM_STUDIO = LocalServer("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1")
NEW = LocalServer("new", "New", "http://127.0.0.1:1234/v1")


def entry(found: FoundServer, configured: Sequence[str] = ()) -> str:
    return found.entry(configured, SyncClient({}).providers)


ENTRIES = [
    ((LM_STUDIO,), (), "[providers.lmstudio]"),
    ((LM_STUDIO,), ("lmstudio",), '[providers.lmstudio-1234]\ntype = "lmstudio"'),
    ((NEW, LM_STUDIO), (), "[providers.lmstudio]"),
    ((NEW,), (), '[providers.new]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1234/v1"'),
    ((NEW,), ("new",), '[providers.new-1234]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1234/v1"'),
    ((), (), '[providers.local1234]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1234/v1"'),
]


@pytest.mark.parametrize(("servers", "configured", "lines"), ENTRIES)
def test_the_lines_to_add_are_a_configuration_that_calls_it(
    servers: tuple[LocalServer, ...], configured: tuple[str, ...], lines: str
) -> None:
    found = FoundServer("http://127.0.0.1:1234/v1", servers)
    assert entry(found, configured) == lines
    tables = tomllib.loads(lines)
    (name,) = tables["providers"]
    with SyncClient(tables) as client:
        assert client.providers[name].url == found.url


def test_ollama_has_a_protocol_of_its_own() -> None:
    (ollama,) = (server for server in SERVERS if server.name == "ollama")
    assert entry(FoundServer(ollama.url, (ollama,))) == "[providers.ollama]"
    with SyncClient({"providers": {"ollama": {}}}) as client:
        assert client.providers["ollama"].codec().name == "ollama"


def test_what_is_found_is_shown_with_the_lines_to_add() -> None:
    found = FoundServer("http://127.0.0.1:1234/v1", (LM_STUDIO,), ("a",))
    assert words(found, "[providers.lmstudio]\nx = 1") == (
        "\nfound at http://127.0.0.1:1234 (LM Studio): add to the configuration\n\n    [providers.lmstudio]\n    x = 1"
    )
    assert described(found, "[providers.lmstudio]") == {
        "url": "http://127.0.0.1:1234",
        "servers": ["LM Studio"],
        "models": ("a",),
        "entry": "[providers.lmstudio]",
    }
    nobody = FoundServer("http://127.0.0.1:1234/v1", ())
    assert words(nobody, "…").startswith("\nfound at http://127.0.0.1:1234 (OpenAI's protocol): add")


async def test_a_service_of_the_catalogue_is_asked_for_its_models_if_it_is_named() -> None:
    transport = CannedTransport(CannedReply([[b'{"data":[{"id":"llama"}]}']], media_type=LIST))
    async with Client({}, transport=transport) as client:
        assert (await client.list_models("groq"))[0] == "groq/llama"
        with pytest.raises(ModelNotFoundError, match=r"there is no service 'grok'; did you mean groq\?"):
            await client.list_models("grok")
    (sent,) = transport.sent
    assert sent.url == "https://api.groq.com/openai/v1/models"
