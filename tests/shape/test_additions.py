"""What an addition touches: each kind is added to a copy of the package, works there, and needed no other file."""

from pathlib import Path

import pytest

from tests.cli.shell import DONE, REPOSITORY, SSE, chunk
from tests.shape.copied import NEW, Copied
from tests.support.server import Exchange, serve

DIALECT = {"protocols/shout.py": NEW, "protocols/registry.py": "+2 -0"}
SHOUT = '[providers.loud]\nprotocol = "shout"\nurl = "{url}"\n'
SERVES_SHOUT = """
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.shout import ShoutClient
from dragoman.providers.base import AsyncGeneratorProvider


class Loud(AsyncGeneratorProvider):
    generic = ShoutClient.name

    @classmethod
    def codec(cls) -> ClientCodec:
        return ShoutClient(cls.url)
"""
PLANNED = """
from dragoman import SyncClient

route = {"strategy": "backwards", "targets": ["offline/echo", "offline/script"]}
with SyncClient({"models": {"route": route}}) as client:
    print(client.chat("route", "text: Hello").text)
"""

SERVED = """
import asyncio
from dragoman.config import Config
from dragoman.gateway import Gateway
from dragoman.types import ServerRequest, ServerResponse

async def main():
    gateway = Gateway(Config())

    def admitted(method):
        call = ServerRequest(method=method, path="/health/up/ready", headers=((b"host", b"localhost"),))
        return gateway.admit(call, gateway.outcome(call, ""))

    got = admitted("GET"), admitted("DELETE")
    print(*(each.status if isinstance(each, ServerResponse) else 200 for each in got))
    await gateway.aclose()

asyncio.run(main())
"""

CALLED = f"""
import asyncio, sys
sys.path.append({str(REPOSITORY)!r})
from tests.support.gateway import ask, running

async def main():
    async with running() as up:
        for method, path, body in (
            ("POST", "/parrot", b"Hello"),
            ("GET", "/parrot/words/a/b", b""),
            ("GET", "/parrot/wings", b""),
            ("DELETE", "/parrot/words/a", b""),
            ("GET", "/wings", b""),
        ):
            got = await ask(up.url, method, path, body=body)
            print(got.status, got.headers.get("allow"), got.text.strip()[:28])

asyncio.run(main())
"""
ANSWERED = """\
200 None Hello
200 None a/b
404 None Squawk! GET /parrot/wings is
405 GET Squawk! /parrot/words/a: exp
404 None {"error":{"message":"GET /wi
"""

SIBLINGS = {
    "providers": "Providers do not know each other",
    "protocols": "Protocols do not know each other",
    "protocols/webchat": "Protocols of chat sites do not know each other",
    "routing/strategies": "Strategies do not know each other",
    "gateway/fronts": "Fronts do not know each other",
    "cli/commands": "Commands do not know each other",
}
"""Rooms whose modules do not know each other, and the contract that says so."""


@pytest.fixture
def package(tmp_path: Path) -> Copied:
    """A fresh copy."""
    return Copied(tmp_path)


def test_a_copy_is_untouched_and_keeps_all_contracts(package: Copied) -> None:
    assert package.touched() == {}
    assert package.broken_contracts() == []


async def test_a_provider_is_one_file(package: Copied) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(headers=SSE, body=chunk("Hello") + chunk(finish="stop") + DONE)

    package.add_file("providers/mine.py", "provider.py")
    async with serve(answer) as server:
        config = f'[providers.here]\ntype = "mine"\nurl = "{server.url}"\n'
        _write(package.home / "dragoman.toml", config)
        ran = await package.run_beside("ask", "-m", "here/m", "hi")
    assert (ran.out, ran.err) == (b"Hello\n", "")
    assert package.touched() == {"providers/mine.py": NEW}
    assert package.broken_contracts() == []


