"""Names are looked up beside each other, each once; a resolver that is silent delays nobody else."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import enumerate

import pytest

from dragoman.errors import ConnectError, TimeoutError
from dragoman.transport.base import Route
from dragoman.transport.native import NativeTransport, Stats
from dragoman.transport.native.lookup import Lookups
from dragoman.transport.native.sockets import Address
from tests.support.names import BEYOND, HERE, NOT_NOW, SILENCE, UNKNOWN, Answers, Names
from tests.support.proxy import run_proxy
from tests.support.server import Exchange, serve
from tests.transport.native.reading import get, whole, within


@pytest.fixture
def names() -> Iterator[Names]:
    """What the tests know; `silent` is an address that comes late."""
    silent: dict[str, Answers] = {f"silent{number}": (SILENCE, UNKNOWN) for number in range(50)}
    table: dict[str, Answers] = {"here": ([HERE],), "two": ([BEYOND, HERE],), "later": (NOT_NOW,)}
    made = Names({"silent": (SILENCE, [HERE])} | silent | table)
    yield made
    made.break_silence()


def begun(names: Names) -> "closing[Lookups]":
    """The lookups of the running loop; their thread ends with the block."""
    return closing(Lookups(asyncio.get_running_loop(), names))


async def echo(exchange: Exchange) -> None:
    await exchange.reply(200, {}, exchange.request.body)


async def test_silent_names_delay_no_other(names: Names) -> None:
    with begun(names) as lookups:
        hung = [asyncio.create_task(lookups.addresses(f"silent{number}", 1)) for number in range(50)]
        await names.came(50)
        assert [address[4] for address in await lookups.addresses("here", 7)] == [(HERE, 7)]
        names.break_silence()
        found = await asyncio.gather(*hung, return_exceptions=True)
        assert all(isinstance(each, socket.gaierror) for each in found)


async def test_a_name_is_looked_up_once_for_all_who_wait(names: Names) -> None:
    with begun(names) as lookups:
        waiting = [asyncio.create_task(lookups.addresses("silent", 7)) for _ in range(9)]
        await names.came(1)
        for task in waiting[::2]:
            task.cancel()
        names.break_silence()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in found] == [asyncio.CancelledError, list] * 4 + [asyncio.CancelledError]
        assert names.asked == ["silent"]
        await lookups.addresses("silent", 7)  # nothing is remembered: the address may change
        assert names.asked == ["silent"] * 2


async def test_all_who_wait_get_an_error_of_their_own(names: Names) -> None:
    with begun(names) as lookups:
        found = await asyncio.gather(*(lookups.addresses("later", 1) for _ in range(3)), return_exceptions=True)
        assert [repr(each) for each in found] == ["gaierror(-3, 'Temporary failure in name resolution')"] * 3
        assert len(set(map(id, found))) == 3


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "fe80::1%lo"])
async def test_an_address_needs_no_lookup(literal: str, names: Names) -> None:
    with begun(names) as lookups:
        (found,) = await lookups.addresses(literal, 7)
        assert (found[4][1], names.asked) == (7, [])


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a thread, which cannot tell when it has ended."""
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


def test_a_loop_that_ends_leaves_its_lookups(names: Names) -> None:
    async def begin() -> None:
        lookup = asyncio.create_task(Lookups(asyncio.get_running_loop(), names).addresses("silent", 1))
        await names.came(1)
        lookup.cancel()

    asyncio.run(begin())
    names.break_silence()  # the thread finds no loop, which must raise nothing: warnings are errors


async def test_what_a_resolver_raises_is_told_to_all_who_wait() -> None:
    def broken(host: str, port: int) -> list[Address]:
        raise ValueError("sk-secret")

    with closing(Lookups(asyncio.get_running_loop(), broken)) as lookups:
        for _ in range(2):
            with pytest.raises(OSError, match="the lookup failed: ValueError") as caught:
                await lookups.addresses("any", 1)
            assert "sk-secret" not in str(caught.value)


