"""A call that is cancelled wherever it waits: nothing is left of it, and the next one is answered."""

from collections.abc import Awaitable, Callable

import pytest

from dragoman.client import Client
from tests.schedules.services import World, world
from tests.schedules.suspensions import CancelledThereError, cancelled_at
from tests.support.readings import RELAYED

MOST = 400
"""Places at which one call waits at most."""

Call = Callable[[Client], Awaitable[object]]


def weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: rain"


def chat(model: str) -> Call:
    """A whole answer."""

    async def call(client: Client) -> object:
        reply = await client.chat(model, "hi", retries=0)
        assert reply.parts
        return reply

    return call


def stream(model: str) -> Call:
    """An answer as it comes."""

    async def call(client: Client) -> object:
        async with client.stream(model, "hi", retries=0) as events:
            return [event async for event in events]

    return call


async def run(client: Client) -> object:
    """A model that calls a function."""
    reply = await client.run("called/m", "hi", tools=[weather], retries=0).response()
    assert reply.text
    return reply


async def embed(client: Client) -> object:
    """Vectors."""
    return await client.embed("openai-chat/m", ["a"], retries=0)


CALLS: dict[str, Call] = {
    "openai-chat, whole": chat("openai-chat/m"),
    "openai-chat, stream": stream("openai-chat/m"),
    "a route that falls back, whole": chat("route"),
    "a route that falls back, stream": stream("route"),
    "a run": run,
    "embed": embed,
}
"""Those of the default tier."""
MORE: dict[str, Call] = {
    f"{name}, {form}": make(f"{name}/m")
    for name in RELAYED
    if name != "openai-chat"
    for form, make in (("whole", chat), ("stream", stream))
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each call."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [*CALLS, *(MORE if metafunc.config.getoption("--faults") else ())])


async def test_a_call_may_be_cancelled_wherever_it_waits(name: str) -> None:
    async with world() as one:
        places = await cancel_everywhere(one, (CALLS | MORE)[name])
        assert 2 < places < MOST


async def cancel_everywhere(one: World, call: Call) -> int:
    """Cancels the call at each place. Returns how many there are."""
    for place in range(1, MOST):
        try:
            await cancelled_at(place, call(one.client))  # type: ignore[arg-type]  # an async function's is a coroutine
        except CancelledThereError:
            await one.check_left()
        else:
            await one.check_clean()
            return place - 1
        if place % 5 == 0:
            await call(one.client)
            await one.check_clean()
    raise AssertionError(f"more than {MOST} places")
