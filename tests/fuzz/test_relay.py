"""Golden answers with something wrong in them, through a gateway that relays, over real sockets."""

import json
import random
from collections.abc import Iterator

import pytest

from tests.cases.reading import DONE, events
from tests.fuzz.mutations import Mutant, mutants
from tests.fuzz.readable import readable
from tests.fuzz.test_answers import GOLDENS, SEED, SHOWN, Golden, Outcome
from tests.support.gateway import Got, running_gateway
from tests.support.relaying import configured, post, question, turn
from tests.support.server import Exchange, serve

SAMPLE = 12
MAX_TRIED = 500
"""Mutants of each golden answer, of some thousands; the whole takes minutes."""


class Script:
    """A service that sends the pieces it is given, each in a read of its own."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def __call__(self, exchange: Exchange) -> None:
        whole = len(self.pieces) == 1 and self.pieces[0].startswith(b"{")
        await exchange.head(headers={"content-type": "application/json" if whole else "text/event-stream"})
        for piece in self.pieces:
            await exchange.chunk(piece)
            await turn()
        await exchange.end()


def faults(golden: Golden, mutant: Mutant, body: bytes, got: Got) -> Iterator[str]:
    """What must not be."""
    said = [data.strip() for data in events(got.body)]
    marked = DONE in said
    error = failure(got.text if got.status != 200 else said[-1] if said else "")
    if error is not None and marked and got.status == 200:
        yield f"an end mark after {error}"
    if error is None and not (marked and got.clean):
        yield "neither an error nor an end"
    yield from golden.faults(mutant, body, Outcome("".join(readable(got.body).words), error))


def failure(data: str) -> str | None:
    """The code of an error that is told; None if none is."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return str(error.get("code")) if isinstance(error, dict) else None


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
async def test_a_relay_passes_all_or_says_what_failed(golden: Golden, request: pytest.FixtureRequest) -> None:
    everything = list(mutants(golden.data, SEED))
    size = MAX_TRIED if request.config.getoption("--mutations") else SAMPLE
    rng = random.Random(SEED)
    tried = rng.sample(everything, min(size, len(everything)))
    script = Script()
    found: list[str] = []
    async with serve(script) as service, running_gateway(configured(service.url)) as url:
        for mutant in tried:
            body = mutant.write()
            at = rng.randrange(len(body) + 1)
            script.pieces = [piece for piece in (body[:at], body[at:]) if piece]
            got = await post(url, question(stream=True))
            found += [f"{mutant.name}, cut at {at}: {fault}" for fault in faults(golden, mutant, body, got)]
    assert not found, "\n".join([f"{golden.name}: {len(found)} of {len(tried)}", *found[:SHOWN]])