def test_a_command_is_one_file_and_one_row(package: Copied) -> None:
    package.add_file("cli/commands/hello.py", "command.py")
    row = '    "hello": CommandRow("dragoman.cli.commands.hello", "Say hello."),'
    package.insert("cli/program.py", row, before='"completion": CommandRow')
    assert package.run("hello", "you").out == b"Hello, you.\n"
    assert b"hello       Say hello." in package.run("--help").out
    assert package.touched() == {"cli/commands/hello.py": NEW, "cli/program.py": "+1 -0"}
    assert package.broken_contracts() == []


def test_a_path_of_a_front_is_one_row(package: Copied) -> None:
    row = '        Row("GET", "/health/{part}/ready", ImmediateEndpoint(lambda call: OK)),'
    package.insert("gateway/fronts/health.py", row, before='Row("GET", "/health/ready"')
    assert package.python(SERVED) == "200 405\n"
    assert package.touched() == {"gateway/fronts/health.py": "+1 -0"}
    assert package.broken_contracts() == []


def test_a_front_is_one_file(package: Copied) -> None:
    package.add_file("gateway/fronts/parrot.py", "front.py")
    assert package.python(CALLED) == ANSWERED
    assert package.touched() == {"gateway/fronts/parrot.py": NEW}
    assert package.broken_contracts() == []


def test_a_strategy_is_one_file_and_one_row(package: Copied) -> None:
    package.add_file("routing/strategies/backwards.py", "strategy.py")
    package.insert("routing/strategies/table.py", '    "backwards": backwards,', before='"fallback": fallback')
    package.insert(
        "routing/strategies/table.py",
        "from dragoman.routing.strategies.backwards import backwards",
        before="from dragoman.routing.strategies.cheapest",
    )
    assert package.python(PLANNED) == "Hello\n"
    assert package.touched() == {"routing/strategies/backwards.py": NEW, "routing/strategies/table.py": "+2 -0"}
    assert package.broken_contracts() == []


def test_a_dialect_is_its_module_and_a_row_of_the_registry(package: Copied) -> None:
    _add_dialect(package)
    code = "from dragoman.protocols.registry import DIALECTS; print(DIALECTS['shout'].server.__name__)"
    assert package.python(code) == "ShoutServer\n"
    assert package.touched() == DIALECT
    assert package.broken_contracts() == []


def test_a_dialect_that_no_provider_calls_is_told_so(package: Copied) -> None:
    _add_dialect(package)
    _write(package.home / "dragoman.toml", SHOUT.format(url="http://127.0.0.1:9"))
    assert "no provider calls services of the protocol 'shout'" in package.run("models").err


async def test_a_dialect_is_called_once_a_provider_says_that_it_does(package: Copied) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(body=b"YOU SAID " + exchange.request.body + b"\n")

    _add_dialect(package)
    package.add("providers/loud.py", SERVES_SHOUT)
    async with serve(answer) as server:
        _write(package.home / "dragoman.toml", SHOUT.format(url=server.url))
        ran = await package.run_beside("ask", "-m", "loud/m", "hi")
    assert (ran.out, ran.err) == (b"YOU SAID HI\n", "")
    assert package.touched() == DIALECT | {"providers/loud.py": NEW}


def test_a_new_sibling_must_not_know_another(package: Copied) -> None:
    for room in SIBLINGS:
        package.add(f"{room}/first.py", "ONE = 1\n")
        package.add(f"{room}/second.py", f"from dragoman.{room.replace('/', '.')}.first import ONE as TWO\n")
    assert sorted(package.broken_contracts()) == sorted(SIBLINGS.values())


def test_a_new_room_needs_a_place_among_the_others(package: Copied) -> None:
    package.add("attic/__init__.py", "")
    assert package.broken_contracts() == ["Imports point down"]


def _add_dialect(package: Copied) -> None:
    package.add_file("protocols/shout.py", "dialect.py")
    named = "from dragoman.protocols.shout import ShoutClient, ShoutServer"
    package.insert("protocols/registry.py", named, before="from dragoman.protocols.webchat.aibn import")
    row = '    ShoutClient.name: Dialect(ShoutClient, ShoutServer, no_relay="a test"),'
    package.insert("protocols/registry.py", row, before="AibnClient.name: Dialect(")


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
