"""A gateway whose service is another gateway: what a caller hears, and the services get, is as with one gateway."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig, TimeoutsConfig
from dragoman.types import Outcome
from tests.matrix.cells import Cell, Services, play, stage
from tests.matrix.dialects import CALLERS, SERVICES
from tests.matrix.report import cells, judge, possible
from tests.matrix.scenes import Json
from tests.matrix.test_python import sent
from tests.support.gateway import running

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BASES = {"openai-chat": "/v1", "openai-responses": "/v1"}
"""What the URL of a gateway has after the host, for the clients of a protocol."""


@asynccontextmanager
async def chain(chosen: Sequence[Cell], protocol: str) -> AsyncIterator[tuple[str, Services, list[Outcome]]]:
    """A gateway that calls the stage's in this protocol, and its outcomes, which are known when it has closed."""
    timeouts = TimeoutsConfig(connect=None, first_byte=None, first_token=None, idle=None)
    outcomes: list[Outcome] = []
    async with stage(chosen) as (inner, services):
        url = inner + BASES.get(protocol, "")
        before = ProviderConfig(protocol=protocol, url=url, api_key="key-of-caller", timeouts=timeouts)
        config = Config(gateway=GatewayConfig(port=0, api_keys=("key-of-caller",)), providers={"next": before})
        async with running(config, observers=[outcomes.append]) as outer:
            yield outer.url, services, outcomes


@pytest.mark.timeout(120)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_relay_to_another_gateway_changes_nothing(caller: str) -> None:
    chosen = possible(cells([caller], SERVICES))
    async with chain(chosen, caller) as (url, services, outcomes), CALLERS[caller].client(url) as client:

        async def asker(_: str, asked: Json, stream: bool) -> Json:
            return await sent(caller, client, asked | {"model": f"next/{asked['model']}"}, stream)

        await play(chosen, services, asker)
    _, wrong = judge([(cell, services.came[cell.service, cell.name]) for cell in chosen])
    assert not wrong, "\n".join(wrong)
    assert len(outcomes) == sum(len(services.came[cell.service, cell.name].outcomes) for cell in chosen)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("caller", ["openai-chat", "anthropic", "gemini"])
async def test_what_is_lost_behind_a_gateway_is_told_by_the_one_before_it(caller: str) -> None:
    chosen = [cell for cell in possible(cells([caller], SERVICES)) if cell.scene.answers[0].failure is None]
    async with chain(chosen, caller) as (url, services, outcomes), CALLERS[caller].client(url) as client:

        async def asker(_: str, asked: Json, stream: bool) -> Json:
            return await sent(caller, client, asked | {"model": f"next/{asked['model']}"}, stream)

        await play(chosen, services, asker)
    for cell in chosen:
        if not cell.stream:  # the losses of a stream are known when its head has gone out
            inner = [outcome.losses for outcome in services.came[cell.service, cell.name].outcomes]
            outer = [outcome.losses for outcome in outcomes if outcome.model == f"next/{cell.model}"]
            assert sorted(outer) == sorted(inner), cell.name