async def test_threads_end_whose_lookups_end_after_the_end(names: Names) -> None:
    before = lookup_threads()
    lookups = Lookups(asyncio.get_running_loop(), names)
    hung = asyncio.create_task(lookups.addresses("silent", 1))
    await names.came(1)
    lookups.close()
    lookups.close()
    names.break_silence()
    assert [address[4] for address in await hung] == [(HERE, 1)]
    await until(lambda: lookup_threads() <= before)


def lookup_threads() -> int:
    """Threads that look names up, or wait for that."""
    return sum(thread.name == "lookup" for thread in enumerate())


async def test_one_thread_waits_for_the_next_lookup_and_the_others_end(names: Names) -> None:
    with begun(names) as lookups:
        hung = [asyncio.create_task(lookups.addresses(f"silent{number}", 1)) for number in range(5)]
        await names.came(5)
        assert lookup_threads() == 5
        names.break_silence()
        await asyncio.gather(*hung, return_exceptions=True)
        await until(lambda: lookup_threads() == 1)
        for _ in range(3):
            await lookups.addresses("here", 1)
            assert lookup_threads() == 1
        lookups.close()
        lookups.close()
        await until(lambda: lookup_threads() == 0)


async def test_a_lookup_that_ends_after_the_close_leaves_no_thread(names: Names) -> None:
    with begun(names) as lookups:
        hung = asyncio.create_task(lookups.addresses("silent", 1))
        await names.came(1)
        lookups.close()
        names.break_silence()
        await hung
        await until(lambda: lookup_threads() == 0)


async def test_the_threads_end_with_the_transport(names: Names) -> None:
    async with serve(echo) as server:
        transport = NativeTransport(resolver=names)
        await whole(await transport.send(get(f"http://here:{server.port}"), Route()))
        transport.close()
    await until(lambda: lookup_threads() == 0)


@pytest.mark.parametrize("name", ["here", "two"])
async def test_leads_to_the_address_that_answers(name: str, names: Names) -> None:
    async with serve(echo) as server:
        transport = NativeTransport(resolver=names)
        assert await whole(await transport.send(get(f"http://{name}:{server.port}", body=b"x"), Route())) == b"x"
        transport.close()


async def test_the_wait_for_a_silent_resolver_is_limited(names: Names) -> None:
    transport = NativeTransport(resolver=names)
    with pytest.raises(TimeoutError) as caught:
        await transport.send(get("http://silent:1"), Route(within(connect=0.02)))
    assert caught.value.phase == "connect"
    assert transport.stats() == Stats(0, 0, 0)
    transport.close()


@pytest.mark.parametrize(("kind", "target"), [("socks5", HERE), ("socks5h", "localhost"), ("http", "localhost")])
async def test_a_proxy_is_looked_up_as_services_are(kind: str, target: str, names: Names) -> None:
    names.set("localhost", [HERE])
    async with serve(echo) as server, run_proxy(kind) as proxy:
        transport = NativeTransport(resolver=names)
        route = Route(proxy=proxy.url.replace(HERE, "two"))
        url = f"http://localhost:{server.port}"
        assert await whole(await transport.send(get(url, body=b"x"), route)) == b"x"
        asked = f"{target}:{server.port}"
        assert proxy.targets == [f"http://{asked}/" if kind == "http" else asked]
        assert names.asked == (["localhost", "two"] if kind == "socks5" else ["two"])
        transport.close()


@pytest.mark.parametrize(
    ("kind", "host", "proxy", "code"),
    [
        ("socks5", "nowhere", "here", "connect_error"),
        ("socks5", "here", "nowhere", "proxy_error"),
        ("socks5h", "nowhere", "later", "proxy_error"),
        ("http", "nowhere", "later", "proxy_error"),
    ],
)
async def test_the_error_names_who_has_no_address(kind: str, host: str, proxy: str, code: str, names: Names) -> None:
    transport = NativeTransport(resolver=names)
    with pytest.raises(ConnectError) as caught:
        await transport.send(get(f"http://{host}:1"), Route(proxy=f"{kind}://u:canary@{proxy}:1"))
    assert caught.value.code == code
    at_fault = host if code == "connect_error" else proxy
    assert str(caught.value).startswith(f"{at_fault}: no address: ")
    transport.close()
