"""Requests that run at the same time, in any order of their steps: each gets its own answer, and nothing is left.

A seed chooses the order, which of them fail, and which are cancelled and where. `--faults` tries 5,000 seeds, and
`--schedules-seed N` that one alone.
"""

import asyncio
import gc
import random

import pytest

from dragoman.errors import DragomanError
from tests.schedules.services import World, world
from tests.schedules.shuffled import run_shuffled
from tests.support.gateway import ask, chat_body, connect, running
from tests.support.readings import RELAYED

SEEDS, ALL = 200, 5_000
"""In the default tier, and behind `--faults`."""
STEP = 10
"""Seeds of one test."""
AT_ONCE = 8
"""Requests."""
CONNECTIONS = 3
"""Connections of the pool, for which requests must wait."""
MODELS = (*(f"{name}/m" for name in RELAYED), "route", "dead/m")
PATH = "/v1/chat/completions"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each few seeds, which its name shows."""
    if "seeds" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--schedules-seed")
        count = ALL if metafunc.config.getoption("--faults") else SEEDS
        every = range(count) if chosen is None else range(chosen, chosen + 1)
        some = [every[at : at + STEP] for at in range(0, len(every), STEP)]
        metafunc.parametrize("seeds", some, ids=lambda seeds: f"seeds {seeds[0]}-{seeds[-1]}")


def test_any_order_gives_each_its_answer(seeds: range) -> None:
    gc.collect()
    gc.freeze()  # each seed collects its garbage, and need not look at what other tests left
    for seed in seeds:
        try:
            run_shuffled(seed, at_once(seed))
        except BaseException as exc:
            exc.add_note(f"`--schedules-seed {seed}` runs this seed alone")
            raise


async def at_once(seed: int) -> None:
    """Many requests at once, over the library and over a gateway, which share one pool."""
    rng = random.Random(seed)
    async with world(CONNECTIONS) as one, running(one.client.config, client=one.client) as up:
        whole = {model: (await one.client.chat(model, "hi")).text for model in MODELS if model != "dead/m"}
        asked = [
            over_library(one, whole, rng) if rng.random() < 0.5 else over_gateway(up.url, rng) for _ in range(AT_ONCE)
        ]
        tasks = [asyncio.create_task(each) for each in asked]
        for task in rng.sample(tasks, 2):
            for _ in range(rng.randrange(40)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()
        await one.check_clean()
        assert (await one.client.chat("route", "hi")).text == whole["route"]


async def over_library(one: World, whole: dict[str, str], rng: random.Random) -> None:
    """One request through the client."""
    model = rng.choice(MODELS)
    try:
        if rng.random() < 0.5:
            text = (await one.client.chat(model, "hi", retries=0)).text
        else:
            text = "".join([piece async for piece in one.client.stream(model, "hi", retries=0).text])
    except DragomanError:
        assert model == "dead/m"
        return
    assert text == whole[model]


async def over_gateway(url: str, rng: random.Random) -> None:
    """One request through the gateway, whose caller may leave."""
    model = rng.choice(MODELS)
    body = chat_body("hi", model, stream=rng.random() < 0.5)
    if rng.random() < 0.2:
        async with connect(url) as wire:
            wire.send("POST", PATH, body=body)
            for _ in range(rng.randrange(30)):
                await asyncio.sleep(0)
            wire.writer.transport.abort()
        return
    got = await ask(url, "POST", PATH, body=body)
    assert got.clean
    assert got.status == (503 if model == "dead/m" else 200)
